"""Renders templates in the reader's language, and formats the values in them."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse

from daemon import __version__
from daemon.inbox.uploads import UPLOAD_FOLDER
from daemon.web.http.errors import HttpError, PartialUpload
from daemon.web.http.filenames import visible_name
from daemon.web.http.theme import THEME_COOKIE, THEMES, theme_of
from daemon.web.index.records import DocumentDetails, DocumentSummary
from daemon.web.rest.serializers import document_path, output_path
from daemon.web.ui import error_messages, messages
from daemon.web.ui.view import percent, uncertainty

LANGUAGE_COOKIE = "language"
COOKIE_SECONDS = 365 * 86_400
TEMPLATES = Path(__file__).with_name("templates")


class Templates:
    """The templates; every value is escaped, and an undefined one is an error."""

    def __init__(self, static: Path) -> None:
        """`static` is the folder of static files; the URL of a file changes with its content."""
        self._static = {
            path.name: f"/static/{path.name}?{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}"
            for path in static.iterdir()
        }
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True,
            undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self._environment.globals.update(
            static=self._static.__getitem__, visible=visible_name, utc_time=utc_time,
            percent=percent, uncertainty=uncertainty, file_size=file_size, downloads=downloads,
            details_table=details_table, single_outputs=single_outputs, inbox_folder=inbox_folder,
            output_path=output_path,
        )  # fmt: skip

    def render(
        self, request: Request, template: str, *, status_code: int = 200, **values: object
    ) -> HTMLResponse:
        """Return a page in the reader's language; `?language=` and `?theme=` become cookies."""
        language, theme = _language(request), theme_of(request)
        content = self._environment.get_template(template).render(
            t=messages.MESSAGES[language], lang=messages.LANGUAGES[language],
            languages=_language_links(request, language), theme=theme,
            themes=[(each, _link(request, theme=each)) for each in THEMES], version=__version__,
            failure_messages=error_messages.FAILURE_MESSAGES[language],
            http_error_messages=error_messages.HTTP_ERROR_MESSAGES[language],
            warning_messages=error_messages.WARNING_MESSAGES[language], **values,
        )  # fmt: skip
        headers = {
            "Content-Language": messages.LANGUAGES[language], "Vary": "Accept-Language, Cookie",
        }  # fmt: skip
        # a lone surrogate cannot be encoded: it becomes a question mark
        response = HTMLResponse(content.encode("utf-8", "replace"), status_code, headers)
        for name, value in ((LANGUAGE_COOKIE, language), (THEME_COOKIE, theme)):
            if request.query_params.get(name) == value:
                response.set_cookie(name, value, COOKIE_SECONDS, samesite="lax", httponly=True)
        return response

    def error_page(self, request: Request, error: HttpError) -> HTMLResponse:
        """Return a page that explains an error."""
        accepted = len(error.accepted) if isinstance(error, PartialUpload) else 0
        page = self.render(
            request, "error.html", status_code=error.status, error=error, accepted=accepted
        )
        page.headers.update(error.headers)
        return page


def _language(request: Request) -> str:
    for values in (request.query_params, request.cookies):
        if (chosen := values.get(LANGUAGE_COOKIE, "")) in messages.MESSAGES:
            return chosen
    return messages.preferred_language(request.headers.get("accept-language", ""))


def _link(request: Request, **parameters: str) -> str:
    """Return a link to the same page with other preferences."""
    url = request.url.remove_query_params([LANGUAGE_COOKIE, THEME_COOKIE])
    return f"?{url.include_query_params(**parameters).query}"


def _language_links(request: Request, language: str) -> list[dict[str, Any]]:
    """Return a link to the same page in each language."""
    return [
        {
            "href": _link(request, language=each),
            "lang": messages.LANGUAGES[each],
            "name": messages.NATIVE_NAMES[each],
            "is_current": each == language,
        }
        for each in messages.MESSAGES
    ]


def inbox_folder(summary: DocumentSummary) -> str:
    """Return the folder of the inbox that a document was in, "" for an upload: nobody chose it."""
    is_upload = summary.name.startswith(f"{UPLOAD_FOLDER}/")
    return "" if is_upload else summary.name.removesuffix(summary.title).strip("/")


def utc_time(at: str) -> str:
    """Return a time of RFC 3339 in UTC, for pages without a script that converts it."""
    try:
        return datetime.fromisoformat(at).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return at


def file_size(count: int) -> str:
    """Return a number of bytes with a decimal unit."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if amount >= 10 or unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def downloads(details: DocumentDetails, t: dict[str, str]) -> list[dict[str, Any]]:
    """Return the downloads of a document: its sidecar, outputs and original."""
    identity = details.summary.id
    links: list[dict[str, Any]] = []
    for output in details.outputs:
        label = t.get(f"output_{output['kind']}", output["kind"])
        if "part" in output:
            label = t["of_part"].format(n=output["part"], label=label)
        href = output_path(identity, output["name"])
        links.append({"href": href, "label": label, "bytes": output.get("bytes")})
    if details.original is not None:
        href = f"{document_path(identity)}/original"
        links.append({"href": href, "label": t["original"], "bytes": details.summary.bytes})
    return links


def single_outputs(summary: DocumentSummary) -> list[tuple[str, str]]:
    """Return kind and name of each output that is the only one of its kind.

    Pictures of pages, tables and the files of parts are on the page of the document.
    """
    numbers = Counter(kind for kind, _ in summary.outputs)
    return [(kind, name) for kind, name in summary.outputs if numbers[kind] == 1]


def details_table(details: DocumentDetails, t: dict[str, str]) -> list[tuple[str, str]]:
    """Return further facts about a document: a label and a value each."""
    size = details.summary.bytes
    rows = [(t["bytes"], file_size(size))] if size else []
    if details.sha256:
        rows.append(("SHA-256", details.sha256))
    if details.sidecar is not None:
        seconds = f"{details.sidecar['processing']['seconds']:.1f}"
        rows.append((t["seconds"], t["seconds_n"].format(n=seconds)))
        rows.append((t["model"], details.sidecar["engine"]["model"]["name"]))
    return rows
