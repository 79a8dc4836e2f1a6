"""From a Config to a running daemon: build the rooms, wire the bell, turn until told to stop."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import structlog

from daemon import environment, health, ledger, logs, rooms, web_process
from daemon.bell import Bell
from daemon.claims import Claims
from daemon.claims.in_place import JournalClaims
from daemon.claims.rename import RenameClaims
from daemon.config import Config
from daemon.delivery import Delivery
from daemon.errors import LedgerLost, Misconfigured
from daemon.inbox.intake import Intake
from daemon.inbox.watch import Watch
from daemon.notify import Notify
from daemon.outbox.publish import Outbox
from daemon.records import Fault
from daemon.service import Service
from daemon.tally import Tally
from daemon.vitals import Vitals

log = structlog.get_logger()

LOCK_NAME = "lock"
STALE_DRAFT_SECONDS = 86_400.0  # nobody writes an answer for a day


def run(config: Config) -> None:
    """Run the daemon in the foreground until SIGTERM or SIGINT; Misconfigured if it cannot."""
    if config.permissions.umask is not None:
        os.umask(int(config.permissions.umask, 8))
    environment.refuse_fatal(config)
    logs.set_up(
        config.folders.logs,
        config.logging.level,
        config.logging.file_megabytes * 1024**2,
        config.logging.files,
    )
    with web_process.beside(config):
        _run_on(config)


def _run_on(config: Config) -> None:
    """Run one daemon after the other, while the ledger is lost."""
    notify = Notify.from_environment()
    while True:
        with alone(config.folders.state):
            try:
                daemon = _Daemon(config, notify)
                daemon.run()
            except LedgerLost as error:  # opened anew, what is in work is found in its folder
                log.error("ledger.lost", path=str(error.value), why=error.remedy)
                continue
            return


class _Daemon:
    """The rooms of one running daemon, and its two flags: asked to stop, told to stop now."""

    def __init__(self, config: Config, notify: Notify) -> None:
        self._config = config
        self._notify = notify
        self._tally = Tally()
        self._bell = Bell()
        self._stops = 0
        self._warned: Fault | None = None
        self._proved_at = 0.0
        self._journal = ledger.opened(config)
        self._instance = self._journal.fact("instance", uuid.uuid4().hex)
        self._outbox = Outbox(config.folders.outbox, ownership=config.ownership)
        self._scratch = rooms.scratch(config)
        self._engine = rooms.engine(
            config, self._bell, [config.folders.inbox], self._tally, self._scratch
        )
        self._grounds = rooms.grounds(config)
        self._policies = rooms.policies(config)
        self._senders = rooms.senders(config)
        self._claims = claims = self._make_claims()
        self._watch = Watch(config.folders.inbox, config.watch.mode, self._moved)
        self._intake = Intake(
            rooms.scanner(config),
            rooms.settle(config),
            self._watch,
            config.watch.rescan_seconds,
            config.watch.poll_seconds,
            claims.unread,
            self._grounds.hindrance,
            rooms.priorities(config),
            self._tally,
        )
        delivery = Delivery(
            claims, self._journal, self._outbox, self._policies, self._tally, self._scratch
        )
        self._service = Service(
            self._intake, claims, delivery, self._engine, config.retry.wait_seconds
        )
        self._vitals = Vitals(
            self._intake, self._service, self._engine, self._grounds, time.monotonic()
        )

    def run(self) -> None:
        """Warm up, recover, turn, drain."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        endpoint = rooms.endpoint(self._config, self._vitals, self._tally)
        try:
            if self._scratch is not None:
                self._scratch.clear()
            self._engine.warm()
            self._outbox.clear_drafts(STALE_DRAFT_SECONDS)
            self._outbox.clear_outputs(STALE_DRAFT_SECONDS)
            self._service.recover(self._journal.unfinished())
            self._greet()
            self._senders.start()
            self._turn_until_stopped()
            self._drain()
        except LedgerLost:
            if not self._stops:
                raise
        finally:
            self._watch.stop()
            self._senders.stop()
            self._engine.stop()
            if self._stops:  # by hand; whatever else ended the loop may be a document's doing
                with contextlib.suppress(LedgerLost):
                    self._service.abandon(time.monotonic())
            self._claims.close()
            if not self._service.is_stuck:  # else a step holds it, and the process takes both along
                self._journal.close()
            if endpoint is not None:
                endpoint.close()
            health.end(self._config.folders.state)
            log.info("daemon.stopped")
            logs.drain()

    def _make_claims(self) -> Claims:
        folders = self._config.folders
        if self._config.claim == "journal":
            stamps = self._journal.stamps()
            policies = self._policies
            return JournalClaims(
                folders.inbox, folders.failed, stamps, self._config.ownership,
                lambda claim: self._journal.touched(claim, policies.of(claim.name).profile),
            )  # fmt: skip
        archive = folders.archive if self._config.originals == "archive" else None
        lease, ownership = self._config.lease_seconds, self._config.ownership
        return RenameClaims(
            folders.inbox, self._instance, archive, folders.failed, lease, ownership
        )

    def _turn_until_stopped(self) -> None:
        while not self._stops:
            self._turn(health.BEAT_SECONDS)

    def _drain(self) -> None:
        """Finish what is in work, take nothing new; a second signal or the grace time cuts it."""
        self._service.draining = True
        self._notify.stopping()
        ends = time.monotonic() + self._config.grace_seconds
        log.info("daemon.draining", in_work=self._service.in_work)
        while self._service.in_work and self._stops < 2 and time.monotonic() < ends:
            self._turn(min(health.BEAT_SECONDS, max(0.0, ends - time.monotonic())))

    def _turn(self, longest_wait: float) -> None:
        service = self._service
        if time.monotonic() >= self._proved_at + health.BEAT_SECONDS:
            self._prove_ledger()
        service.turn(time.monotonic())
        self._senders.ring()
        pulse = health.pulse(
            self._intake.scanned_at, service.in_work, service.draining, self._faults()
        )
        with contextlib.suppress(OSError):  # a full state disk is told by the log, and it may heal
            health.beat(self._config.folders.state, pulse)
        self._say_how_it_is(pulse)
        self._bell.wait(min(longest_wait, service.next_turn(time.monotonic())))

    def _say_how_it_is(self, pulse: health.Heartbeat) -> None:
        """Tell whoever asks or supervises; the watchdog bites a loop that has lost its way."""
        self._vitals.beat_at = pulse.beat_at
        self._senders.count(self._tally)
        held_up = [why for why, _ in pulse.faults]
        waiting = self._intake.waiting.ready
        self._notify.status(
            f"held up: {held_up[0]}"
            if held_up
            else f"{pulse.in_work} in work, {waiting} ready to be read"
        )
        if self._vitals.is_progressing(pulse.beat_at):
            self._notify.alive()

    def _prove_ledger(self) -> None:
        """Raise LedgerLost for a ledger that was deleted or overwritten under us."""
        self._proved_at = time.monotonic()
        if not self._journal.is_sound:
            path = ledger.ledger_path(self._config)
            raise LedgerLost("folders.state", path, "was deleted or overwritten under the daemon")

    def _faults(self) -> list[Fault]:
        """Return what holds us up, and what else an operator must know."""
        warning = self._grounds.warning
        if warning != (self._warned.why if self._warned else None):
            self._warned = Fault(warning, time.monotonic()) if warning else None
            log.warning("logs.hindered", why=warning or "no more")
        warned = filter(None, [self._warned])
        return [*self._service.faults, *warned, *self._senders.faults]

    def _moved(self) -> None:
        self._intake.ring()
        self._bell.ring()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._stops += 1
        self._bell.ring()

    def _greet(self) -> None:
        config = self._config
        self._vitals.beat_at, self._vitals.phase = time.monotonic(), "ready"
        log.info(
            "daemon.ready",
            inbox=str(config.folders.inbox),
            outbox=str(config.folders.outbox),
            workers=config.worker_count,
            model=config.model.file.stem,
            sandbox=self._engine.sandbox,
        )
        logs.drain()  # the two may go to one place, and their lines must not mingle
        self._notify.ready()
        with contextlib.suppress(OSError, UnicodeError):  # nobody need be reading
            print(
                f"Drop images and PDFs into {config.folders.inbox}, "
                f"answers appear in {config.folders.outbox}\n",
                end="",
                flush=True,
            )


@contextlib.contextmanager
def alone(state: Path) -> Iterator[None]:
    """Hold the lock of the state folder; two daemons on one ledger would count for each other."""
    with (state / LOCK_NAME).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Misconfigured(
                "folders.state", state, "another ocr-daemon uses it; stop it or name another folder"
            ) from error
        yield
