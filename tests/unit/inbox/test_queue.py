"""The order of the queue: priorities, turns, natural names, and no file waits for ever."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.folder_rules import FolderRules
from daemon.inbox.queue import MAX_FOLDERS, OLDEST_EVERY, Queue, Turns, natural, natural_path

URGENT = FolderRules(0, [(["urgent"], 10), (["later"], -10)])


def queue(*names: str, turns: Turns | None = None, **since: float) -> Queue:
    return Queue(dict.fromkeys(names, 0.0) | since, URGENT, turns or Turns())


def drained(waiting: Queue, most: int = 1000) -> list[str]:
    return list(itertools.islice(iter(waiting.pop, None), most))


@pytest.mark.parametrize(
    "names",
    [
        ["scan2.pdf", "scan10.pdf"],
        ["1.png", "2.png", "10.png", "010.png2", "11.png"],
        ["page 9", "page 10", "page 100"],
        ["扫描2.pdf", "扫描10.pdf", "扫描10b.pdf"],
        ["第2页", "第10页"],
        ["a2", "B3", "b10", "C1"],
        ["v1.2.9", "v1.2.10", "v1.10.1"],
        ["", "a"],
    ],
)
def test_names_are_in_natural_order(names: list[str]) -> None:
    shuffled = random.Random(3).sample(names, len(names))

    assert sorted(shuffled, key=natural) == names


def test_names_with_equal_keys_have_a_stable_order() -> None:
    assert sorted(["a1", "A01", "a01"], key=natural) == sorted(["a01", "a1", "A01"], key=natural)


def test_odd_names_can_be_sorted() -> None:
    names = ["9" * 200, "\udcff1", "²", "١٢", "-1", "1.5", "1e9", "nan", "inf", " ", "\n"]

    assert Counter(sorted(names, key=natural)) == Counter(names)


def test_paths_go_folder_by_folder() -> None:
    paths = ["a.png", "10/a.png", "2/c.png", "2/b.png"]

    assert sorted(paths, key=natural_path) == ["2/b.png", "2/c.png", "10/a.png", "a.png"]


def test_scan2_comes_before_scan10() -> None:
    assert drained(queue("scan10.pdf", "scan1.pdf", "scan2.pdf")) == [
        "scan1.pdf", "scan2.pdf", "scan10.pdf",
    ]  # fmt: skip


def test_a_higher_priority_comes_first() -> None:
    found = drained(queue("later/1", "b/1", "urgent/2", "a/1", "urgent/1", "urgent/x/1"))

    assert set(found[:3]) == {"urgent/1", "urgent/2", "urgent/x/1"}
    assert set(found[3:5]) == {"a/1", "b/1"}
    assert found[5] == "later/1"


def test_folders_of_one_priority_take_turns() -> None:
    assert drained(queue("b/1", "b/2", "b/3", "a/1", "a/10", "a/9")) == [
        "a/1", "b/1", "a/9", "b/2", "a/10", "b/3",
    ]  # fmt: skip


def test_turns_continue_from_one_queue_to_the_next() -> None:
    turns = Turns()
    first = queue("a/1", "a/2", "b/1", turns=turns)
    assert first.pop() == "a/1"

    assert queue("a/2", "b/1", "b/2", turns=turns).pop() == "b/1"


def test_every_eighth_is_the_oldest_whatever_its_priority() -> None:
    ready = {f"urgent/{n}": 100.0 for n in range(20)} | {"later/old": 1.0, "later/older": 0.0}

    found = drained(Queue(ready, URGENT, Turns()))

    assert found.index("later/older") == OLDEST_EVERY - 1
    assert found.index("later/old") == 2 * OLDEST_EVERY - 1
    assert [name for name in found if name.startswith("urgent")] == [
        f"urgent/{n}" for n in range(20)
    ]


def test_each_queue_has_the_new_files_in_order_and_not_those_that_are_gone() -> None:
    turns = Turns()
    names = [f"{number}.png" for number in range(0, 400, 2)]
    before = Queue(dict.fromkeys(names, 0.0), URGENT, turns)
    for _ in range(10):
        before.pop()
    names = [*names[50:], "7.png", "333.png", "999.png"]

    after = Queue(dict.fromkeys(names, 1.0), URGENT, turns, before)

    assert drained(after) == sorted(names, key=lambda name: int(name.removesuffix(".png")))


def test_the_number_of_remembered_turns_is_limited() -> None:
    turns = Turns()
    for number in range(MAX_FOLDERS + 100):
        turns.note(str(number))

    assert len(turns.last) == MAX_FOLDERS


FOLDERS = ["urgent/", "later/", "", "a/", "b/"]
FILES = st.lists(st.tuples(st.sampled_from(FOLDERS), st.integers(0, 99), st.integers(0, 5)))


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(files=FILES, pace=st.integers(1, 12), more=st.integers(0, 3))
def test_no_file_waits_longer_than_eight_turns_for_each_that_is_as_old(
    files: list[tuple[str, int, int]], pace: int, more: int
) -> None:
    """What comes in is always ahead, by priority and by name, and more of it than is taken."""
    old = {f"{folder}{base}-{k}": float(at) for k, (folder, base, at) in enumerate(files)}
    latest = {
        name: OLDEST_EVERY * sum(at <= since for at in old.values()) for name, since in old.items()
    }
    ready, turns, waiting, found = dict(old), Turns(), None, {}
    while turns.count < OLDEST_EVERY * (len(old) + 1):
        serial = itertools.count()
        flood = [f"urgent/ {turns.count}-{next(serial)}" for _ in range(pace + more)]
        ready |= dict.fromkeys(flood, 10.0 + turns.count)
        waiting = Queue(ready, URGENT, turns, waiting)
        for _ in range(pace):
            name = waiting.pop()
            del ready[name]
            found[name] = turns.count

    assert {name for name in old if found.get(name, 10**9) > latest[name]} == set()


@given(names=st.sets(st.text(st.characters(codec=None), min_size=1, max_size=8)))
@settings(max_examples=60, deadline=None)
def test_each_file_leaves_the_queue_once_whatever_its_name(names: set[str]) -> None:
    assert sorted(drained(queue(*names))) == sorted(names)


def test_awaited_files_come_first_and_the_oldest_of_them_before_the_others() -> None:
    ready = {"a": 5.0, "urgent/b": 1.0, "web/y": 4.0, "web/x": 3.0}
    waiting = Queue(ready, URGENT, Turns(), awaited={"web/x", "web/y", "web/gone"})

    assert waiting.has_awaited
    assert [waiting.pop(), waiting.pop()] == ["web/x", "web/y"]
    assert not waiting.has_awaited
    assert drained(waiting) == ["urgent/b", "a"]


def test_awaited_files_do_not_stop_the_others() -> None:
    awaited = {f"web/{number}" for number in range(100)}
    waiting = Queue({"old": 0.0} | dict.fromkeys(awaited, 1.0), URGENT, Turns(), awaited=awaited)

    assert "old" in drained(waiting, OLDEST_EVERY)


def test_the_upcoming_files_are_those_that_leave_next_and_none_leaves() -> None:
    names = [f"{folder}/{n}" for folder in ("a", "urgent", "later") for n in range(12)]
    waiting = Queue({name: -float(n) for n, name in enumerate(names)}, URGENT, Turns())
    waiting.pop()

    upcoming = waiting.upcoming(20)

    assert len(waiting) == len(names) - 1
    assert upcoming == tuple(drained(waiting, 20))
