"""Clocks on a machine whose clock is set."""

from __future__ import annotations

import pytest

from daemon.core.clock import ADOPT_SECONDS, CautiousClock, JumpDetector

NOON = 1_800_000_000.0
YEARS = 10 * 365 * 86_400.0
HOUR = 3600.0


class Machine:
    """A machine that has run for a while, and whose clock somebody sets."""

    def __init__(self) -> None:
        self.up, self.error = 500.0, 0.0

    def wall(self) -> float:
        return NOON + self.up + self.error

    def steady(self) -> float:
        return self.up

    def cautious(self) -> CautiousClock:
        return CautiousClock(self.wall, self.steady)


def test_a_clock_that_nobody_sets_is_believed() -> None:
    machine = Machine()
    clock = machine.cautious()
    for _ in range(1000):
        machine.up += HOUR
        machine.error += 1.0  # as time servers adjust it

        assert clock() == machine.wall()


@pytest.mark.parametrize("jump", [HOUR, YEARS])
def test_a_clock_set_forward_makes_nothing_older_for_a_day(jump: float) -> None:
    machine = Machine()
    clock = machine.cautious()
    machine.error = jump
    assert clock() == NOON + machine.up
    machine.up += ADOPT_SECONDS - 1
    assert clock() == NOON + machine.up

    machine.up += 1

    assert clock() == machine.wall()


def test_a_clock_set_forward_and_corrected_was_never_believed() -> None:
    machine = Machine()
    clock = machine.cautious()
    for _ in range(10):
        machine.error = YEARS
        clock()
        machine.up += ADOPT_SECONDS / 2
        assert clock() == NOON + machine.up
        machine.error = 0.0

        assert clock() == machine.wall()


@pytest.mark.parametrize("jump", [-HOUR, -YEARS, -NOON])
def test_a_clock_set_back_is_believed_at_once(jump: float) -> None:
    machine = Machine()
    clock = machine.cautious()
    machine.error = jump

    assert clock() == machine.wall()


@pytest.mark.parametrize("jump", [HOUR, -HOUR, YEARS, -YEARS])
def test_each_jump_is_told_once(jump: float) -> None:
    machine = Machine()
    jumps = JumpDetector(machine.wall, machine.steady)
    machine.up += HOUR
    assert (jumps.jump(), jumps.jumped_at) == (0.0, None)
    machine.error += jump

    assert jumps.jump() == jump

    assert (jumps.jump(), jumps.jumped_at) == (0.0, machine.up)


def test_adjustments_are_no_jump_until_they_add_up_to_one() -> None:
    machine = Machine()
    jumps = JumpDetector(machine.wall, machine.steady)
    found = []
    for _ in range(40):
        machine.up += HOUR
        machine.error += 0.1
        found.append(jumps.jump())

    assert sum(found) == pytest.approx(machine.error, abs=2.0)
    assert sum(each != 0 for each in found) <= 2
