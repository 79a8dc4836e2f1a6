"""One running daemon under one config: its parts, its turns, and its change to another config."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from daemon.config.settings import Config
from daemon.core import failpoints, logs
from daemon.core.clock import CautiousClock
from daemon.core.counters import Counters
from daemon.core.errors import Deferred, LedgerLost
from daemon.core.records import Fault
from daemon.core.wakeup import WakeupPipe
from daemon.engine.create import create_engine
from daemon.engine.protocol import Engine
from daemon.inbox.intake import Intake
from daemon.monitoring import heartbeat, waiting
from daemon.monitoring.health import Health
from daemon.monitoring.systemd import SystemdNotifier
from daemon.outbox.publish import Outbox
from daemon.supervisor import ledger_recovery, web_process, wiring
from daemon.supervisor.delivery import Delivery
from daemon.supervisor.loop import MainLoop
from daemon.supervisor.policy import Policies
from daemon.supervisor.reload import Reload, Trial, change_texts
from daemon.supervisor.rereads import RereadDelivery
from daemon.supervisor.signals import Signals

if TYPE_CHECKING:
    from daemon.inbox.retention import RetentionSweeper

log = structlog.get_logger()

STALE_DRAFT_SECONDS = 86_400.0  # no sidecar is being written for a day


@dataclass(frozen=True, slots=True)
class ProcessContext:
    """What outlives a change of config."""

    wakeup: WakeupPipe
    signals: Signals
    reload: Reload
    systemd: SystemdNotifier
    counters: Counters
    clock: CautiousClock = field(default_factory=CautiousClock)


@dataclass(frozen=True, slots=True)
class WarmEngine:
    """An engine that another config would set up alike, and the policies of that config."""

    engine: Engine
    policies: Policies


class Daemon:
    """One running daemon under one config, or under several that differ in little."""

    def __init__(self, process: ProcessContext, warm: WarmEngine | None) -> None:
        """`warm` is the engine that the daemon before has handed over."""
        self._wakeup, self._signals, self._reload = process.wakeup, process.signals, process.reload
        self._systemd, self._counters = process.systemd, process.counters
        self._clock = process.clock
        self._config = config = self._reload.running
        self._next: Trial | None = None
        self._log_fault: Fault | None = None
        self._waiting_report: waiting.WaitingReport | None = None
        self._ledger_checked_at = 0.0
        self._is_warm = warm is not None
        self.warm: WarmEngine | None = None  # for the next config, where it sets one up alike
        self._ledger = ledger_recovery.open_ledger(config)
        self._outbox = Outbox(config.folders.outbox, ownership=config.ownership)
        self._scratch = wiring.scratch(config)
        self._copies = wiring.copies(config)
        self._engine_setup = wiring.engine_setup(config)
        self._engine = warm.engine if warm else self._new_engine()
        self._policies = warm.policies if warm else wiring.policies(config)
        self._hook_dispatcher = wiring.hook_dispatcher(config)
        self._claims = wiring.claims(config, self._ledger, self._policies)
        self._retention_sweeper: RetentionSweeper | None = None
        self._volumes = self._reload.volumes = wiring.volumes(config)
        self._intake = self._new_intake()
        self._loop = MainLoop(
            self._intake, self._claims, self._new_delivery(), self._engine,
            config.retry.wait_seconds, self._new_rereads(),
        )  # fmt: skip
        self._health = Health(
            self._intake, self._loop, self._engine, self._volumes, time.monotonic()
        )

    def run(self) -> bool:
        """Warm up, recover, turn, drain; return False where another config is to take over."""
        is_over = True
        try:
            with (
                wiring.monitoring_server(self._config, self._health, self._counters),
                web_process.running(self._config) as self._web,
            ):
                self._warm_up()
                self._announce_ready()
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
        self._copies.clear()
        if not self._is_warm:
            self._engine.start()
            self._engine.warm()
        self._outbox.clear_drafts(STALE_DRAFT_SECONDS)
        self._outbox.clear_outputs(STALE_DRAFT_SECONDS)
        with contextlib.suppress(Deferred):  # the next replacement finishes them, too
            self._outbox.finish_replacements(STALE_DRAFT_SECONDS)
        self._loop.recover(self._ledger.unfinished())
        if self._reload.can_fall_back:
            failpoints.reach("reload.warmed")
            log.info("config.reloaded")
            self._reload.commit()
            failpoints.reach("reload.committed")
        self._start_retention()
        self._hook_dispatcher.start()

    def _end(self, *, is_over: bool) -> None:
        """Close all parts, and leave documents in progress to the next start where we must."""
        if self._retention_sweeper:
            self._retention_sweeper.end()
        self._intake.end()
        self._hook_dispatcher.stop()
        if self.warm is None:
            self._engine.close()
        if self._signals.stops or self._next:  # any other end may be the fault of a document
            with contextlib.suppress(LedgerLost):
                self._loop.abandon(time.monotonic())
        self._claims.close()
        self._volumes.stop()
        if not self._loop.is_stalled:  # else a step uses the ledger until the process ends
            self._loop.close()
            self._ledger.close()
        if is_over and not self._reload.can_fall_back:
            heartbeat.end(self._config.folders.state)
            log.info("daemon.stopped")
            logs.drain()

    def _new_engine(self) -> Engine:
        choice = self._config.backend_choice
        log.info(
            "model.chosen",
            file=str(choice.weights.file),
            backend=choice.weights.backend,
            reason=choice.reason,
        )
        return create_engine(self._engine_setup, self._wakeup.notify, self._counters)

    def _new_intake(self) -> Intake:
        return wiring.intake(
            self._config, self._claims, self._volumes, self._inbox_changed, self._counters
        )

    def _new_delivery(self) -> Delivery:
        return Delivery(
            self._claims, self._ledger, self._outbox, self._policies, self._counters, self._scratch,
            wiring.uploads(self._config),
        )  # fmt: skip

    def _new_rereads(self) -> RereadDelivery:
        return RereadDelivery(
            self._claims, self._ledger, self._outbox, self._policies,
            wiring.originals(self._config), self._copies, self._scratch,
        )  # fmt: skip

    def _start_retention(self) -> None:
        """Start to remove originals, where the config has a limit."""
        if self._retention_sweeper:
            self._retention_sweeper.end()
        self._retention_sweeper = wiring.retention_sweeper(self._config, self._clock)

    def _turn_until_stopped(self) -> None:
        """Turn until told to stop, or until another config can take over."""
        while not self._signals.stops and not self._is_ready_for_next():
            self._turn(heartbeat.BEAT_SECONDS)
            if self._signals.reload_requested():
                self._reload.request()
            if trial := self._reload.poll(time.monotonic()):
                self._change_config(trial)

    def _is_ready_for_next(self) -> bool:
        now, grace = time.monotonic(), self._config.grace_seconds
        if self._next is None or not self._loop.is_at_rest(now, grace):
            return False
        if not self._reload.is_still_possible(self._next, now):
            self._next, self._loop.draining = None, False
        return self._next is not None

    # --- another config -------------------------------------------------------------------------

    def _change_config(self, trial: Trial) -> None:
        """Apply a config that was tried: now, or when documents in progress have been read."""
        failpoints.reach("reload.accepted")
        self._systemd.reloading()
        self._systemd.ready()  # systemd need not wait: a document in progress may take minutes
        reads_alike = self._reads_alike(trial.policies)  # weights may change under one name
        self._next = None if trial.are_immediate and reads_alike else trial
        self._loop.draining = self._next is not None
        if self._next:
            in_progress = self._loop.in_progress
            changes = change_texts(trial.live)
            log.info("config.reloading", changes=changes, in_progress=in_progress)
        elif not trial.live:
            log.info("config.unchanged")
        else:
            self._reload.apply(trial)
            self._reload.commit()
            self._reconfigure(trial.config, trial.policies)
            failpoints.reach("reload.reconfigured")
            logs.set_level("INFO")  # a change of the level is logged, too
            log.info("config.reloaded", changes=change_texts(trial.live))
            logs.set_level(trial.config.logging.level)

    def _reads_alike(self, policies: Policies) -> bool:
        """Tell whether every profile reads as it does now."""
        ours, theirs = ([each.profile for each in p.values] for p in (self._policies, policies))
        return ours == theirs

    def _reconfigure(self, config: Config, policies: Policies) -> None:
        """Replace the parts that an immediate change concerns; documents in progress go on."""
        old_intake = self._intake
        self._config, self._policies = config, policies
        self._volumes.min_free_bytes = config.min_free_bytes  # same folders
        self._intake = self._new_intake()
        self._loop.reconfigure(
            self._intake, self._new_delivery(), config.retry.wait_seconds, self._new_rereads()
        )
        self._health.inbox = self._intake
        self._web.reconfigure(config)
        old_intake.end()
        self._start_retention()

    def _hand_over(self) -> None:
        """Put the next config in force; keep an engine that it would set up alike."""
        trial = self._next
        assert trial is not None, "it is why the turning ended"
        if self._reads_alike(trial.policies) and self._engine_setup == trial.engine_setup:
            self.warm = WarmEngine(self._engine, trial.policies)
        self._reload.apply(trial)
        failpoints.reach("reload.applied")
        logs.set_level(trial.config.logging.level)

    def _drain(self) -> None:
        """Finish documents in progress; a second signal or the end of the grace time stops this."""
        self._loop.draining = True
        self._systemd.stopping()
        ends = time.monotonic() + self._config.grace_seconds
        log.info("daemon.draining", in_progress=self._loop.in_progress)
        while self._loop.in_progress and self._signals.stops < 2 and time.monotonic() < ends:
            self._turn(min(heartbeat.BEAT_SECONDS, max(0.0, ends - time.monotonic())))

    # --- one turn -------------------------------------------------------------------------------

    def _turn(self, longest_wait: float) -> None:
        loop = self._loop
        if time.monotonic() >= self._ledger_checked_at + heartbeat.BEAT_SECONDS:
            self._check_ledger()
        loop.turn(time.monotonic())
        self._hook_dispatcher.notify()
        self._report_status()
        self._wakeup.wait(min(longest_wait, loop.next_turn(time.monotonic())))

    def _report_status(self) -> None:
        """Update heartbeat, health, counters and systemd's status and watchdog."""
        in_progress, draining = self._loop.in_progress, self._loop.draining
        status, faults = self._health.beat(time.monotonic(), self._faults())
        scanned_at = self._intake.scanned_at
        pulse = heartbeat.pulse(status, scanned_at, in_progress, draining, faults)
        with contextlib.suppress(OSError):  # a full state disk is in the log, and it may recover
            heartbeat.beat(self._config.folders.state, pulse)
            self._report_waiting()
        self._hook_dispatcher.count(self._counters)
        progress = f"{in_progress} in progress, {self._intake.waiting.ready} ready"
        self._systemd.status(f"{status}: {faults[0].message if faults else progress}")
        if self._health.is_progressing(pulse.beat_at):
            self._systemd.alive()

    def _report_waiting(self) -> None:
        """Write why files wait, where that has changed."""
        intake, fault = self._intake, self._intake.fault
        paused = fault.message if fault else None
        report = waiting.WaitingReport(intake.waiting_files, paused, self._loop.retry_reasons)
        if report != self._waiting_report:
            waiting.publish(self._config.folders.state, report)
            self._waiting_report = report

    def _check_ledger(self) -> None:
        """Raise LedgerLost for a ledger that was deleted or overwritten while we run."""
        self._ledger_checked_at = time.monotonic()
        if not self._ledger.is_sound:
            path = self._config.ledger_file
            raise LedgerLost("folders.state", path, "was deleted or overwritten under the daemon")

    def _faults(self) -> list[Fault]:
        """Return the faults that hold documents up, and others that an operator must know."""
        warning = self._volumes.warning
        if warning != (self._log_fault.message if self._log_fault else None):
            self._log_fault = Fault(warning, time.monotonic()) if warning else None
            if warning:
                log.warning("logs.unwritable", reason=warning)
            else:
                log.info("logs.writable")
        further = (
            *filter(None, [self._log_fault]),
            *self._hook_dispatcher.faults,
            *self._reload.faults,
        )
        return [*self._loop.faults, *further]

    def _inbox_changed(self) -> None:
        self._intake.notify()
        self._wakeup.notify()

    def _announce_ready(self) -> None:
        config = self._config
        self._health.phase = "ready"
        self._report_status()  # before anybody is notified that we are ready
        log.info(
            "daemon.ready",
            inbox=str(config.folders.inbox),
            outbox=str(config.folders.outbox),
            workers=self._engine.slots,
            model=config.weights.file.stem,
            sandbox=self._engine.protections,
        )
        logs.drain()  # log and standard output may be one file, and their lines must not mix
        self._systemd.ready()
        with contextlib.suppress(OSError, UnicodeError):  # standard output may be closed
            print(
                f"Drop images and PDFs into {config.folders.inbox}, "
                f"answers appear in {config.folders.outbox}\n",
                end="",
                flush=True,
            )
