"""Errors of HTTP requests, sent to programs as problem details (RFC 9457).

Every error response of the REST interface is made by `problem_response`. Browsers that ask for a
page get the same error as HTML (`wants_html`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:ocr-daemon:error:"

# The error classes and their titles. A title never changes from one occurrence to the next, as
# RFC 9457 asks; `detail` says what happened this time.
TITLES: Final[Mapping[str, str]] = {
    "busy": "Busy",
    "daemon_not_running": "The daemon is not running",
    "disk_full": "Not enough free space",
    "empty": "Empty file",
    "foreign_origin": "Request from another site",
    "gone": "The result was collected or deleted",
    "http_error": "The request failed",
    "inbox_unavailable": "The inbox is unavailable",
    "line_changed": "The line was read again",
    "incomplete_body": "Incomplete request body",
    "internal_error": "Internal error",
    "invalid_parameter": "Invalid parameter",
    "malformed": "Malformed request body",
    "method_not_allowed": "Method not allowed",
    "name_too_long": "File name too long",
    "no_file": "No file",
    "no_image": "No image of this page",
    "not_corrected": "The correction cannot be kept",
    "not_failed": "The document did not fail",
    "not_found": "Not found",
    "not_readable": "The document could not be read",
    "original_gone": "The original is not available",
    "outbox_unavailable": "The outbox is unavailable",
    "queue_full": "Too many uploads are waiting",
    "rate_limited": "Too many requests",
    "timeout": "Not finished in time",
    "too_large": "Request too large",
    "too_many_files": "Too many files",
    "too_slow": "Request body too slow",
    "unauthorized": "Token required",
    "unknown_host": "Unknown host name",
    "unknown_parameter": "Unknown parameter",
    "unsupported": "Unsupported file type",
}


class HttpError(Exception):
    """Ends a request with an error response.

    `error_class` is a stable word for programs, a key of `TITLES`; `detail` is a sentence for
    people and never contains a path of this machine.
    """

    def __init__(
        self, status: int, error_class: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, error_class, detail)
        self.status = status
        self.error_class = error_class
        self.detail = detail
        self.headers = dict(headers or {})


class PartialUpload(HttpError):
    """Some files of a request were accepted before one failed; `accepted` are they, in order.

    Status, class and detail are those of the error that stopped the upload.
    """

    def __init__(self, error: HttpError, accepted: Sequence[Any]) -> None:
        super().__init__(error.status, error.error_class, error.detail, error.headers)
        self.accepted = tuple(accepted)


def problem_response(error: HttpError, **extensions: object) -> JSONResponse:
    """Return an error as problem details; `extensions` are further members of the object."""
    problem = {
        "type": f"{TYPE_PREFIX}{error.error_class}",
        "title": TITLES[error.error_class],
        "status": error.status,
        "detail": error.detail,
        "error_class": error.error_class,
        **extensions,
    }
    return JSONResponse(problem, error.status, error.headers, MEDIA_TYPE)


def from_starlette(error: HTTPException) -> HttpError:
    """Return the error that stands for one raised by the router, such as 404 and 405."""
    error_class = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
    return HttpError(error.status_code, error_class, error.detail, error.headers)


def wants_html(request: Request) -> bool:
    """Return whether the client is a browser that asks for a page, not a program."""
    return request.method == "GET" and "text/html" in request.headers.get("accept", "")
