"""The watcher against a model: random writers, movers and thieves on a real folder, a fake clock.

The oracle is the folder's final content, read by `os.walk`, and a diary of when each file last
changed, kept by the rules themselves. WATCHER_PROFILE=long tries more and longer histories.
"""

from __future__ import annotations

import itertools
import os
import shutil
import stat
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    multiple,
    rule,
)

from daemon.core.folder_rules import FolderRules
from daemon.inbox.intake import Intake
from daemon.inbox.scan import Scanner
from daemon.inbox.stability import NotReady, StabilityTracker
from daemon.inbox.watch import InboxWatcher

QUIET, PATIENCE, RESCAN, POLL = 5.0, 60.0, 30.0, 2.0
IGNORED = (".*", "*.part", "*~")
BASES = st.sampled_from(["a.png", "b.png", "scan0001.pdf", "c d.tif", "-x", "z.part", "w~", ".h"])
PARENTS = st.sampled_from(["", "sub", "sub/deep", ".hidden", "batch"])


class Inbox(RuleBasedStateMachine):
    """What lies there, since when it lies still, and what the intake made of it."""

    names = Bundle("names")

    @initialize()
    def open(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="watched-"))
        self.inbox, self.aside = self.root / "inbox", self.root / "aside"
        self.inbox.mkdir()
        self.aside.mkdir()
        self.serial = itertools.count(1)
        self.now = 1000.0
        self.changed: dict[str, float] = {}  # by name: when its bytes or its times moved
        self.intake = Intake(
            Scanner(self.inbox, IGNORED, ()),
            StabilityTracker(
                self.inbox, FolderRules(QUIET), PATIENCE, lambda path: None, must_move=True
            ),
            InboxWatcher(self.inbox, "scan", lambda: None),
            RESCAN,
            POLL,
            lambda listing: listing,
        )

    def teardown(self) -> None:
        if hasattr(self, "root"):
            self.settle_down()
            shutil.rmtree(self.root)

    # --- what writers do ------------------------------------------------------------------------

    @rule(target=names, parent=PARENTS, base=BASES)
    def create(self, parent: str, base: str) -> str:
        path = self.place(parent, base)
        if not is_file(path):
            path.unlink(missing_ok=True)  # a link or a fifo that somebody planted
        path.write_bytes(b"%d" % next(self.serial))
        return self.wrote(path)

    @rule(name=names)
    def append(self, name: str) -> None:
        if is_file(path := self.inbox / name):
            path.write_bytes(path.read_bytes() + b"+%d" % next(self.serial))
            self.wrote(path)

    @rule(name=names)
    def empty(self, name: str) -> None:
        if is_file(path := self.inbox / name):
            path.write_bytes(b"")
            self.wrote(path)

    @rule(name=names)
    def touch(self, name: str) -> None:
        if is_file(path := self.inbox / name):
            self.wrote(path)

    @rule(name=names)
    def change_mode(self, name: str) -> None:
        if is_file(path := self.inbox / name):
            path.chmod(0o640)

    @rule(name=consumes(names))
    def delete(self, name: str) -> None:
        (self.inbox / name).unlink(missing_ok=True)

    @rule(target=names, name=names, parent=PARENTS, base=BASES)
    def rename(self, name: str, parent: str, base: str) -> object:
        """Under its new name a file has been there for no time at all."""
        target, source = self.place(parent, base), self.inbox / name
        if not is_file(source) or target == source:
            return multiple()
        if self.is_ignored(target) and source.stat().st_nlink > 1:
            return multiple()  # whether its other names are welcome depends on when it was seen
        (self.inbox / name).replace(target)
        return self.wrote(target)

    @rule(target=names, parent=PARENTS, base=BASES)
    def replace(self, parent: str, base: str) -> str:
        draft = self.aside / "draft"
        draft.write_bytes(b"%d" % next(self.serial))
        target = self.place(parent, base)
        draft.replace(target)
        return self.wrote(target)

    @rule(target=names, bases=st.sets(BASES, min_size=1, max_size=3))
    def move_a_folder_in(self, bases: set[str]) -> object:
        folder = self.aside / f"batch{next(self.serial)}"
        folder.mkdir()
        for base in bases:
            (folder / base).write_bytes(b"%d" % next(self.serial))
        folder.rename(self.inbox / folder.name)
        return multiple(*(self.wrote(self.inbox / folder.name / base) for base in sorted(bases)))

    @rule(target=names, name=names, parent=PARENTS, base=BASES)
    def link(self, name: str, parent: str, base: str) -> object:
        target = self.place(parent, base)
        if not is_file(self.inbox / name) or os.path.lexists(target) or self.is_ignored(target):
            return multiple()
        os.link(self.inbox / name, target)
        return self.wrote(target)

    @rule(target=names, parent=PARENTS, base=BASES)
    def link_to_elsewhere(self, parent: str, base: str) -> object:
        target = self.place(parent, base)
        if os.path.lexists(target):
            return multiple()
        secret = self.aside / f"secret{next(self.serial)}"
        secret.write_bytes(b"secret")
        os.link(secret, target)
        return self.wrote(target)

    @rule(parent=PARENTS, base=BASES, kind=st.sampled_from(["link", "fifo"]))
    def plant(self, parent: str, base: str, kind: str) -> None:
        target = self.place(parent, base)
        if not os.path.lexists(target):
            target.symlink_to(self.aside) if kind == "link" else os.mkfifo(target)

    # --- what time and the daemon do ------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.1, 1.0, 4.9, 5.0, 31.0]), rings=st.booleans())
    def wait(self, seconds: float, rings: bool) -> None:
        self.now += seconds
        if rings:
            self.intake.notify()
        self.intake.scan_if_due(self.now)

    @rule(how_many=st.integers(1, 3))
    def claim(self, how_many: int) -> None:
        for _ in range(how_many):
            self.take_next()

    def take_next(self) -> tuple[str, bytes] | None:
        """Take what is said to be ready, as a claim would, be it changed since the scan."""
        name = self.intake.next_ready(self.now)
        if name is None or not is_file(path := self.inbox / name):
            return None
        try:
            self.intake.verify(name, self.now)
        except NotReady:
            return self.take_next()
        content, scanned_at = path.read_bytes(), self.intake.scanned_at
        if self.changed[name] < scanned_at:
            assert content
            assert not content.startswith(b"secret")
            assert scanned_at - self.changed[name] >= QUIET
        path.unlink()
        return name, content

    # --- what must hold in the end --------------------------------------------------------------

    def settle_down(self) -> None:
        """Once everything is still, exactly what lies there and may be taken is taken."""
        self.drain()
        expected = {name: (self.inbox / name).read_bytes() for name in self.takeable()}
        found: list[tuple[str, bytes]] = []
        for _ in range(20):
            self.now += POLL
            self.intake.scan_if_due(self.now)
            found += self.drain()

        assert sorted(found) == sorted(expected.items())
        assert self.takeable() == []

    def drain(self) -> list[tuple[str, bytes]]:
        """Take what is ready now."""
        return [taken for taken in iter(self.take_next, None) if taken]

    def takeable(self) -> list[str]:
        """Walk the folder: files of no ignored name that are not empty and all of whose names lie
        here."""
        paths = [Path(folder, base) for folder, _, bases in os.walk(self.inbox) for base in bases]
        regular = [path for path in paths if is_file(path) and not self.is_ignored(path)]
        inodes = Counter(path.stat().st_ino for path in regular)
        return [
            self.name_of(path)
            for path in regular
            if (status := path.stat()).st_size and inodes[status.st_ino] == status.st_nlink
        ]

    # --- the diary ------------------------------------------------------------------------------

    def wrote(self, path: Path) -> str:
        """Note that this file, under whatever names, moved now; give it a time of its own."""
        os.utime(path, ns=(0, next(self.serial)))
        inode = path.stat().st_ino
        for folder, _, bases in os.walk(self.inbox):
            for base in bases:
                other = Path(folder, base)
                if other == path or (is_file(other) and other.stat().st_ino == inode):
                    self.changed[self.name_of(other)] = self.now
        return self.name_of(path)

    def place(self, parent: str, base: str) -> Path:
        (self.inbox / parent).mkdir(parents=True, exist_ok=True)
        return self.inbox / parent / base

    def name_of(self, path: Path) -> str:
        return str(path.relative_to(self.inbox))

    def is_ignored(self, path: Path) -> bool:
        parts = path.relative_to(self.inbox).parts
        return any(part.startswith(".") or part.endswith((".part", "~")) for part in parts)


def is_file(path: Path) -> bool:
    return os.path.lexists(path) and stat.S_ISREG(path.lstat().st_mode)


LONG = os.environ.get("WATCHER_PROFILE") == "long"
Inbox.TestCase.settings = settings(
    max_examples=2000 if LONG else 60,
    stateful_step_count=80 if LONG else 30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestInbox = pytest.mark.slow(Inbox.TestCase)
