"""The endpoints of the REST interface; `openapi` describes them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from daemon.core.options import RequestOptions
from daemon.inbox.uploads import UPLOAD_FOLDER
from daemon.supervisor.request_options import InvalidOption, policy_of
from daemon.web.context import WebContext
from daemon.web.daemon_status import daemon_status
from daemon.web.http.errors import HttpError, PartialUpload, problem_response
from daemon.web.index.deletion import delete_result
from daemon.web.index.records import STATUSES, UNANSWERED, DocumentDetails
from daemon.web.rest import docs_page, downloads, openapi, parameters, serializers
from daemon.web.uploads.multipart import receive_form
from daemon.web.uploads.uploads import ReceivedFile, Upload

MAX_LIMIT = 200
MAX_OFFSET = 10**9
MAX_QUERY_CHARACTERS = 500
MAX_WAITING_REQUESTS = 100  # of `/predict` at once
FIRST_POLL_SECONDS, MAX_POLL_SECONDS = 0.05, 0.25  # between two checks for a result
IMAGE_CACHE_SECONDS = 600  # in the browser


def routes(context: WebContext) -> list[BaseRoute]:
    """Return the routes of the REST interface."""
    rest = _RestEndpoints(context)

    def route(path: str, endpoint: parameters.Endpoint, *methods: str) -> Route:
        described = path.replace(":path}", "}")  # OpenAPI has no parameters with slashes
        return Route(path, parameters.checked(described, endpoint), methods=methods or ["GET"])

    return [
        route("/predict", rest.predict, "POST"),
        route("/upload", rest.upload, "POST"),
        route("/documents", rest.documents),
        route("/documents/{id}", rest.document, "GET", "DELETE"),
        route("/documents/{id}/text", rest.text),
        route("/documents/{id}/markdown", rest.markdown),
        route("/documents/{id}/corrections", rest.corrections),
        route("/documents/{id}/outputs/{name:path}", rest.output),
        route("/documents/{id}/original", rest.original),
        route("/documents/{id}/pages/{number}/image", rest.page_image),
        route("/documents/{id}/retry", rest.retry, "POST"),
        route("/healthz", rest.healthz),
        Route("/openapi.json", rest.openapi),
        *docs_page.routes(),
    ]


class _RestEndpoints:
    """One method for each endpoint; file system and ledger are accessed in threads."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._catalogue = context.catalogue
        self._one_image = CapacityLimiter(1)
        self._waiting_requests = 0

    # --- uploads --------------------------------------------------------------------------------

    async def predict(self, request: Request) -> Response:
        """Read one file and respond with its text."""
        uploads = self._context.uploads
        files, options = await self._receive(request)
        try:
            if len(files) > 1:
                reason = "send one file; POST /upload accepts several"
                raise HttpError(400, "too_many_files", reason)
            if earlier := await self._find_answered(files[0], options):
                await to_thread.run_sync(uploads.discard, None, files)
                return await to_thread.run_sync(partial(self._result, earlier, is_cached=True))
            self._check_capacity()
        except HttpError:
            await to_thread.run_sync(uploads.discard, None, files)
            raise
        self._waiting_requests += 1
        try:
            commit = partial(uploads.commit_all, files, options, is_awaited=True)
            (upload,) = await to_thread.run_sync(commit)
            return await self._wait_for_result(request, upload.id)
        finally:
            self._waiting_requests -= 1

    async def upload(self, request: Request) -> Response:
        """Accept files and respond with the locations of their documents."""
        files, options = await self._receive(request)
        try:
            commit = self._context.uploads.commit_all
            accepted = _accepted(await to_thread.run_sync(commit, files, options))
        except PartialUpload as error:
            return problem_response(error, documents=_accepted(error.accepted))
        return JSONResponse({"documents": accepted}, 202, {"Location": accepted[0]["location"]})

    async def _receive(self, request: Request) -> tuple[list[ReceivedFile], RequestOptions]:
        """Return the files of a request, and the options that its sender asks for."""
        uploads, query = self._context.uploads, parameters.query_of(request)
        try:
            self._profile(parameters.options_of(query))
        except HttpError:
            await parameters.drain(request)
            raise
        form = await receive_form(request, uploads, self._context.upload_bytes)
        try:
            options = parameters.options_of_upload(query, form.fields)
            self._profile(options)
        except HttpError:
            await to_thread.run_sync(uploads.discard, None, form.files)
            raise
        return form.files, options

    def _profile(self, options: RequestOptions) -> str:
        """Return the profile of uploads with these options; HttpError if they are impossible."""
        policies, can_render = self._context.policies, self._context.can_render
        try:
            policy = policy_of(policies, f"{UPLOAD_FOLDER}/-", options, can_render=can_render)
        except InvalidOption as error:
            raise HttpError(400, "invalid_parameter", str(error)) from error
        return policy.profile

    async def _find_answered(
        self, file: ReceivedFile, options: RequestOptions
    ) -> DocumentDetails | None:
        """Return an answer to the content of a file under the same options, if there is one."""
        profile = self._profile(options)
        return await to_thread.run_sync(self._catalogue.find_answered, file.sha256, profile)

    def _check_capacity(self) -> None:
        """Raise HttpError if the daemon is down, or too many requests wait for a result."""
        if daemon_status(self._context.state, time.monotonic()).status == "down":
            reason = "the daemon is not running; POST /upload keeps the file until it is started"
            raise HttpError(503, "daemon_not_running", reason, {"Retry-After": "30"})
        if self._waiting_requests >= MAX_WAITING_REQUESTS:
            reason = (
                f"{MAX_WAITING_REQUESTS} requests are already waiting for a result; "
                "POST /upload does not wait"
            )
            raise HttpError(503, "busy", reason, {"Retry-After": "5"})

    async def _wait_for_result(self, request: Request, identity: str) -> Response:
        """Wait for the result of an upload while the client stays connected."""
        deadline = time.monotonic() + self._context.predict_seconds
        pause = FIRST_POLL_SECONDS
        while time.monotonic() < deadline and not await request.is_disconnected():
            if response := await to_thread.run_sync(self._result_if_ready, identity):
                return response
            await asyncio.sleep(pause)
            pause = min(MAX_POLL_SECONDS, pause * 1.2)
        location = serializers.document_path(identity)
        error = HttpError(504, "timeout", f"the result is not ready yet; GET {location} later")
        response = problem_response(error, id=identity, location=location)
        response.headers["Location"] = location
        return response

    def _result_if_ready(self, identity: str) -> Response | None:
        """Return the result of an upload, None before there is one; HttpError if it is gone."""
        if not self._catalogue.is_answered(identity):
            return None
        details = self._catalogue.document(identity)
        if details and details.summary.status in UNANSWERED:
            return None  # it failed and is being retried
        resolved = self._catalogue.resolve_duplicate(details) if details else None
        has_text = (
            resolved
            and (resolved.sidecar or resolved.is_large)
            and resolved.summary.status != "duplicate"
        )
        if resolved is None or not has_text:
            raise HttpError(410, "gone", "the result was collected before it could be returned")
        return self._result(resolved, is_cached=resolved is not details)

    def _result(self, details: DocumentDetails, *, is_cached: bool) -> Response:
        content = {**serializers.document_json(details), "cached": is_cached}
        return self._json(content, details, 422 if details.summary.status == "failed" else 200)

    # --- queries --------------------------------------------------------------------------------

    async def documents(self, request: Request) -> Response:
        """List documents, newest first."""
        parameters = request.query_params
        query, status = parameters.get("query", ""), parameters.get("status", "")
        if len(query) > MAX_QUERY_CHARACTERS:
            reason = f"query may have at most {MAX_QUERY_CHARACTERS} characters"
            raise HttpError(400, "invalid_parameter", reason)
        if "status" in parameters and status not in STATUSES:
            reason = f"status must be one of {', '.join(STATUSES)}"
            raise HttpError(400, "invalid_parameter", reason)
        offset = _number(parameters.get("offset", "0"), 0, MAX_OFFSET, "offset")
        limit = _number(parameters.get("limit", "50"), 1, MAX_LIMIT, "limit")
        found = await to_thread.run_sync(self._catalogue.documents, query, status, offset, limit)
        return JSONResponse({
            "total": found.total, "offset": offset, "limit": limit,
            "documents": [serializers.summary_json(each) for each in found.documents],
        })  # fmt: skip

    async def document(self, request: Request) -> Response:
        """Return a document with its text and pages, or delete its result, never the original."""
        details = await self._details(request)
        if request.method == "DELETE":
            await to_thread.run_sync(delete_result, self._catalogue, details)
            return Response(status_code=204)
        if details.summary.is_gone:
            raise HttpError(410, "gone", "the result was collected or deleted")
        return await to_thread.run_sync(self._document, details)

    def _document(self, details: DocumentDetails) -> Response:
        resolved = self._catalogue.resolve_duplicate(details)
        return self._json(serializers.document_json(details, resolved), resolved)

    def _json(
        self, content: dict[str, Any], resolved: DocumentDetails, status: int = 200
    ) -> Response:
        """Return a document; one that is too large to be held in memory is streamed."""
        if not resolved.is_large:
            return JSONResponse(content, status)
        return downloads.document_response(content, *self._catalogue.pages(resolved), status)

    async def text(self, request: Request) -> Response:
        """Return the text of a document."""
        resolved = await self._readable(request)
        if resolved.sidecar is not None:
            return downloads.text_response(resolved.sidecar["text"])
        text, _ = await to_thread.run_sync(self._catalogue.pages, resolved)
        return downloads.text_response(text)

    async def markdown(self, request: Request) -> Response:
        """Return a document as Markdown."""
        resolved = await self._readable(request)
        if (sidecar := resolved.sidecar) is not None:
            return downloads.markdown_response(lambda: sidecar["pages"])
        await to_thread.run_sync(self._catalogue.pages, resolved)  # an error before the response
        return downloads.markdown_response(lambda: self._catalogue.pages(resolved)[1])

    async def corrections(self, request: Request) -> Response:
        """Return the lines of a document that were corrected on the web page."""
        resolved = await self._readable(request)
        found = await to_thread.run_sync(self._catalogue.corrections, resolved)
        return JSONResponse({"corrections": [serializers.correction_json(each) for each in found]})

    async def _readable(self, request: Request) -> DocumentDetails:
        """Return the document whose text is that of the requested one; HttpError if it has none."""
        details = await self._details(request)
        summary = details.summary
        if summary.status in UNANSWERED:
            reason = f"the document is not finished, its status is {summary.status}; ask again"
            raise HttpError(409, "busy", reason, {"Retry-After": "1"})
        if summary.status == "failed" and not summary.is_gone:
            raise HttpError(422, "not_readable", summary.error or "the document failed")
        resolved = await to_thread.run_sync(self._catalogue.resolve_duplicate, details)
        has_text = resolved.sidecar is not None or resolved.is_large
        if summary.is_gone or not has_text or resolved.summary.status == "duplicate":
            raise HttpError(410, "gone", "the result was collected or deleted")
        return resolved

    async def output(self, request: Request) -> Response:
        """Return one of the output files of a document."""
        details = await self._details(request)
        name = request.path_params["name"]
        return await to_thread.run_sync(downloads.output_response, self._catalogue, details, name)

    async def original(self, request: Request) -> Response:
        """Return the original file."""
        details = await self._details(request)
        return await to_thread.run_sync(downloads.original_response, self._catalogue, details)

    async def page_image(self, request: Request) -> Response:
        """Return a page as a JPEG."""
        details = await self._details(request)
        number = _number(request.path_params["number"], 1, 10**6, "the page number")
        try:
            path = await to_thread.run_sync(
                self._context.page_images.get, details, number, limiter=self._one_image
            )
        except LookupError as error:
            raise HttpError(404, "no_image", str(error.args[0])) from error
        headers = {"Cache-Control": f"private, max-age={IMAGE_CACHE_SECONDS}"}
        return FileResponse(path, media_type="image/jpeg", headers=headers)

    # --- changes --------------------------------------------------------------------------------

    async def retry(self, request: Request) -> Response:
        """Move the original of a failed document back into the inbox."""
        details = await self._details(request)
        await to_thread.run_sync(self._context.uploads.retry, details)
        location = serializers.document_path(details.summary.id)
        content = {"id": details.summary.id, "status": "waiting", "location": location}
        return JSONResponse(content, 202, {"Location": location})

    async def healthz(self, request: Request) -> Response:
        """Respond with the health of the web process and of the daemon."""
        del request
        daemon = daemon_status(self._context.state, time.monotonic()).status
        return JSONResponse({"status": "ok", "daemon": daemon})

    async def openapi(self, request: Request) -> Response:
        """Return the description of this interface."""
        del request
        return JSONResponse(openapi.document(needs_token=self._context.access.needs_token))

    async def _details(self, request: Request) -> DocumentDetails:
        identity = request.path_params["id"]
        details = await to_thread.run_sync(self._catalogue.document, identity)
        if details is None:
            raise HttpError(404, "not_found", "there is no such document")
        return details


def _accepted(uploads: Sequence[Upload]) -> list[dict[str, Any]]:
    return [serializers.upload_json(upload) for upload in uploads]


def _number(text: str, minimum: int, maximum: int, name: str) -> int:
    is_number = text.isascii() and text.isdecimal() and len(text) < 12
    if is_number and minimum <= int(text) <= maximum:
        return int(text)
    reason = f"{name} must be a number from {minimum} to {maximum}"
    raise HttpError(400, "invalid_parameter", reason)
