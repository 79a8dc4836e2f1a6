"""`POST /predict` with a fake catalogue: waiting, time-outs and errors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from daemon.web.daemon_status import DaemonStatus
from daemon.web.http.errors import HttpError, problem_response
from daemon.web.index.records import DocumentDetails, DocumentSummary
from daemon.web.rest import api
from daemon.web.uploads.multipart import ReceivedForm
from daemon.web.uploads.uploads import ReceivedFile, Upload
from tests.support.web.stand_in import POLICIES

TOKEN = "0" * 32
SIDECAR: dict[str, Any] = {"text": "Read", "pages": [{"text": "Read"}]}


class Played:
    """A fake catalogue with one document in a sequence of states, of which the last stays."""

    def __init__(self, *states: DocumentDetails) -> None:
        self._states = list(states)
        self.asked = 0
        self.discarded = 0

    def find_answered(self, sha256: str, profile: str) -> None:
        """Return nothing: the content is new."""

    def is_answered(self, identity: str) -> bool:
        """Return whether there is a document, and count the calls."""
        self.asked += 1
        return bool(self._states)

    def document(self, identity: str) -> DocumentDetails:
        """Return it in its next state."""
        return self._states.pop(0) if len(self._states) > 1 else self._states[0]

    def resolve_duplicate(self, found: DocumentDetails) -> DocumentDetails:
        """Return it as it is: the original result of a duplicate is gone."""
        return found

    def discard(self, *_: object) -> None:
        """Count it."""
        self.discarded += 1


def found(
    status: str, sidecar: dict[str, Any] | None = None, *, is_gone: bool = False
) -> DocumentDetails:
    item = DocumentSummary("1" * 32, "a.png", "a.png", status, 3, is_gone=is_gone)  # type: ignore[arg-type]
    return DocumentDetails(item, sidecar, (), None)


@pytest.fixture
def app_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Played], Starlette]:
    async def received(*_: object) -> ReceivedForm:
        return ReceivedForm([ReceivedFile(TOKEN, tmp_path, "a.png", 3, "a" * 64)])

    monkeypatch.setattr(api, "receive_form", received)
    monkeypatch.setattr(api, "daemon_status", lambda *_: DaemonStatus("ok"))

    def made(played: Played) -> Starlette:
        upload = Upload(TOKEN, "a.png", 3, "a" * 64)
        uploads = SimpleNamespace(
            commit_all=lambda *_, is_awaited: [upload] * is_awaited, discard=played.discard
        )
        site: Any = SimpleNamespace(
            catalogue=played, uploads=uploads, state=tmp_path, policies=POLICIES,
            can_render=True, upload_bytes=9, predict_seconds=2,
        )  # fmt: skip
        return Starlette(
            routes=api.routes(site),
            exception_handlers={HttpError: lambda _, error: problem_response(error)},
        )

    return made


def predict(app: Starlette) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.post("/predict", content=b"png")

    return asyncio.run(asked())


@pytest.mark.parametrize(
    "gone",
    [found("done", is_gone=True), found("duplicate", {"text": "", "pages": []})],
    ids=["collected", "a duplicate of what was collected"],
)
def test_a_result_collected_before_it_is_returned_is_gone(
    app_of: Callable[[Played], Starlette], gone: DocumentDetails
) -> None:
    answer = predict(app_of(Played(gone)))

    assert (answer.status_code, answer.json()["error_class"]) == (410, "gone")


def test_predict_waits_for_a_retried_document(
    app_of: Callable[[Played], Starlette],
) -> None:
    answer = predict(app_of(Played(found("waiting"), found("reading"), found("done", SIDECAR))))

    assert (answer.status_code, answer.json()["text"]) == (200, "Read")


def test_predict_stops_waiting_when_the_client_disconnects(
    app_of: Callable[[Played], Starlette],
) -> None:
    played = Played()
    app = app_of(played)
    scope = {
        "type": "http", "method": "POST", "path": "/predict", "raw_path": b"/predict",
        "root_path": "", "scheme": "http", "query_string": b"", "headers": [],
    }  # fmt: skip

    async def hung_up() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def unheard(_: object) -> None:
        pass

    asyncio.run(app(scope, hung_up, unheard))  # type: ignore[arg-type]

    assert played.asked == 0


def test_too_many_waiting_requests_get_retry_after(
    app_of: Callable[[Played], Starlette], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "MAX_WAITING_REQUESTS", 0)
    played = Played(found("done", SIDECAR))

    answer = predict(app_of(played))

    assert (answer.status_code, answer.json()["error_class"]) == (503, "busy")
    assert (answer.headers["Retry-After"], played.discarded) == ("5", 1)
