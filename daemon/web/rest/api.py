"""REST: what programs ask for; `openapi` describes it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from daemon.monitoring import heartbeat
from daemon.web.context import Site
from daemon.web.daemon_status import standing
from daemon.web.rest import downloads
from daemon.web.http.errors import Partly, Refused, told
from daemon.web.uploads.multipart import receive
from daemon.web.index.records import STATUSES, UNANSWERED, Found
from daemon.web.rest import openapi, serializers
from daemon.web.index.deletion import delete_answer
from daemon.web.uploads.uploads import Draft

MOST_LISTED = 200
MOST_OFFSET = 10**9
QUERY_CHARACTERS = 500
MOST_AWAITED = 100  # answers that `/predict` waits for at once
FIRST_LOOK_SECONDS, LAST_LOOK_SECONDS = 0.05, 0.25  # between two looks for an answer
PICTURE_SECONDS = 600  # that a browser may keep the picture of a page
_STANDS = {"alive": "alive", "held": "not well"}  # any other way it does not run


def routes(site: Site) -> list[BaseRoute]:
    """Return the routes of the REST interface."""
    rest = _Rest(site)
    document = "/documents/{id:str}"
    return [
        Route("/predict", rest.predict, methods=["POST"]),
        Route("/upload", rest.upload, methods=["POST"]),
        Route("/documents", rest.documents),
        Route(document, rest.document, methods=["GET", "DELETE"]),
        Route(f"{document}/outputs/{{name:str}}", rest.output),
        Route(f"{document}/original", rest.original),
        Route(f"{document}/pages/{{number:str}}/picture", rest.picture),
        Route(f"{document}/retry", rest.retry, methods=["POST"]),
        Route("/openapi.json", rest.openapi),
        Route("/healthz", rest.healthz),
    ]


class _Rest:
    """The endpoints; what touches folders or the ledger runs in a thread."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._catalogue = site.catalogue
        self._one_picture = CapacityLimiter(1)
        self._awaited = 0

    # --- putting in -----------------------------------------------------------------------------

    async def predict(self, request: Request) -> Response:
        """Read one file now and answer with its text."""
        site = self._site
        drafts = await receive(request, site.uploads, site.upload_bytes)
        try:
            if len(drafts) > 1:
                raise Refused(400, "too_many", "send one file; POST /upload takes several")
            if earlier := await self._answered_before(drafts[0]):
                await to_thread.run_sync(site.uploads.discard, None, drafts)
                return await to_thread.run_sync(partial(self._answer, earlier, is_cached=True))
            self._refuse_unread()
        except Refused:
            await to_thread.run_sync(site.uploads.discard, None, drafts)
            raise
        self._awaited += 1
        try:
            (identity,) = await to_thread.run_sync(site.uploads.commit_all, drafts)
            return await self._answer_to(request, identity)
        finally:
            self._awaited -= 1

    async def upload(self, request: Request) -> Response:
        """Take files to be read and say where their answers will be."""
        drafts = await receive(request, self._site.uploads, self._site.upload_bytes)
        try:
            ids = await to_thread.run_sync(self._site.uploads.commit_all, drafts)
        except Partly as partly:
            return told(partly, documents=_taken(partly.taken, drafts))
        taken = _taken(ids, drafts)
        return JSONResponse({"documents": taken}, 202, {"Location": taken[0]["location"]})

    async def _answered_before(self, draft: Draft) -> Found | None:
        return await to_thread.run_sync(
            self._catalogue.answered_before, draft.sha256, self._site.profile
        )

    def _refuse_unread(self) -> None:
        is_alive, _ = heartbeat.diagnose(self._site.state, time.monotonic())
        if not is_alive:
            why = "the daemon that reads is not running; POST /upload keeps the file until it does"
            raise Refused(503, "daemon_not_running", why, {"Retry-After": "30"})
        if self._awaited >= MOST_AWAITED:
            why = f"{MOST_AWAITED} answers are waited for already; POST /upload does not wait"
            raise Refused(503, "busy", why, {"Retry-After": "5"})

    async def _answer_to(self, request: Request, identity: str) -> Response:
        """Wait for the answer to an upload, as long as somebody is there to be told."""
        ends = time.monotonic() + self._site.predict_seconds
        pause = FIRST_LOOK_SECONDS
        while time.monotonic() < ends and not await request.is_disconnected():
            if response := await to_thread.run_sync(self._answer_now, identity):
                return response
            await asyncio.sleep(pause)
            pause = min(LAST_LOOK_SECONDS, pause * 1.2)
        place = serializers.place(identity)
        late = Refused(504, "late", f"it is not read yet; ask {place} for it later")
        response = told(late, id=identity, location=place)
        response.headers["Location"] = place
        return response

    def _answer_now(self, identity: str) -> Response | None:
        """Return the answer to an upload, None before there is one; Refused if it is gone again."""
        if not self._catalogue.is_answered(identity):
            return None
        found = self._catalogue.document(identity)
        if found and found.item.status in UNANSWERED:
            return None  # it has failed, and is tried again
        full = self._catalogue.in_full(found) if found else None
        has_text = full and (full.sidecar or full.is_large) and full.item.status != "duplicate"
        if full is None or not has_text:
            raise Refused(410, "gone", "it was read, and its answer collected before it was told")
        return self._answer(full, is_cached=full is not found)

    def _answer(self, found: Found, *, is_cached: bool) -> Response:
        content = {**serializers.document(found), "cached": is_cached}
        return self._json(content, found, 422 if found.item.status == "failed" else 200)

    # --- asking ---------------------------------------------------------------------------------

    async def documents(self, request: Request) -> Response:
        """List documents, newest first."""
        asked = request.query_params
        query, status = asked.get("query", ""), asked.get("status", "")
        if len(query) > QUERY_CHARACTERS:
            raise Refused(400, "invalid", f"query may have {QUERY_CHARACTERS} characters")
        if "status" in asked and status not in STATUSES:
            raise Refused(400, "invalid", f"status is one of {', '.join(STATUSES)}")
        offset = _number(asked.get("offset", "0"), 0, MOST_OFFSET, "offset")
        limit = _number(asked.get("limit", "50"), 1, MOST_LISTED, "limit")
        listing = await to_thread.run_sync(self._catalogue.documents, query, status, offset, limit)
        return JSONResponse({
            "total": listing.total, "offset": offset, "limit": limit,
            "documents": [serializers.item(item) for item in listing.items],
        })  # fmt: skip

    async def document(self, request: Request) -> Response:
        """Return a document with all that was read, or delete its answer, never the original."""
        found = await self._found(request.path_params["id"])
        if request.method == "DELETE":
            await to_thread.run_sync(delete_answer, self._catalogue, found)
            return Response(status_code=204)
        if found.item.is_gone:
            raise Refused(410, "gone", "its answer was collected or deleted")
        return await to_thread.run_sync(self._shown, found)

    def _shown(self, found: Found) -> Response:
        full = self._catalogue.in_full(found)
        return self._json(serializers.document(found, full), full)

    def _json(self, content: dict[str, Any], full: Found, status: int = 200) -> Response:
        """Return a document; of one that is too large to be held, page by page."""
        if not full.is_large:
            return JSONResponse(content, status)
        return downloads.document(content, *self._catalogue.pages(full), status)

    async def output(self, request: Request) -> Response:
        """Return one of the files that a document was answered with."""
        found = await self._found(request.path_params["id"])
        name = request.path_params["name"]
        return await to_thread.run_sync(downloads.output, self._catalogue, found, name)

    async def original(self, request: Request) -> Response:
        """Return the bytes that were uploaded or dropped."""
        found = await self._found(request.path_params["id"])
        return await to_thread.run_sync(downloads.original, self._catalogue, found)

    async def picture(self, request: Request) -> Response:
        """Return a page as a JPEG."""
        found = await self._found(request.path_params["id"])
        number = _number(request.path_params["number"], 1, 10**6, "the number of the page")
        try:
            path = await to_thread.run_sync(
                self._site.pictures.page, found, number, limiter=self._one_picture
            )
        except LookupError as error:
            raise Refused(404, "no_picture", str(error.args[0])) from error
        headers = {"Cache-Control": f"private, max-age={PICTURE_SECONDS}"}
        return FileResponse(path, media_type="image/jpeg", headers=headers)

    # --- changing -------------------------------------------------------------------------------

    async def retry(self, request: Request) -> Response:
        """Put the original of a failed document back into the inbox."""
        found = await self._found(request.path_params["id"])
        await to_thread.run_sync(self._site.uploads.retry, found)
        place = serializers.place(found.item.id)
        told_now = {"id": found.item.id, "status": "waiting", "location": place}
        return JSONResponse(told_now, 202, {"Location": place})

    async def healthz(self, request: Request) -> Response:
        """Say that the site answers, and whether the daemon does."""
        del request
        now = standing(self._site.state, time.monotonic())
        return JSONResponse({"status": "alive", "daemon": _STANDS.get(now.word, "not running")})

    async def openapi(self, request: Request) -> Response:
        """Describe all this."""
        del request
        return JSONResponse(openapi.document(needs_token=self._site.gate.needs_token))

    async def _found(self, identity: str) -> Found:
        found = await to_thread.run_sync(self._catalogue.document, identity)
        if found is None:
            raise Refused(404, "unknown", "there is no such document")
        return found


def _taken(ids: Sequence[str], drafts: Sequence[Draft]) -> list[dict[str, Any]]:
    return [
        serializers.upload(*each) for each in zip(ids, drafts, strict=False)
    ]  # the first of them


def _number(said: str, least: int, most: int, name: str) -> int:
    if said.isascii() and said.isdecimal() and len(said) < 12 and least <= int(said) <= most:
        return int(said)
    raise Refused(400, "invalid", f"{name} is a number from {least} to {most}")
