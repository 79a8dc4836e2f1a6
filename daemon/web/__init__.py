"""The page and the REST interface around the folder (extra [web]): a process of its own.

serve      a Config becomes a running server        app       routes and middlewares
site       what the routes work with                nouns     what travels to templates and JSON
catalogue  what documents there are, searchable     words_of  how text is cut for searching
uploads    a stream becomes a file in the inbox     receive   a request's body becomes drafts
originals  where the bytes of a document lie now    pictures  pages to look at (paint draws one)
api        REST         openapi  its description    pages     HTML
security   who may ask, how often, from where

It reads the ledger and the outbox and writes nothing but files into the inbox, as anybody may: what
happens to it never touches the reading.
"""
