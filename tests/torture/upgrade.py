"""The upgrade of a ledger while the disk runs full, or the process is killed, at each operation.

A library that is preloaded (full_disk.c) lets the n-th operation on the state folder fail, for
every n. What is left must be the old ledger, or the new one, with all rows; and once there is space
again the daemon's next start must upgrade it. The files are looked at with SQLite alone.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from daemon.core.errors import Misconfigured
from daemon.ledger.ledger import Ledger
from tests.support.repository import REPOSITORY

Act = Literal["full", "kill"]
COMPILER = shutil.which("cc")
SOURCE = Path(__file__).with_name("full_disk.c")
FULL, MISCONFIGURED = 28, 78
NEVER = 1_000_000_000
MAX_OPERATIONS = 500


@dataclass(frozen=True, slots=True)
class Step:
    """What was left when the n-th operation failed: the version of the ledger, and complaints."""

    number: int
    version: int
    said: str
    complaints: tuple[str, ...]


def compiled(folder: Path) -> Path:
    """Compile the library into a folder."""
    assert COMPILER is not None, "a C compiler is needed"
    library = folder / "full_disk.so"
    subprocess.run(
        [COMPILER, "-shared", "-fPIC", "-O1", "-Wno-attributes", "-o", str(library), str(SOURCE)],
        check=True,
    )
    return library


def steps(
    root: Path, act: Act, make: Callable[[Path], None], newest: int, every: int = 1
) -> Iterator[Step]:
    """Yield every step, or one in so many, of opening the ledger that `make` puts into a folder.

    The last one needed no operation more.
    """
    with _Opener(compiled(root)) as opener:
        for number in range(1, MAX_OPERATIONS, every):
            state = root / f"{act}-{number}"
            state.mkdir()
            ledger_file = state / "ledger.sqlite3"
            make(ledger_file)
            before = rows(ledger_file)
            ended = opener.open(ledger_file, act, number)
            yield _step(number, ledger_file, before, ended, opener, newest)
            shutil.rmtree(state)
            if not ended.code and ended.operations < number:
                return
    raise AssertionError(f"more than {MAX_OPERATIONS} operations")


@dataclass(frozen=True, slots=True)
class _Ended:
    """How an attempt to open a ledger ended: exit code, operations counted, error."""

    code: int
    operations: int = 0
    said: str = ""


class _Opener:
    """A process that preloads the library and opens ledgers as the daemon does, each in a fork."""

    def __init__(self, library: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            env=os.environ | {"LD_PRELOAD": str(library)}, cwd=REPOSITORY, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def __enter__(self) -> _Opener:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def open(self, ledger_file: Path, act: Act = "full", number: int = NEVER) -> _Ended:
        """Open and close a ledger; the operation `number` fails."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(ledger_file), act, number]) + "\n")
        self._process.stdin.flush()
        return _Ended(**json.loads(self._process.stdout.readline()))


def main() -> None:
    """Open ledgers as told on standard input; runs in the process of `_Opener`."""
    library = ctypes.CDLL(None)
    for line in sys.stdin:
        path, act, number = json.loads(line)
        reading, writing = os.pipe()
        if (child := os.fork()) == 0:
            code, said = _open_in_child(library, Path(path), act, number)
            facts = {"operations": library.full_disk_count(), "said": said}
            os.write(writing, json.dumps(facts).encode())
            os._exit(code)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            facts = json.loads(pipe.read() or b"{}")
        _, status = os.waitpid(child, 0)
        print(json.dumps(facts | {"code": os.waitstatus_to_exitcode(status)}), flush=True)


def _open_in_child(library: ctypes.CDLL, path: Path, act: Act, number: int) -> tuple[int, str]:
    """Open a ledger while the disk is full; return the exit code and the error."""
    library.full_disk_set(os.fsencode(path.parent), ctypes.c_long(number), act == "kill")
    try:
        Ledger(path).close()
    except Misconfigured as error:
        return MISCONFIGURED, error.remedy
    except OSError as error:
        return FULL if error.errno in (errno.ENOSPC, errno.EIO) else 1, repr(error)
    except BaseException as error:
        return 1, repr(error)
    return 0, ""


def _step(
    number: int,
    ledger_file: Path,
    before: dict[str, list[tuple[object, ...]]],
    ended: _Ended,
    opener: _Opener,
    newest: int,
) -> Step:
    complaints = []
    if ended.code not in (0, FULL, MISCONFIGURED, -signal.SIGKILL):
        complaints.append(f"exit code {ended.code}: {ended.said}")
    version, found = _looked_at(ledger_file)
    if found != before:
        complaints.append(f"version {version}: the rows differ")
    again = opener.open(ledger_file)
    if again.code != 0:
        complaints.append(f"with space again: {again.said}")
    final, found = _looked_at(ledger_file)
    if (final, found) != (newest, before):
        complaints.append(f"with space again: version {final}, or other rows")
    others = [path.name for path in ledger_file.parent.iterdir() if path != ledger_file]
    complaints += [f"left: {name}" for name in others if not name.endswith(("-wal", "-shm"))]
    return Step(number, version, ended.said, tuple(complaints))


def _looked_at(ledger_file: Path) -> tuple[int, dict[str, list[tuple[object, ...]]]]:
    """Return version and rows as a copy has them: looking at the files must not repair them."""
    copy = ledger_file.parent.with_name("copy")
    shutil.copytree(ledger_file.parent, copy)
    try:
        with closing(sqlite3.connect(copy / ledger_file.name)) as db:
            ((health,),) = db.execute("PRAGMA integrity_check").fetchall()
            assert health == "ok", health
            ((version,),) = db.execute("PRAGMA user_version").fetchall()
        return int(version), rows(copy / ledger_file.name)
    finally:
        shutil.rmtree(copy)


def rows(ledger_file: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of the tables that every version has; no rows where there is no table."""
    found: dict[str, list[tuple[object, ...]]] = {}
    if not ledger_file.exists():
        return {"claims": [], "facts": []}
    with closing(sqlite3.connect(ledger_file)) as db:
        for table in ("claims", "facts"):
            known = db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone()
            query = f"SELECT * FROM {table} ORDER BY rowid"
            found[table] = db.execute(query).fetchall() if known else []
    return found


if __name__ == "__main__":
    main()
