"""The clock is set while the daemon runs; the short form of `make clock`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture import clock

pytestmark = pytest.mark.skipif(
    clock.COMPILER is None, reason="no C compiler for tests/torture/clock.c"
)


def test_a_clock_that_is_set_costs_no_answer_no_attempt_and_no_original(tmp_path: Path) -> None:
    jumps = [clock.HOUR, 0.0, clock.YEARS, -clock.HOUR, clock.to_1970(), -clock.YEARS, 0.0]

    figures = clock.run(tmp_path, seed=1, jumps=jumps, files=3)

    assert figures.holds, "\n".join(figures.lines())


def test_two_daemons_with_different_clocks_answer_each_file_once(tmp_path: Path) -> None:
    figures = clock.run_two(tmp_path, seed=2, rounds=3)

    assert figures.holds, "\n".join(figures.lines())
