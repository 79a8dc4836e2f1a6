"""Calls that may never come back."""

from __future__ import annotations

import threading

import pytest

from daemon.core import io_thread
from daemon.core.io_thread import IoThread, Stalled


def test_a_call_returns_or_raises_what_the_step_does() -> None:
    thread = IoThread("test")

    assert thread.call("adding", lambda: 42) == 42
    with pytest.raises(TimeoutError, match="its own"):
        thread.call("failing", lambda: (_ for _ in ()).throw(TimeoutError("its own")))
    assert thread.late_seconds is None


def test_a_call_that_does_not_come_back_is_late_until_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(io_thread, "PATIENCE_SECONDS", 0.05)
    thread, gate = IoThread("test"), threading.Event()

    with pytest.raises(Stalled):
        thread.call("waiting", gate.wait)

    assert thread.stall is not None
    assert "waiting" in thread.stall.why
    assert thread.late_seconds is not None
    assert thread.late_seconds >= 0.05
    gate.set()
    while thread.late_seconds is not None:
        pass
    assert thread.call("going on", lambda: "again") == "again"
