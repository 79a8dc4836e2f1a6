"""The OpenAPI 3.1 document of the REST interface; a test checks every route against it."""

from __future__ import annotations

import functools
from typing import Any, get_args

from daemon import __version__
from daemon.core.page_selection import MAX_CHARACTERS
from daemon.core.records import (
    BlockKind,
    CodeFormat,
    Direction,
    FieldReason,
    FieldType,
    OutputKind,
    UnreadReason,
)
from daemon.web.daemon_status import HEALTH_STATUSES
from daemon.web.http.errors import MEDIA_TYPE, TITLES, TYPE_PREFIX
from daemon.web.index.records import STATUSES, WaitingCause

ID = "^(w-)?[0-9a-f]{32}$"

_TEXT = {"type": "string"}
_OPTIONAL_TEXT = {"type": ["string", "null"]}
_COUNT = {"type": "integer", "minimum": 0}
_CONFIDENCE = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
_STATUS = {"$ref": "#/components/schemas/DocumentStatus"}
_OUTPUT_KIND = {"$ref": "#/components/schemas/OutputKind"}
_BOX = {
    "type": "array", "items": {"type": "integer"}, "minItems": 4, "maxItems": 4,
    "description": "left, top, right, bottom in pixels of the page",
}  # fmt: skip
_SUMMARY = {
    "id": {"type": "string", "pattern": ID}, "name": _TEXT, "status": _STATUS, "bytes": _COUNT,
    "page_count": _COUNT, "confidence": _CONFIDENCE, "claimed_at": _OPTIONAL_TEXT,
    "answered_at": _OPTIONAL_TEXT, "error": _OPTIONAL_TEXT, "error_class": _OPTIONAL_TEXT,
    "unread_count": {
        **_COUNT, "description": "regions of its pages that look like text and were not read",
    },
    "warning_count": {**_COUNT, "description": "warnings on the document and on its pages"},
    "waiting": {
        "oneOf": [{"$ref": "#/components/schemas/Waiting"}, {"type": "null"}],
        "description": "why it is not read yet, or held up; null for an answered document",
    },
    "location": _TEXT,
}  # fmt: skip
_DOCUMENT = {
    **_SUMMARY,
    "sha256": _OPTIONAL_TEXT,
    "text": {
        "type": ["string", "null"],
        "description": "null for a duplicate of a result that is gone",
    },
    "pages": {
        "type": ["array", "null"], "items": {"$ref": "#/components/schemas/Page"},
        "description": "as in the sidecar; null if text is null",
    },
    "fields": {
        "type": ["array", "null"], "items": {"$ref": "#/components/schemas/Field"},
        "description": "what the config wants from this kind of paper; null if text is null",
    },
    "warnings": {
        "type": "array", "items": {"$ref": "#/components/schemas/Warning"},
        "description": "on the document as a whole; those on a page are in pages",
    },
    "duplicate_of": {**_OPTIONAL_TEXT, "description": "the path of a sidecar in the outbox"},
    "duplicate_location": {
        **_OPTIONAL_TEXT, "description": "the document that text, pages and confidence are from",
    },
    "outputs": {"type": "array", "items": {"$ref": "#/components/schemas/Output"}},
    "original": {**_OPTIONAL_TEXT, "description": "the original file, if it is available"},
}  # fmt: skip


def _object_schema(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


def _object(properties: dict[str, Any], *, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    return _object_schema(properties, [name for name in properties if name not in optional])


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(description: str, name: str, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    content = {"application/json": {"schema": _ref(name)}}
    response: dict[str, Any] = {"description": description, "content": content}
    return {**response, "headers": headers} if headers else response


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {MEDIA_TYPE: {"schema": _ref("Problem")}}}


_LOCATION = {
    "Location": {"description": "the URL of the document", "schema": _TEXT, "required": True}
}
_SCHEMAS = {
    "DocumentStatus": {"type": "string", "enum": list(STATUSES)},
    "OutputKind": {"type": "string", "enum": list(get_args(OutputKind))},
    "Problem": {
        **_object(
            {
                "type": {"enum": [f"{TYPE_PREFIX}{each}" for each in TITLES]},
                "title": {"enum": list(TITLES.values())},
                "status": {"type": "integer", "minimum": 400, "maximum": 599},
                "detail": _TEXT,
                "error_class": {"enum": list(TITLES)},
                "id": _TEXT,
                "location": _TEXT,
                "documents": {"type": "array", "items": _ref("Upload")},
            },
            optional=("id", "location", "documents"),
        ),
        "description": "problem details (RFC 9457); error_class is the last part of type",
    },
    "SnippetFragment": _object({"text": _TEXT, "hit": {"type": "boolean"}}),
    "DocumentSummary": _object(
        {**_SUMMARY, "snippet": {"type": "array", "items": _ref("SnippetFragment")}}
    ),
    "Waiting": _object(
        {
            "cause": {"enum": list(get_args(WaitingCause))},
            "message": {**_OPTIONAL_TEXT, "description": "what the daemon says about it"},
            "ahead": {**_COUNT, "description": "files that are read before it, where known"},
        }
    ),
    "Correction": _object(
        {
            "page": {"type": "integer", "minimum": 1},
            "box": _BOX,
            "read": {**_TEXT, "description": "the text as it was read"},
            "text": {**_TEXT, "description": "the text as it was corrected"},
            "model": {**_TEXT, "description": "the recogniser that read it"},
            "corrected_at": _TEXT,
        }
    ),
    "Corrections": _object({"corrections": {"type": "array", "items": _ref("Correction")}}),
    "DocumentList": _object(
        {
            "total": _COUNT,
            "offset": _COUNT,
            "limit": _COUNT,
            "documents": {"type": "array", "items": _ref("DocumentSummary")},
        }
    ),
    "Output": _object(
        {
            "kind": _TEXT,
            "name": _TEXT,
            "media_type": _TEXT,
            "location": _TEXT,
            "bytes": {"type": ["integer", "null"]},
            "sha256": _OPTIONAL_TEXT,
            "part": {"type": "integer", "minimum": 1},
        },
        optional=("part",),
    ),
    "Document": _object(_DOCUMENT),
    "Page": {
        **_object(
            {
                "number": {"type": "integer", "minimum": 1},
                "text": _TEXT,
                "confidence": _CONFIDENCE,
                "blocks": {"type": "array", "items": _ref("Block")},
                "unread": {"type": "array", "items": _ref("UnreadRegion")},
                "warnings": {"type": "array", "items": _ref("Warning")},
                "codes": {"type": "array", "items": _ref("Code")},
                "blank": {"type": "boolean"},
            },
            optional=("codes", "blank"),
        ),
        "description": "a page of the sidecar; the schema of the sidecar has all its fields",
    },
    "Block": _object(
        {
            "kind": {"enum": list(get_args(BlockKind))},
            "lines": {"type": "array", "items": _ref("Line")},
        }
    ),
    "Line": _object(
        {
            "text": _TEXT,
            "confidence": _CONFIDENCE,
            "box": _BOX,
            "direction": {"enum": list(get_args(Direction))},
        }
    ),
    "Code": {
        **_object(
            {
                "text": _TEXT,
                "format": {"enum": list(get_args(CodeFormat))},
                "box": _BOX,
                "encoding": {"const": "base64"},
            },
            optional=("encoding",),
        ),
        "description": "a barcode or matrix code; with encoding, its text is bytes in Base64",
    },
    "UnreadRegion": {
        **_object({"box": _BOX, "reason": {"enum": list(get_args(UnreadReason))}}),
        "description": "a region that looks like text and was not read",
    },
    "Field": _object(
        {
            "name": _TEXT,
            "type": {"enum": list(get_args(FieldType))},
            "value": {
                **_OPTIONAL_TEXT,
                "description": "a decimal number, a date as YYYY-MM-DD, or text; null: not found",
            },
            "text": {**_OPTIONAL_TEXT, "description": "as it stands on the page"},
            "page": {"type": ["integer", "null"], "minimum": 1},
            "box": {"anyOf": [_BOX, {"type": "null"}]},
            "confidence": _CONFIDENCE,
            "reason": {"enum": list(get_args(FieldReason)), "description": "why it was not found"},
        },
        optional=("reason",),
    ),
    "Warning": _object(
        {"class": _TEXT, "message": _TEXT, "page": {"type": ["integer", "null"], "minimum": 1}}
    ),
    "Prediction": _object({**_DOCUMENT, "cached": {"type": "boolean"}}),
    "Upload": _object(
        {
            "id": {
                "type": "string",
                "pattern": ID,
                "description": "of the document, from the upload to the result",
            },
            "name": {
                "type": "string",
                "description": "in the folder web; numbered where another file has the name",
            },
            "status": _STATUS,
            "bytes": _COUNT,
            "sha256": _TEXT,
            "location": _TEXT,
        }
    ),
    "Uploads": _object({"documents": {"type": "array", "items": _ref("Upload"), "minItems": 1}}),
    "Retry": _object({"id": _TEXT, "status": _STATUS, "location": _TEXT}),
    "Health": _object({"status": {"const": "ok"}, "daemon": {"enum": list(HEALTH_STATUSES)}}),
}
_FILE = {"type": "string", "format": "binary"}
_OPTIONS: dict[str, dict[str, Any]] = {
    "profile": {
        "type": "string", "minLength": 1,
        "description": "a profile of the config, or default; that of the folder web if absent",
    },
    "outputs": {
        "type": "array", "items": _OUTPUT_KIND,
        "description": "the output files, repeated or separated by commas; empty for none",
    },
    "pages": {
        "type": "string", "minLength": 1, "maxLength": MAX_CHARACTERS, "examples": ["1-3,7,10-"],
        "description": "the pages to be read, all if absent",
    },
}  # fmt: skip
_BODY = {
    "required": True,
    "description": "a form with the file in a field of any name, or the bytes of the file",
    "content": {
        "multipart/form-data": {
            "schema": _object_schema({"file": _FILE, **_OPTIONS}, ["file"]),
        },
        "application/octet-stream": {"schema": _FILE},
        "application/pdf": {"schema": _FILE},
        "image/*": {"schema": _FILE},
    },
}
_NAME = {
    "name": "name", "in": "query", "schema": _TEXT,
    "description": "the name of the file, if the body is its bytes",
}  # fmt: skip
_UPLOAD_PARAMETERS: list[dict[str, Any]] = [
    _NAME,
    *(
        {
            "name": name,
            "in": "query",
            "schema": {key: value for key, value in schema.items() if key != "description"},
            "description": schema["description"],
        }
        for name, schema in _OPTIONS.items()
    ),
]
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": ID}}
_FILE_RESPONSE = {
    "description": "the file, under the media type of its content",
    "content": {"application/octet-stream": {"schema": _FILE}, "*/*": {"schema": _FILE}},
}


_TAGS = {
    "uploads": "send files to be read",
    "documents": "what was sent or dropped, and its results",
    "health": "whether the service works",
}


def _operation(
    tag: str, identity: str, summary: str, responses: dict[str, Any],
    parameters: list[dict[str, Any]], errors: dict[str, str] | None = None, **fields: object,
) -> dict[str, Any]:  # fmt: skip
    """Return an operation; `errors` are its errors by status, besides those of every operation."""
    common = {
        "400": "an invalid or unknown parameter",
        "401": "no token",
        "421": "unknown host name",
        "429": "too many requests",
    }
    problems = {code: _problem(text) for code, text in {**common, **(errors or {})}.items()}
    problems |= {code: _problem("any other error") for code in ("4XX", "5XX")}
    return {
        "operationId": identity, "tags": [tag], "summary": summary, "parameters": parameters,
        "responses": {**responses, **problems}, **fields,
    }  # fmt: skip


_UPLOAD_ERRORS = {
    "400": "no file, or a malformed body", "408": "the body is too slow",
    "413": "too large, or too many files", "415": "not an image or PDF",
    "503": "too many uploads are waiting, or the inbox is unavailable",
    "507": "not enough free space",
}  # fmt: skip
_NOT_FOUND = {"404": "no such document"}
_UNAVAILABLE = {"503": "the outbox is unavailable"}
_GONE = {**_NOT_FOUND, **_UNAVAILABLE, "410": "collected or deleted"}
_NOT_READABLE = {"409": "not finished yet", "422": "the document could not be read"}


def _text(media_type: str) -> dict[str, Any]:
    content = {f"{media_type}; charset=utf-8": {"schema": _TEXT}}
    return {"description": "the text", "content": content}


def _list_operation() -> dict[str, Any]:
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
        "documents", "listDocuments",
        "list documents, newest first, whose name or text contains all words of query",
        {"200": _json("a part of the list", "DocumentList")}, parameters,
        errors={"400": "invalid parameter", **_UNAVAILABLE},
    )  # fmt: skip


def _paths() -> dict[str, Any]:
    return {
        "/predict": {"post": _predict()},
        "/upload": {"post": _operation(
            "uploads", "uploadFiles", "upload images and PDFs",
            {"202": _json("accepted; each has an id and a location", "Uploads", _LOCATION)},
            _UPLOAD_PARAMETERS, requestBody=_BODY, errors=_UPLOAD_ERRORS,
        )},
        "/documents": {"get": _list_operation()},
        **{f"/documents/{{id}}{path}": each for path, each in _document_paths().items()},
        "/healthz": {"get": _operation(
            "health", "getHealth", "the health of the web process and of the daemon",
            {"200": _json("the web process is ok", "Health")}, [],
            security=[],
        )},
    }  # fmt: skip


def _predict() -> dict[str, Any]:
    responses = {
        "200": _json("the document", "Prediction"),
        "422": _json("the file cannot be read", "Prediction"),
    }
    errors = {
        "410": "the result was collected before it could be returned",
        "503": "the daemon is not running, too many requests wait, or a folder is unavailable",
        "504": "not ready in time; GET location later",
    }
    return _operation(
        "uploads", "predict", "read one image or PDF and wait for its text",
        responses, _UPLOAD_PARAMETERS, requestBody=_BODY, errors={**_UPLOAD_ERRORS, **errors},
    )  # fmt: skip


def _document_paths() -> dict[str, Any]:
    """Return the operations by their path below that of a document."""
    number = {"name": "number", "in": "path", "required": True}
    of_page = {**number, "schema": {"type": "integer", "minimum": 1, "maximum": 10**6}}
    of_output = {"name": "name", "in": "path", "required": True, "schema": _TEXT}
    image = {"description": "the page", "content": {"image/jpeg": {"schema": _FILE}}}
    return {
        "": {
            "get": _operation(
                "documents", "getDocument", "a document with its text and pages",
                {"200": _json("the document", "Document")}, [_ID], errors=_GONE,
            ),
            "delete": _operation(
                "documents", "deleteResult",
                "delete the result and its outputs, never the original",
                {"204": {"description": "deleted"}}, [_ID],
                errors={**_GONE, "409": "not finished yet"},
            ),
        },
        "/text": {"get": _operation(
            "documents", "getText", "the text of the document", {"200": _text("text/plain")}, [_ID],
            errors={**_GONE, **_NOT_READABLE},
        )},
        "/markdown": {"get": _operation(
            "documents", "getMarkdown", "the document as Markdown, with headings and tables",
            {"200": _text("text/markdown")}, [_ID], errors={**_GONE, **_NOT_READABLE},
        )},
        "/corrections": {"get": _operation(
            "documents", "getCorrections", "the lines that were corrected on the web page",
            {"200": _json("the corrected lines", "Corrections")}, [_ID],
            errors={**_GONE, **_NOT_READABLE},
        )},
        "/outputs/{name}": {"get": _operation(
            "documents", "getOutput", "an output file of the document", {"200": _FILE_RESPONSE},
            [_ID, of_output], errors=_GONE,
        )},
        "/original": {"get": _operation(
            "documents", "getOriginal", "the original file", {"200": _FILE_RESPONSE}, [_ID],
            errors=_GONE,
        )},
        "/pages/{number}/image": {"get": _operation(
            "documents", "getPageImage", "a page as an image", {"200": image}, [_ID, of_page],
            errors={**_NOT_FOUND, **_UNAVAILABLE, "400": "not a page number"},
        )},
        "/retry": {"post": _operation(
            "documents", "retryDocument", "retry a failed document",
            {"202": _json("accepted", "Retry", _LOCATION)}, [_ID],
            errors={**_GONE, "409": "the document did not fail"},
        )},
    }  # fmt: skip


@functools.cache
def query_parameters(path: str, method: str) -> tuple[str, ...]:
    """Return the names of the query parameters of an operation; `method` is in lower case."""
    parameters = _paths()[path][method]["parameters"]
    return tuple(each["name"] for each in parameters if each["in"] == "query")


@functools.cache
def document(*, needs_token: bool = True) -> dict[str, Any]:
    """Return the document; it requires a token only if one is configured."""
    described: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "ocr-daemon", "version": __version__,
            "description": "OCR of images and PDFs: upload files, search and fetch results.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": _paths(),
        "components": {"schemas": dict(_SCHEMAS)},
    }  # fmt: skip
    if needs_token:
        described["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        described["security"] = [{"token": []}]
    return described
