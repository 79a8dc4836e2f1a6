"""A Config becomes a running server: `ocr-daemon web`, by hand or started by the daemon."""

from __future__ import annotations

import asyncio
import fnmatch
import logging
import os
import signal
import socket

import structlog
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from daemon.config import validation
from daemon.config.settings import Config
from daemon.core import logs
from daemon.core.errors import Misconfigured
from daemon.supervisor import wiring
from daemon.supervisor.ledger_recovery import ledger_path
from daemon.web.app import build
from daemon.web.context import Site
from daemon.web.http.security import Gate, Rate
from daemon.web.index.catalogue import Catalogue
from daemon.web.previews.page_images import Pictures
from daemon.web.index.paths import Places
from daemon.web.index.pending import UPLOADS
from daemon.web.uploads.uploads import Uploads

log = structlog.get_logger()

CONNECTIONS = 256  # at once; more are told to come again
CROWDED = 192  # from here on the one that has been silent for longest makes way for another
HEADER_SECONDS = 10.0  # in which the head of a request must have come
STOP_SECONDS = 10
INDEX_NAME = "search.sqlite3"


def run(config: Config) -> None:
    """Serve until SIGTERM or SIGINT; Misconfigured if it cannot."""
    validation.refuse_bad_web(config)
    if any(fnmatch.fnmatch(UPLOADS, pattern) for pattern in config.watch.ignore):
        raise Misconfigured("watch.ignore", UPLOADS, "uploads land in this folder; take it out")
    if config.permissions.umask is not None:
        os.umask(int(config.permissions.umask, 8))
    # to standard error alone: the log file has one writer, who rotates it
    logs.set_up(None, config.logging.level, 0, 0)
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # not one for each that is turned away
    web = config.web
    server = _Server(uvicorn.Config(
        build(site(config)), host=web.address, port=web.port, http=_Patient, ws="none",
        loop="asyncio", lifespan="on", proxy_headers=False, server_header=False, access_log=False,
        log_config=None, timeout_keep_alive=5, limit_concurrency=CONNECTIONS, backlog=CONNECTIONS,
        timeout_graceful_shutdown=STOP_SECONDS,
    ))  # fmt: skip
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises it again when it has stopped
        signal.signal(number, lambda *_: None)
    try:
        server.run()
    except SystemExit as error:
        remedy = "cannot be listened on; another program has it, or it is none of this machine's"
        raise Misconfigured("web.port", f"{web.address}:{web.port}", remedy) from error


def site(config: Config) -> Site:
    """Return the rooms of the web process."""
    web, folders = config.web, config.folders
    places = Places(
        folders.inbox, folders.outbox, folders.archive, folders.failed,
        ledger_path(config), folders.state / INDEX_NAME,
    )  # fmt: skip
    folders.state.mkdir(parents=True, exist_ok=True)
    return Site(
        catalogue=Catalogue(places, wiring.scanner(config)),
        uploads=Uploads(
            folders.inbox, folders.failed, config.watch.ignore, web.uploads_waiting,
            config.free_bytes,
        ),
        pictures=Pictures(
            folders.state / "pages",
            wiring.by_folder(config, lambda under, _: (under.limits, under.pdf)),
            in_sandbox=config.sandbox == "auto",
        ),
        gate=Gate(web.token, web.origins, web.address),
        rate=Rate(web.requests_per_minute),
        state=folders.state,
        profile=wiring.policies(config).of(f"{UPLOADS}/-/-").profile,
        predict_seconds=web.predict_seconds,
        upload_bytes=web.upload_megabytes * 1_000_000,
    )  # fmt: skip


class _Server(uvicorn.Server):
    """Says where it listens, once it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Bind, then tell the address: the port may have been chosen by the system."""
        await super().startup(sockets=sockets)
        for server in self.servers:
            for bound in server.sockets:
                address, port, *_ = bound.getsockname()
                log.info("web.ready", address=address, port=port)


class _Patient(H11Protocol):
    """Hangs up on a client that does not bring the head of its request to an end."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._late = self.loop.call_later(HEADER_SECONDS, transport.close)
        if len(self.connections) > CROWDED:
            self._make_way()

    def _make_way(self) -> None:
        """Hang up on who has been silent for longest: silence needs no token, and costs nothing."""
        silent = {
            each._late.when(): each.transport
            for each in self.connections
            if isinstance(each, _Patient)
            and each._late
            and each is not self
            and not each.transport.is_closing()
        }
        if silent:
            silent[min(silent)].close()

    def data_received(self, data: bytes) -> None:
        """Wait again while a request has begun and is not understood yet."""
        super().data_received(data)
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering and self._late is not None:
            self._late.cancel()
            self._late = None
        elif not is_answering and self._late is None:
            self._late = self.loop.call_later(HEADER_SECONDS, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        if self._late is not None:
            self._late.cancel()
        super().connection_lost(exc)
