"""The pages over a fake catalogue, without a daemon."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
from starlette.applications import Starlette

from daemon.core.folder_rules import FolderRules
from daemon.core.options import Recipe, Weights
from daemon.supervisor.policy import Policy
from daemon.web.http.security import AccessControl
from daemon.web.index.corrections import Correction
from daemon.web.index.records import (
    DocumentDetails,
    DocumentFilter,
    DocumentList,
    DocumentSummary,
)
from daemon.web.ui import pages
from daemon.web.ui.templating import Templates

POLICIES = FolderRules(
    Policy(
        recipe=Recipe(weights=Weights(file=Path("model.onnx"))), model="model", model_sha256="0",
        lexicon_sha256=None, detector_sha256=None, attempts=3, pages_per_task=4,
        refers_to_duplicates=True,
    )
)  # fmt: skip


def item(identity: str, title: str, status: str = "done", **more: Any) -> DocumentSummary:
    """Return a document of a list."""
    values = {
        "id": identity, "name": title, "title": title, "status": status, "bytes": 12_000,
        "claimed_at": "2026-03-01T10:00:00Z",
    }  # fmt: skip
    return DocumentSummary(**(values | more))


class Documents:
    """A fake catalogue that records its queries."""

    def __init__(self, *found: DocumentDetails) -> None:
        self._found = list(found)
        self.asked: list[tuple[DocumentFilter, int, int]] = []
        self.corrected_lines: tuple[Correction, ...] = ()
        self.pages: dict[tuple[str, int], dict[str, Any]] = {}

    def find(self, wanted: DocumentFilter, offset: int = 0, limit: int = 50) -> DocumentList:
        """Return the documents of a status whose title contains the query."""
        self.asked.append((wanted, offset, limit))
        fitting = [
            each.summary
            for each in self._found
            if wanted.text in each.summary.title and wanted.status in ("", each.summary.status)
        ]
        counts = Counter(each.status for each in fitting) | {"": len(fitting)}
        return DocumentList(tuple(fitting[offset : offset + limit]), len(fitting), counts)

    def neighbours(
        self, details: DocumentDetails, wanted: DocumentFilter
    ) -> tuple[DocumentSummary | None, DocumentSummary | None]:
        """Return the documents before and after one."""
        del wanted
        listed = [None, *(each.summary for each in self._found), None]
        place = listed.index(details.summary)
        return listed[place - 1], listed[place + 1]

    def corrections(self, details: DocumentDetails) -> tuple[Correction, ...]:
        """Return the corrected lines that the test has given."""
        del details
        return self.corrected_lines

    def corrected_contents(self) -> list[str]:
        """Return no SHA-256."""
        return []

    def document(self, identity: str) -> DocumentDetails | None:
        """Return the document with this id."""
        return next((each for each in self._found if each.summary.id == identity), None)

    def resolve_duplicate(self, found: DocumentDetails) -> DocumentDetails:
        """Return it as it is: none of them is a duplicate."""
        return found

    def page(self, identity: str, number: int) -> dict[str, Any] | None:
        """Return a page of a document that is too large to be held in memory."""
        return self.pages.get((identity, number))


class Reader:
    """A browser without JavaScript: it stores cookies and follows no redirects."""

    def __init__(self, app: Starlette) -> None:
        self._app = app
        self._cookies = httpx.Cookies()

    def get(self, path: str, **more: Any) -> httpx.Response:
        """Send a GET request."""
        return asyncio.run(self._ask("GET", path, **more))

    def post(self, path: str, **more: Any) -> httpx.Response:
        """Send a POST request."""
        return asyncio.run(self._ask("POST", path, **more))

    async def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        transport, address = httpx.ASGITransport(self._app), "http://127.0.0.1"
        async with httpx.AsyncClient(
            transport=transport, base_url=address, cookies=self._cookies
        ) as client:
            answer = await client.request(method, path, **more)
            self._cookies.update(client.cookies)
        return answer


def site_of(documents: Documents, state: Path, token: str | None = None) -> Reader:
    """Return a browser on the pages of these documents."""
    site: Any = SimpleNamespace(catalogue=documents, access=AccessControl(token), state=state)
    return Reader(Starlette(routes=pages.routes(site, Templates(pages.STATIC))))
