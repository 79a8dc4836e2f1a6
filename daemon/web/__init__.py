"""The web process: the page and the REST interface (extra [web]).

server          starts uvicorn and builds the services from the config
app             the Starlette application: routes, middleware, maintenance task
context         the services and values that the routes use
daemon_status   health of the daemon, computed from its heartbeat
sidecar_reader  reads sidecars; large ones without holding them in memory

ui/             HTML pages, templates, static files, texts in English and Chinese; actions on
                selected documents
rest/           REST endpoints, their OpenAPI document, JSON serializers, downloads
uploads/        from a request body to a file in the inbox
previews/       page images, thumbnails and crops of corrected lines, from a sandboxed process
index/          catalogue of documents: ledger, sidecars, inbox, originals; full-text search,
                reasons to wait, corrections of lines
http/           errors, middleware, access control, request bodies, file names, redirects

A package imports only those below it in this list. The web process reads the ledger and the
outbox, adds files to the inbox, deletes results and keeps corrections beside them, each as any
other program may: it never affects the daemon.
"""
