"""From a Config to a running daemon: build the rooms, wire the bell, turn until told to stop."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Callable

import structlog

from daemon import environment, health, ledger, logs, rooms
from daemon.alone import alone
from daemon.bell import Bell
from daemon.claims import Claims
from daemon.claims.in_place import JournalClaims
from daemon.claims.rename import RenameClaims
from daemon.config import Config
from daemon.delivery import Delivery
from daemon.engine.local import LocalEngine
from daemon.errors import LedgerLost, Misconfigured
from daemon.inbox.intake import Intake
from daemon.outbox.publish import Outbox
from daemon.policy import Policy
from daemon.records import Fault
from daemon.reload import Changes, Reload, told
from daemon.retention import Retiring
from daemon.service import Service
from daemon.signals import Signals

log = structlog.get_logger()

STALE_DRAFT_SECONDS = 86_400.0  # nobody writes an answer for a day


def run(config: Config, load: Callable[[], Config]) -> None:
    """Run the daemon in the foreground until SIGTERM or SIGINT; Misconfigured if it cannot.

    At SIGHUP the config is read anew, by `load`.
    """
    bell = Bell()
    signals = Signals(bell.ring)
    if config.permissions.umask is not None:
        os.umask(int(config.permissions.umask, 8))
    environment.refuse_fatal(config)
    logs.set_up(
        config.folders.logs,
        config.logging.level,
        config.logging.file_megabytes * 1024**2,
        config.logging.files,
    )
    reload = Reload(config, load, bell.ring)
    while True:
        with alone(config.folders.state):
            try:
                _live(bell, signals, reload)
            except LedgerLost as error:  # opened anew, what is in work is found in its folder
                log.error("ledger.lost", path=str(error.value), why=error.remedy)
                continue
            return


def _live(bell: Bell, signals: Signals, reload: Reload) -> None:
    """Build the rooms and run them, again with each new config, until told to stop."""
    engine: LocalEngine | None = None
    while True:
        try:
            daemon = _Daemon(reload, bell, signals, engine)
            engine = None  # the daemon's now
            is_over = daemon.run()
        except LedgerLost:
            raise
        except (Misconfigured, OSError) as error:
            if signals.stops or not reload.fall_back(error, time.monotonic()):
                raise
            continue
        finally:
            if engine:
                engine.stop()
        if is_over:
            return
        engine = daemon.warm_engine


class _Daemon:
    """The rooms of one running daemon under one config, or several that differ in little."""

    def __init__(
        self, reload: Reload, bell: Bell, signals: Signals, engine: LocalEngine | None
    ) -> None:
        """`engine` is one that is warm already, as this config would make it."""
        self._config = config = reload.running
        self._reload = reload
        self._bell = bell
        self._signals = signals
        self._found: Changes | None = None
        self._warned: Fault | None = None
        self._proved_at = 0.0
        self.warm_engine = engine
        self._journal = ledger.opened(config)
        self._instance = self._journal.fact("instance", uuid.uuid4().hex)
        self._outbox = Outbox(config.folders.outbox, ownership=config.ownership)
        self._engine = engine or rooms.engine(config, self._bell, [config.folders.inbox])
        self._policy = rooms.policy(config)
        self._claims = self._make_claims()
        self._retiring: Retiring | None = None
        self._intake = self._make_intake()
        self._service = Service(
            self._intake, self._claims, self._make_delivery(), self._engine,
            config.retry.wait_seconds,
        )  # fmt: skip

    def run(self) -> bool:
        """Warm up, recover, turn, drain; return False where another config wants other rooms."""
        is_over = True
        try:
            if self.warm_engine is None:
                self._engine.warm()
            self.warm_engine = None
            self._outbox.clear_drafts(STALE_DRAFT_SECONDS)
            self._service.recover(self._journal.unfinished())
            if self._reload.has_way_back:
                log.info("config.reloaded")
            self._reload.hold()
            self._retire()
            self._greet()
            self._turn_until_stopped()
            is_over = self._signals.stops > 0
            self._drain() if is_over else self._hand_over()
        except LedgerLost:
            if not self._signals.stops:
                raise
        finally:
            self._end(is_over=is_over)
        return is_over

    def _end(self, *, is_over: bool) -> None:
        """Let go of everything, and of what is in work where we were told to."""
        if self._retiring:
            self._retiring.end()
        self._intake.end()
        if self.warm_engine is None:
            self._engine.stop()
        if self._signals.stops or self._found:  # whatever else ended the loop may be a document's
            with contextlib.suppress(LedgerLost):
                self._service.abandon(time.monotonic())
        self._claims.close()
        self._grounds.end()
        if not self._service.is_stuck:  # else a step holds it, and the process takes both along
            self._service.end()
            self._journal.close()
        if is_over and not self._reload.has_way_back:
            health.end(self._config.folders.state)
            log.info("daemon.stopped")
            logs.drain()

    def _make_intake(self) -> Intake:
        """Return the intake of the config in force, on grounds of its own."""
        self._grounds = rooms.grounds(self._config)
        return rooms.intake(self._config, self._claims, self._grounds, self._moved)

    def _make_delivery(self) -> Delivery:
        return Delivery(self._claims, self._journal, self._outbox, self._policy)

    def _retire(self) -> None:
        """Begin to remove originals, where the config has a limit."""
        if self._retiring:
            self._retiring.end()
        cupboards = rooms.cupboards(self._config)
        path = ledger.ledger_path(self._config)
        self._retiring = Retiring(cupboards, path) if cupboards else None

    def _make_claims(self) -> Claims:
        folders = self._config.folders
        if self._config.claim == "journal":
            stamps = self._journal.stamps()
            profile = self._policy.profile
            return JournalClaims(
                folders.inbox, folders.failed, stamps, self._config.ownership,
                lambda claim: self._journal.touched(claim, profile),
            )  # fmt: skip
        archive = folders.archive if self._config.originals == "archive" else None
        lease, ownership = self._config.lease_seconds, self._config.ownership
        return RenameClaims(
            folders.inbox, self._instance, archive, folders.failed, lease, ownership
        )

    def _turn_until_stopped(self) -> None:
        """Turn until told to stop, or until nothing more can be done before a change of rooms."""
        while not self._signals.stops and not self._is_ready_to_change():
            self._turn(health.BEAT_SECONDS)
            if self._signals.take_reload():
                self._reload.ask()
            if found := self._reload.arrived(time.monotonic()):
                self._change(found)

    def _is_ready_to_change(self) -> bool:
        now, patience = time.monotonic(), self._config.grace_seconds
        return self._found is not None and self._service.is_at_rest(now, patience)

    # --- another config -------------------------------------------------------------------------

    def _change(self, found: Changes) -> None:
        """Take a config that was tried: now, or when what is in work has been read to its end."""
        policy = rooms.policy(found.config)
        is_alike = policy.profile == self._policy.profile  # networks may change under one name
        self._found = None if found.are_at_once and is_alike else found
        self._service.draining = self._found is not None
        if self._found:
            log.info("config.reloading", changes=told(found.live), in_work=self._service.in_work)
        elif not found.live:
            log.info("config.unchanged")
        else:
            self._reload.take(found)
            self._reload.hold()
            self._exchange(found.config, policy)
            logs.set_level("INFO")  # a level too is changed with a word
            log.info("config.reloaded", changes=told(found.live))
            logs.set_level(found.config.logging.level)

    def _exchange(self, config: Config, policy: Policy) -> None:
        """Go on with the rooms that a config changes at once; documents in work notice nothing."""
        old_intake, old_grounds = self._intake, self._grounds
        self._config, self._policy = config, policy
        self._intake = self._make_intake()
        self._service.exchange(self._intake, self._make_delivery(), config.retry.wait_seconds)
        old_intake.end()
        old_grounds.end()
        self._retire()

    def _hand_over(self) -> None:
        """Put the config in force that waits; keep workers that it would make alike."""
        assert self._found is not None, "it is why the turning ended"
        old, new = self._config, self._found.config
        is_alike = rooms.policy(new).profile == self._policy.profile
        hired = [rooms.hiring(config, [config.folders.inbox]) for config in (old, new)]
        if is_alike and hired[0] == hired[1]:
            self.warm_engine = self._engine
        self._reload.take(self._found)
        logs.set_level(new.logging.level)

    def _drain(self) -> None:
        """Finish what is in work, take nothing new; a second signal or the grace time cuts it."""
        self._service.draining = True
        ends = time.monotonic() + self._config.grace_seconds
        log.info("daemon.draining", in_work=self._service.in_work)
        while self._service.in_work and self._signals.stops < 2 and time.monotonic() < ends:
            self._turn(min(health.BEAT_SECONDS, max(0.0, ends - time.monotonic())))

    def _turn(self, longest_wait: float) -> None:
        service = self._service
        if time.monotonic() >= self._proved_at + health.BEAT_SECONDS:
            self._prove_ledger()
        service.turn(time.monotonic())
        pulse = health.pulse(
            self._intake.scanned_at, service.in_work, service.draining, self._faults()
        )
        with contextlib.suppress(OSError):  # a full state disk is told by the log, and it may heal
            health.beat(self._config.folders.state, pulse)
        self._bell.wait(min(longest_wait, service.next_turn(time.monotonic())))

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
        return [*self._service.faults, *filter(None, [self._warned]), *self._reload.faults]

    def _moved(self) -> None:
        self._intake.ring()
        self._bell.ring()

    def _greet(self) -> None:
        config = self._config
        log.info(
            "daemon.ready",
            inbox=str(config.folders.inbox),
            outbox=str(config.folders.outbox),
            workers=config.worker_count,
            model=config.model.file.stem,
            sandbox=self._engine.sandbox,
        )
        logs.drain()  # the two may go to one place, and their lines must not mingle
        with contextlib.suppress(OSError, UnicodeError):  # nobody need be reading
            print(
                f"Drop images and PDFs into {config.folders.inbox}, "
                f"answers appear in {config.folders.outbox}\n",
                end="",
                flush=True,
            )
