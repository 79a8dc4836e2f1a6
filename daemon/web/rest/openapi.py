"""The OpenAPI 3.1 document of the REST interface; a test holds every route to it."""

from __future__ import annotations

import functools
from typing import Any

from daemon import __version__
from daemon.web.index.records import STATUSES

ID = "^([uw]-)?[0-9a-f]{32}$"

_TEXT = {"type": "string"}
_MAYBE_TEXT = {"type": ["string", "null"]}
_COUNT = {"type": "integer", "minimum": 0}
_SHARE = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
_STATUS = {"enum": list(STATUSES)}
_ITEM = {
    "id": {"type": "string", "pattern": ID}, "name": _TEXT, "status": _STATUS, "bytes": _COUNT,
    "page_count": _COUNT, "confidence": _SHARE, "claimed_at": _MAYBE_TEXT,
    "answered_at": _MAYBE_TEXT, "error": _MAYBE_TEXT, "error_class": _MAYBE_TEXT, "location": _TEXT,
}  # fmt: skip
_DOCUMENT = {
    **_ITEM,
    "sha256": _MAYBE_TEXT,
    "text": {
        "type": ["string", "null"],
        "description": "null of a duplicate of one that is gone",
    },
    "pages": {
        "type": ["array", "null"], "items": {"type": "object"},
        "description": "as in the sidecar; null as text is",
    },
    "duplicate_of": {**_MAYBE_TEXT, "description": "an answer, by its path in the outbox"},
    "duplicate_location": {
        **_MAYBE_TEXT, "description": "the document whose text, pages and confidence these are",
    },
    "outputs": {"type": "array", "items": {"$ref": "#/components/schemas/Output"}},
    "original": {"type": ["string", "null"], "description": "its bytes, where they are kept"},
}  # fmt: skip


def _object(properties: dict[str, Any], *, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(description: str, name: str, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    content = {"application/json": {"schema": _ref(name)}}
    answer: dict[str, Any] = {"description": description, "content": content}
    return {**answer, "headers": headers} if headers else answer


_LOCATION = {"Location": {"description": "where to ask", "schema": _TEXT, "required": True}}
_SCHEMAS = {
    "Error": _object(
        {"error": _object({"class": _TEXT, "message": _TEXT}), "id": _TEXT, "location": _TEXT},
        optional=("id", "location"),
    ),
    "Piece": _object({"text": _TEXT, "hit": {"type": "boolean"}}),
    "Item": _object({**_ITEM, "snippet": {"type": "array", "items": _ref("Piece")}}),
    "Listing": _object(
        {
            "total": _COUNT,
            "offset": _COUNT,
            "limit": _COUNT,
            "documents": {"type": "array", "items": _ref("Item")},
        }
    ),
    "Output": _object(
        {
            "kind": _TEXT,
            "name": _TEXT,
            "media_type": _TEXT,
            "location": _TEXT,
            "bytes": {"type": ["integer", "null"]},
            "sha256": _MAYBE_TEXT,
        }
    ),
    "Document": _object(_DOCUMENT),
    "Prediction": _object({**_DOCUMENT, "cached": {"type": "boolean"}}),
    "Upload": _object(
        {
            "id": _TEXT,
            "name": _TEXT,
            "status": _STATUS,
            "bytes": _COUNT,
            "sha256": _TEXT,
            "location": _TEXT,
        }
    ),
    "Uploads": _object({"documents": {"type": "array", "items": _ref("Upload"), "minItems": 1}}),
    "Retry": _object({"id": _TEXT, "status": _STATUS, "location": _TEXT}),
    "Health": _object(
        {"status": {"const": "alive"}, "daemon": {"enum": ["alive", "not well", "not running"]}}
    ),
}
_FILE = {"type": "string", "format": "binary"}
_BODY = {
    "required": True,
    "description": "a form with the file in a field of any name, or the bytes themselves",
    "content": {
        "multipart/form-data": {
            "schema": {"type": "object", "properties": {"file": _FILE}, "required": ["file"]},
        },
        "application/octet-stream": {"schema": _FILE},
        "application/pdf": {"schema": _FILE},
        "image/*": {"schema": _FILE},
    },
}
_NAME = {
    "name": "name", "in": "query", "schema": _TEXT,
    "description": "what the file is called, where the body is its bytes",
}  # fmt: skip
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": ID}}
_BYTES = {"description": "the bytes", "content": {"*/*": {}}}


def _operation(
    summary: str, answers: dict[str, Any], parameters: list[dict[str, Any]], **more: object
) -> dict[str, Any]:
    """Return an operation; refusals look alike everywhere, and `refusals` are its usual ones."""
    usual = {"401": "no token", "421": "unknown host", "429": "too many requests"}
    refusals = {**usual, **more.pop("refusals", {})}  # type: ignore[dict-item]
    told = {code: _json(why, "Error") for code, why in refusals.items()}
    told["default"] = _json("refused", "Error")
    return {
        "summary": summary, "parameters": parameters, "responses": {**answers, **told}, **more,
    }  # fmt: skip


_UNFIT = {
    "400": "no file, or a malformed body", "408": "the body stalled", "413": "too large, or many",
    "415": "no image or PDF", "503": "too many wait, or the inbox is away", "507": "no room left",
}  # fmt: skip
_UNKNOWN = {"404": "no such document"}
_AWAY = {"503": "the outbox is away"}
_GONE = {**_UNKNOWN, **_AWAY, "410": "collected or deleted"}


def _listing() -> dict[str, Any]:
    parameters = [
        {"name": "query", "in": "query", "schema": {"type": "string", "maxLength": 500}},
        {"name": "status", "in": "query", "schema": _STATUS},
        {
            "name": "offset", "in": "query",
            "schema": {"type": "integer", "minimum": 0, "maximum": 10**9, "default": 0},
        },
        {
            "name": "limit", "in": "query",
            "schema": {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
        },
    ]  # fmt: skip
    return _operation(
        "list documents, newest first, that have all words of query in name or text",
        {"200": _json("a part of the list", "Listing")}, parameters,
        refusals={"400": "a parameter is not what it must be", **_AWAY},
    )  # fmt: skip


def _paths() -> dict[str, Any]:
    return {
        "/predict": {"post": _predict()},
        "/upload": {"post": _operation(
            "take images and PDFs to be read",
            {"202": _json("taken; each has an id and a location", "Uploads", _LOCATION)}, [_NAME],
            requestBody=_BODY, refusals=_UNFIT,
        )},
        "/documents": {"get": _listing()},
        **{f"/documents/{{id}}{rest}": operations for rest, operations in _of_a_document().items()},
        "/healthz": {"get": _operation(
            "whether site and daemon live", {"200": _json("the site lives", "Health")}, [],
            security=[],
        )},
    }  # fmt: skip


def _predict() -> dict[str, Any]:
    answer = {
        "200": _json("its text", "Prediction"), "422": _json("it cannot be read", "Prediction"),
    }  # fmt: skip
    late = {
        "410": "read, and collected before it was told",
        "503": "too many wait, or a folder is away",
        "504": "not read in time; ask location for it later",
    }  # fmt: skip
    return _operation(
        "read one image or PDF and wait for its text", answer, [_NAME], requestBody=_BODY,
        refusals={**_UNFIT, **late},
    )  # fmt: skip


def _of_a_document() -> dict[str, Any]:
    """Return what is below the path of a document."""
    number = {"name": "number", "in": "path", "required": True}
    of_page = {**number, "schema": {"type": "integer", "minimum": 1, "maximum": 10**6}}
    of_output = {"name": "name", "in": "path", "required": True, "schema": _TEXT}
    picture = {"description": "the page", "content": {"image/jpeg": {}}}
    return {
        "": {
            "get": _operation(
                "a document, with all that was read", {"200": _json("the document", "Document")},
                [_ID], refusals=_GONE,
            ),
            "delete": _operation(
                "delete the answer and its outputs, never the original",
                {"204": {"description": "deleted"}}, [_ID],
                refusals={**_GONE, "409": "not answered yet"},
            ),
        },
        "/outputs/{name}": {"get": _operation(
            "a file that the document was answered with", {"200": _BYTES}, [_ID, of_output],
            refusals=_GONE,
        )},
        "/original": {"get": _operation(
            "the bytes that landed", {"200": _BYTES}, [_ID], refusals=_GONE,
        )},
        "/pages/{number}/picture": {"get": _operation(
            "a page to look at", {"200": picture}, [_ID, of_page],
            refusals={**_UNKNOWN, **_AWAY, "400": "no number"},
        )},
        "/retry": {"post": _operation(
            "read a failed document again", {"202": _json("it is read again", "Retry", _LOCATION)},
            [_ID], refusals={**_GONE, "409": "it did not fail"},
        )},
    }  # fmt: skip


@functools.cache
def document(*, needs_token: bool = True) -> dict[str, Any]:
    """Return the document; it speaks of a token only where one is needed."""
    described: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "ocr-daemon", "version": __version__,
            "description": "The folder that reads what is dropped into it, over HTTP.",
        },
        "paths": _paths(),
        "components": {"schemas": dict(_SCHEMAS)},
    }  # fmt: skip
    if needs_token:
        described["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        described["security"] = [{"token": []}]
    return described
