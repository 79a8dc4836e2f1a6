"""Names for uploads that nothing in the folder of uploads has: `a.pdf`, `a (2).pdf` ..."""

from __future__ import annotations

import contextlib
import itertools
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from daemon.inbox.scan import WORK_FOLDER
from daemon.inbox.uploads import UPLOAD_FOLDER


class FreeNames:
    """Finds free names; may be used by any thread.

    Names that differ only by case or Unicode normalisation count as equal: they are the same on
    some filesystems, and for most people. A file that is being read still has its name.
    """

    def __init__(self, inbox: Path) -> None:
        self._folder = inbox / UPLOAD_FOLDER
        self._work = inbox / WORK_FOLDER / "work"
        self._lock = Lock()
        self._reserved = set[str]()

    @contextlib.contextmanager
    def reserved(self, name: str) -> Iterator[Iterator[str]]:
        """Yield `name` and then numbered names, as long as they are asked for.

        Each of them is free, and stays reserved until the block ends.
        """
        mine = set[str]()
        try:
            yield self._reserve(name, mine)
        finally:
            with self._lock:
                self._reserved -= mine

    def _reserve(self, name: str, mine: set[str]) -> Iterator[str]:
        stem, dot, extension = name.rpartition(".")
        numbered = (f"{stem} ({number}){dot}{extension}" for number in itertools.count(2))
        candidates = itertools.chain([name], numbered)
        while True:
            with self._lock:
                taken = self._taken() | self._reserved
                free = next(each for each in candidates if folded(each) not in taken)
                mine.add(folded(free))
                self._reserved.add(folded(free))
            yield free

    def _taken(self) -> set[str]:
        claimed = self._work.glob(f"*/*/{UPLOAD_FOLDER}/*")
        try:
            return {folded(path.name) for path in (*self._folder.iterdir(), *claimed)}
        except FileNotFoundError:
            return set()


def folded(name: str) -> str:
    """Return a name as it is compared: without case, in one Unicode normalisation."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
