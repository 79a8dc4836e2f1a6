"""Checks the parameters of a request against the OpenAPI document, and reads the options in them.

An unknown parameter or form field is an error: a misspelled one would be ignored silently.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response

from daemon.core.options import RequestOptions
from daemon.supervisor.request_options import suggestion
from daemon.web.http.body import UPLOAD_PACE, RequestBody
from daemon.web.http.errors import HttpError
from daemon.web.rest import openapi

Endpoint = Callable[[Request], Awaitable[Response]]

OPTIONS = ("profile", "outputs", "pages")
LISTS = ("outputs",)  # parameters that may be repeated


def checked(path: str, endpoint: Endpoint) -> Endpoint:
    """Return an endpoint that refuses query parameters that its description does not have."""

    async def respond(request: Request) -> Response:
        method = "get" if request.method == "HEAD" else request.method.lower()
        try:
            _check_names(request, openapi.query_parameters(path, method))
        except HttpError:
            await drain(request)
            raise
        return await endpoint(request)

    return respond


async def drain(request: Request) -> None:
    """Read the beginning of a body, so that its sender receives the response."""
    if request.method == "POST":
        await RequestBody(request, 0, UPLOAD_PACE).drain()


def options_of(query: Mapping[str, Sequence[str]]) -> RequestOptions:
    """Return the options among the values of query parameters or form fields, by name."""
    values = {name: query[name] for name in OPTIONS if name in query}
    for name, given in values.items():
        if len(given) > 1 and name not in LISTS:
            raise HttpError(400, "invalid_parameter", f"{name} is given twice; send it once")
    return RequestOptions(
        profile=values["profile"][0] if "profile" in values else None,
        outputs=_listed(values["outputs"]) if "outputs" in values else None,
        pages=values["pages"][0] if "pages" in values else None,
    )


def options_of_upload(
    query: Mapping[str, Sequence[str]], fields: Mapping[str, Sequence[str]]
) -> RequestOptions:
    """Return the options of an upload, from its query parameters and the fields of its form."""
    for name in fields:
        if name not in OPTIONS:
            similar = suggestion(name, OPTIONS)
            known = f"known are {', '.join(OPTIONS)} and files"
            reason = f"there is no form field {name[:60]!r}{similar}; {known}"
            raise HttpError(400, "unknown_parameter", reason)
        if name in query:
            reason = f"{name} is both a query parameter and a form field; send it once"
            raise HttpError(400, "invalid_parameter", reason)
    return options_of({**query, **fields})


def query_of(request: Request) -> dict[str, list[str]]:
    """Return the values of each query parameter."""
    parameters = request.query_params
    return {name: parameters.getlist(name) for name in parameters}


def _check_names(request: Request, known: Sequence[str]) -> None:
    for name, values in query_of(request).items():
        if name not in known:
            similar = suggestion(name, known)
            remedy = f"known are {', '.join(known)}" if known else "it has none"
            reason = f"there is no query parameter {name[:60]!r}{similar}; {remedy}"
            raise HttpError(400, "unknown_parameter", reason)
        if len(values) > 1 and name not in LISTS:
            raise HttpError(400, "invalid_parameter", f"{name} is given twice; send it once")


def _listed(values: Sequence[str]) -> tuple[str, ...]:
    """Return the words of a list that is repeated, separated by commas, or both."""
    words = (word.strip() for value in values for word in value.split(","))
    return tuple(dict.fromkeys(word for word in words if word))
