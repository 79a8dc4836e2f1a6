"""What pages are printed on: templates, the reader's language, and how a value is written."""

from __future__ import annotations

import hashlib
import unicodedata
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse

from daemon.web.http.errors import Partly, Refused
from daemon.web.index.records import Found, Item
from daemon.web.rest.serializers import place
from daemon.web.ui import error_messages, messages
from daemon.web.ui.view import doubt, percent
from daemon.web.index.pending import UPLOADS

LANGUAGE_COOKIE = "language"
YEAR_SECONDS = 365 * 86_400
TEMPLATES = Path(__file__).with_name("templates")
_TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
_MARKS = "\u061c\u200e\u200f\u2028\u2029"


class Paper:
    """Renders templates; every value is escaped, and nothing undefined is passed over."""

    def __init__(self, static: Path) -> None:
        """`static` is the folder whose files pages name; a changed file has a new address."""
        self._static = {
            path.name: f"/static/{path.name}?{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}"
            for path in static.iterdir()
        }
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True,
            undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self._templates.globals.update(
            static=self._static.__getitem__, shown=shown, plain_time=plain_time, percent=percent,
            doubt=doubt, size=size, downloads=downloads, facts=facts, folder=folder,
        )  # fmt: skip

    def page(
        self, request: Request, template: str, *, code: int = 200, **values: object
    ) -> HTMLResponse:
        """Return a page in the reader's language; `?language=` is kept in a cookie."""
        chosen = request.query_params.get("language", "")
        language = chosen if chosen in messages.WORDS else _language(request)
        content = self._templates.get_template(template).render(
            w=messages.WORDS[language], lang=messages.LANGUAGES[language],
            languages=_switch(request, language), failures=error_messages.FAILURES[language],
            refusals=error_messages.REFUSALS[language], **values,
        )  # fmt: skip
        headers = {
            "Content-Language": messages.LANGUAGES[language], "Vary": "Accept-Language, Cookie",
        }  # fmt: skip
        # half a surrogate pair is no text: it becomes a question mark
        answer = HTMLResponse(content.encode("utf-8", "replace"), code, headers)
        if chosen in messages.WORDS:
            answer.set_cookie(LANGUAGE_COOKIE, chosen, YEAR_SECONDS, samesite="lax", httponly=True)
        return answer

    def refused(self, request: Request, refused: Refused) -> HTMLResponse:
        """Return a page that says why a request gets no more."""
        taken = len(refused.taken) if isinstance(refused, Partly) else 0
        page = self.page(request, "error.html", code=refused.status, refused=refused, taken=taken)
        page.headers.update(refused.headers)
        return page


def is_for_a_person(request: Request) -> bool:
    """Tell whether a browser asks for a page, and no program."""
    return request.method == "GET" and "text/html" in request.headers.get("accept", "")


def _language(request: Request) -> str:
    kept = request.cookies.get(LANGUAGE_COOKIE, "")
    if kept in messages.WORDS:
        return kept
    return messages.preferred(request.headers.get("accept-language", ""))


def _switch(request: Request, language: str) -> list[dict[str, Any]]:
    """Return a link for each language: the same page, said otherwise."""
    return [
        {
            "href": f"?{request.url.include_query_params(language=each).query}",
            "lang": messages.LANGUAGES[each],
            "name": messages.OWN_NAMES[each],
            "is_here": each == language,
        }
        for each in messages.WORDS
    ]


def shown(name: str) -> str:
    """Return a file name as it may be shown: what has no look of its own, or turns others round,
    is replaced by a sign that can be seen.
    """
    return "".join(_sign(character) for character in name)


def _sign(character: str) -> str:
    is_unseen = unicodedata.category(character) in ("Cc", "Cs") or character in _MARKS
    is_turning = unicodedata.bidirectional(character) in _TURNING
    return "\ufffd" if is_unseen or is_turning else character


def folder(item: Item) -> str:
    """Return the folder of the inbox that a document lay in; nothing for an upload: nobody chose
    that folder, so nobody is shown it.
    """
    is_upload = item.name.startswith(f"{UPLOADS}/")
    return "" if is_upload else item.name.removesuffix(item.title).strip("/")


def plain_time(at: str) -> str:
    """Return a time of RFC 3339 as it is read where no script puts it into the reader's zone."""
    try:
        return datetime.fromisoformat(at).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return at


def size(count: int) -> str:
    """Return a number of bytes as people say it."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if amount >= 10 or unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def downloads(found: Found, w: dict[str, str]) -> list[dict[str, Any]]:
    """Return what of a document can be fetched: its answer, outputs and original."""
    document = place(found.item.id)
    some: list[dict[str, Any]] = []
    for each in found.outputs:
        label = w.get(f"output_{each['kind']}", each["kind"])
        address = f"{document}/outputs/{quote(each['name'], safe='')}"
        some.append({"href": address, "label": label, "bytes": each.get("bytes")})
    if found.original is not None:
        original = {"href": f"{document}/original", "label": w["original"]}
        some.append({**original, "bytes": found.item.bytes})
    return some


def facts(found: Found, w: dict[str, str]) -> list[tuple[str, str]]:
    """Return what else is known of an answer: a word and a value each."""
    told = [(w["bytes"], size(found.item.bytes))] if found.item.bytes else []
    if found.sha256:
        told.append(("SHA-256", found.sha256))
    if found.sidecar is not None:
        seconds = f"{found.sidecar['processing']['seconds']:.1f}"
        told.append((w["seconds"], w["seconds_n"].format(n=seconds)))
        told.append((w["model"], found.sidecar["engine"]["model"]["name"]))
    return told
