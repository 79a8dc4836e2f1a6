"""One running daemon: its rooms under one config, its turns, and its change to another config."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from daemon.config.settings import Config
from daemon.core import logs
from daemon.core.counters import Counters
from daemon.core.errors import LedgerLost
from daemon.core.records import Fault
from daemon.core.wakeup import WakeupPipe
from daemon.engine.local_pool import LocalEngine
from daemon.inbox.intake import Intake
from daemon.monitoring import heartbeat
from daemon.monitoring.health import Health
from daemon.monitoring.systemd import SystemdNotifier
from daemon.outbox.publish import Outbox
from daemon.supervisor import ledger_recovery, web_process, wiring
from daemon.supervisor.delivery import Delivery
from daemon.supervisor.loop import MainLoop
from daemon.supervisor.policy import Policies
from daemon.supervisor.reload import Reload, Trial, told
from daemon.supervisor.signals import Signals

if TYPE_CHECKING:
    from daemon.inbox.retention import RetentionSweeper

log = structlog.get_logger()

STALE_DRAFT_SECONDS = 86_400.0  # nobody writes an answer for a day


@dataclass(frozen=True, slots=True)
class ProcessContext:
    """What outlives a change of rooms."""

    wakeup: WakeupPipe
    signals: Signals
    reload: Reload
    systemd: SystemdNotifier
    counters: Counters


@dataclass(frozen=True, slots=True)
class WarmPool:
    """Workers that another config would make alike, and what decides over what they read."""

    engine: LocalEngine
    policies: Policies


class Daemon:
    """The rooms of one running daemon under one config, or several that differ in little."""

    def __init__(self, process: ProcessContext, warm: WarmPool | None) -> None:
        """`warm` is what the daemon before has handed on, as this config would make it."""
        self._wakeup, self._signals, self._reload = process.wakeup, process.signals, process.reload
        self._systemd, self._counters = process.systemd, process.counters
        self._config = config = self._reload.running
        self._found: Trial | None = None
        self._warned: Fault | None = None
        self._proved_at = 0.0
        self._came_warm = warm is not None
        self.warm: WarmPool | None = None  # for the next config, where it makes them alike
        self._ledger = ledger_recovery.opened(config)
        self._outbox = Outbox(config.folders.outbox, ownership=config.ownership)
        self._scratch = wiring.scratch(config)
        self._hired = hired = wiring.readers(config)
        self._engine = warm.engine if warm else wiring.engine(hired, self._wakeup, self._counters)
        self._policies = warm.policies if warm else wiring.policies(config)
        self._hook_dispatcher = wiring.hook_dispatcher(config)
        self._claims = wiring.claims(config, self._ledger, self._policies)
        self._retention_sweeper: RetentionSweeper | None = None
        self._volumes = self._reload.volumes = wiring.volumes(config)
        self._intake = self._make_intake()
        self._service = MainLoop(
            self._intake, self._claims, self._make_delivery(), self._engine,
            config.retry.wait_seconds,
        )  # fmt: skip
        self._health = Health(
            self._intake, self._service, self._engine, self._volumes, time.monotonic()
        )

    def run(self) -> bool:
        """Warm up, recover, turn, drain; return False where another config wants other rooms."""
        is_over = True
        try:
            with (
                wiring.monitoring_server(self._config, self._health, self._counters),
                web_process.beside(self._config) as self._web,
            ):
                self._warm_up()
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

    def _warm_up(self) -> None:
        if self._scratch is not None:
            self._scratch.clear()
        if not self._came_warm:
            self._engine.warm()
        self._outbox.clear_drafts(STALE_DRAFT_SECONDS)
        self._outbox.clear_outputs(STALE_DRAFT_SECONDS)
        self._service.recover(self._ledger.unfinished())
        if self._reload.has_way_back:
            log.info("config.reloaded")
        self._reload.hold()
        self._retire()
        self._hook_dispatcher.start()

    def _end(self, *, is_over: bool) -> None:
        """Let go of everything, and of what is in work where we were told to."""
        if self._retention_sweeper:
            self._retention_sweeper.end()
        self._intake.end()
        self._hook_dispatcher.stop()
        if self.warm is None:
            self._engine.stop()
        if self._signals.stops or self._found:  # whatever else ended the loop may be a document's
            with contextlib.suppress(LedgerLost):
                self._service.abandon(time.monotonic())
        self._claims.close()
        self._volumes.end()
        if not self._service.is_stuck:  # else a step holds it, and the process takes both along
            self._service.end()
            self._ledger.close()
        if is_over and not self._reload.has_way_back:
            heartbeat.end(self._config.folders.state)
            log.info("daemon.stopped")
            logs.drain()

    def _make_intake(self) -> Intake:
        """Return the intake of the config in force."""
        return wiring.intake(self._config, self._claims, self._volumes, self._moved, self._counters)

    def _make_delivery(self) -> Delivery:
        return Delivery(
            self._claims, self._ledger, self._outbox, self._policies, self._counters, self._scratch
        )

    def _retire(self) -> None:
        """Begin to remove originals, where the config has a limit."""
        if self._retention_sweeper:
            self._retention_sweeper.end()
        self._retention_sweeper = wiring.retention_sweeper(self._config)

    def _turn_until_stopped(self) -> None:
        """Turn until told to stop, or until nothing more can be done before a change of rooms."""
        while not self._signals.stops and not self._is_ready_to_change():
            self._turn(heartbeat.BEAT_SECONDS)
            if self._signals.take_reload():
                self._reload.ask()
            if found := self._reload.arrived(time.monotonic()):
                self._change(found)

    def _is_ready_to_change(self) -> bool:
        now, patience = time.monotonic(), self._config.grace_seconds
        if self._found is None or not self._service.is_at_rest(now, patience):
            return False
        if not self._reload.stands(self._found, now):
            self._found, self._service.draining = None, False
        return self._found is not None

    # --- another config -------------------------------------------------------------------------

    def _change(self, found: Trial) -> None:
        """Take a config that was tried: now, or when what is in work has been read to its end."""
        self._systemd.reloading()
        self._systemd.ready()  # to systemd it is over: a document in work may take minutes
        is_alike = self._reads_as(found.policies)  # networks may change under one name
        self._found = None if found.are_at_once and is_alike else found
        self._service.draining = self._found is not None
        if self._found:
            log.info(
                "config.reloading", changes=told(found.live), in_progress=self._service.in_progress
            )
        elif not found.live:
            log.info("config.unchanged")
        else:
            self._reload.take(found)
            self._reload.hold()
            self._exchange(found.config, found.policies)
            logs.set_level("INFO")  # a level too is changed with a word
            log.info("config.reloaded", changes=told(found.live))
            logs.set_level(found.config.logging.level)

    def _reads_as(self, policies: Policies) -> bool:
        """Tell whether every profile reads as it does now."""
        ours, theirs = ([each.profile for each in p.values] for p in (self._policies, policies))
        return ours == theirs

    def _exchange(self, config: Config, policies: Policies) -> None:
        """Go on with the rooms that a config changes at once; documents in work notice nothing."""
        old_intake = self._intake
        self._config, self._policies = config, policies
        self._volumes.least_bytes = config.free_bytes  # same folders
        self._intake = self._make_intake()
        self._service.exchange(self._intake, self._make_delivery(), config.retry.wait_seconds)
        self._health.inbox = self._intake
        self._web.take(config)
        old_intake.end()
        self._retire()

    def _hand_over(self) -> None:
        """Put the config in force that waits; keep workers that it would make alike."""
        found = self._found
        assert found is not None, "it is why the turning ended"
        if self._reads_as(found.policies) and self._hired == found.pool_setup:
            self.warm = WarmPool(self._engine, found.policies)
        self._reload.take(found)
        logs.set_level(found.config.logging.level)

    def _drain(self) -> None:
        """Finish what is in work, take nothing new; a second signal or the grace time cuts it."""
        self._service.draining = True
        self._systemd.stopping()
        ends = time.monotonic() + self._config.grace_seconds
        log.info("daemon.draining", in_progress=self._service.in_progress)
        while self._service.in_progress and self._signals.stops < 2 and time.monotonic() < ends:
            self._turn(min(heartbeat.BEAT_SECONDS, max(0.0, ends - time.monotonic())))

    # --- one turn -------------------------------------------------------------------------------

    def _turn(self, longest_wait: float) -> None:
        service = self._service
        if time.monotonic() >= self._proved_at + heartbeat.BEAT_SECONDS:
            self._prove_ledger()
        service.turn(time.monotonic())
        self._hook_dispatcher.notify()
        self._say_how_it_is()
        self._wakeup.wait(min(longest_wait, service.next_turn(time.monotonic())))

    def _say_how_it_is(self) -> None:
        """Tell whoever asks or supervises; the watchdog bites a loop that has lost its way."""
        in_progress, draining = self._service.in_progress, self._service.draining
        status, faults = self._health.beat(time.monotonic(), self._faults())
        scanned_at = self._intake.scanned_at
        pulse = heartbeat.pulse(status, scanned_at, in_progress, draining, faults)
        with contextlib.suppress(OSError):  # a full state disk is told by the log, and it may heal
            heartbeat.beat(self._config.folders.state, pulse)
        self._hook_dispatcher.count(self._counters)
        progress = f"{in_progress} in progress, {self._intake.waiting.ready} waiting"
        self._systemd.status(f"{status}: {faults[0].why if faults else progress}")
        if self._health.is_progressing(pulse.beat_at):
            self._systemd.alive()

    def _prove_ledger(self) -> None:
        """Raise LedgerLost for a ledger that was deleted or overwritten under us."""
        self._proved_at = time.monotonic()
        if not self._ledger.is_sound:
            path = ledger_recovery.ledger_path(self._config)
            raise LedgerLost("folders.state", path, "was deleted or overwritten under the daemon")

    def _faults(self) -> list[Fault]:
        """Return what holds us up, and what else an operator must know."""
        warning = self._volumes.warning
        if warning != (self._warned.why if self._warned else None):
            self._warned = Fault(warning, time.monotonic()) if warning else None
            log.warning("logs.unwritable", reason=warning or "no more")
        others = (
            *filter(None, [self._warned]),
            *self._hook_dispatcher.faults,
            *self._reload.faults,
        )
        return [*self._service.faults, *others]

    def _moved(self) -> None:
        self._intake.notify()
        self._wakeup.notify()

    def _greet(self) -> None:
        config = self._config
        self._health.phase = "ready"
        self._say_how_it_is()  # who asks when he has heard that we are ready finds us alive
        log.info(
            "daemon.ready",
            inbox=str(config.folders.inbox),
            outbox=str(config.folders.outbox),
            workers=config.worker_count,
            model=config.model.file.stem,
            sandbox=self._engine.sandbox,
        )
        logs.drain()  # the two may go to one place, and their lines must not mingle
        self._systemd.ready()
        with contextlib.suppress(OSError, UnicodeError):  # nobody need be reading
            print(
                f"Drop images and PDFs into {config.folders.inbox}, "
                f"answers appear in {config.folders.outbox}\n",
                end="",
                flush=True,
            )
