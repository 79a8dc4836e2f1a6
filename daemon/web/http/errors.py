"""What a request is refused with: a status, a stable word for programs, a sentence for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.responses import JSONResponse


class Refused(Exception):
    """This request gets no more than this answer."""

    def __init__(
        self, status: int, kind: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, kind, message)
        self.status = status
        self.kind = kind
        self.message = message
        self.headers = dict(headers or {})


class Unkept(Refused, LookupError):
    """What is asked for is not there, or not any more."""


class Partly(Refused):
    """Files of one request were taken until one was not; `taken` are their ids, in their order."""

    def __init__(self, refused: Refused, taken: Sequence[str]) -> None:
        super().__init__(refused.status, refused.kind, refused.message, refused.headers)
        self.taken = tuple(taken)


def told(refused: Refused, **more: object) -> JSONResponse:
    """Return a refusal as JSON."""
    error = {"class": refused.kind, "message": refused.message}
    return JSONResponse({"error": error, **more}, refused.status, refused.headers)
