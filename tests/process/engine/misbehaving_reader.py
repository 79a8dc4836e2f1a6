"""What a worker may do that went astray; run in place of `worker.read`, in a real worker."""

from __future__ import annotations

import os
import pickle
import signal
import struct
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

from daemon.core.errors import Deferred, Died, Misconfigured
from daemon.core.options import Recipe
from daemon.core.records import PagesRead, PageText, Stamp
from daemon.engine import wire, worker

BUSY_SECONDS = 1.0  # of processor time


def honestly(path: Path, stamp: Stamp, first: int, last: int) -> PagesRead:
    pages = tuple(PageText.not_read(number, None) for number in range(first, last + 1))
    return PagesRead("application/pdf", 9, pages, {"decode": 0.1}, precision=str(os.getpid()))


def by_kind(path: Path, stamp: Stamp, first: int, last: int, recipe: Recipe) -> object:
    """Do what the file's name says."""
    return _KINDS[path.stem](path, stamp, first, last)


def _nonsense(*_: object) -> object:
    return {"pages": "many"}


def _too_many_pages(path: Path, stamp: Stamp, first: int, last: int) -> object:
    return PagesRead("application/pdf", 10**12, (), {})


def _fewer_pages(path: Path, stamp: Stamp, first: int, last: int) -> object:
    return honestly(path, stamp, first, last - 1)


def _other_pages(path: Path, stamp: Stamp, first: int, last: int) -> object:
    return honestly(path, stamp, first + 5, last + 5)


class _Call:
    """A pickle that makes whoever loads it call a function."""

    def __init__(self, footprint: Path) -> None:
        self.footprint = footprint

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.footprint),)


def _unknown_error(*_: object) -> object:
    raise struct.error("of a class that the daemon does not know")


def _channel() -> int:
    return int(sys.argv[1])


def _written(content: bytes) -> None:
    os.write(_channel(), content)


def _framed(content: bytes) -> None:
    framed = memoryview(struct.pack("!I", len(content)) + content)
    while framed:
        framed = framed[os.write(_channel(), framed) :]


def _attack(path: Path, stamp: Stamp, first: int, last: int) -> object:
    _framed(pickle.dumps(_Call(path.with_name("footprint"))))
    signal.pause()


def _babble(*_: object) -> object:
    _framed(b"no reply whatsoever")
    signal.pause()


def _nested(*_: object) -> object:
    _framed(b"[" * (4 << 20))
    signal.pause()


def _huge_number(*_: object) -> object:
    _framed(b'{"type":"Counted","request":' + b"9" * 4_000_000 + b"}")
    signal.pause()


def _half_a_message(*_: object) -> object:
    _written(struct.pack("!I", 5000) + b"a beginning")
    os.kill(os.getpid(), signal.SIGKILL)


def _endless_message(*_: object) -> object:
    _written(struct.pack("!I", 0xFFFFFFFF))
    signal.pause()


def _closed_channel(*_: object) -> object:
    os.close(_channel())
    signal.pause()


def _early_reply(path: Path, stamp: Stamp, first: int, last: int) -> object:
    """Reply twice: the second one would be taken for that to the next request."""
    read = honestly(path, stamp, first, last)
    _framed(wire.encode_reply(wire.PagesDone(2, read)))
    return read


def _much_text(path: Path, stamp: Stamp, first: int, last: int) -> object:
    """Return more text than a reply may hold."""
    page = replace(PageText.not_read(first, None), text="x" * (5 << 20))
    return replace(honestly(path, stamp, first, last), pages=(page,))


def _half_a_character(path: Path, stamp: Stamp, first: int, last: int) -> object:
    """Return half of a surrogate pair, which UTF-8 cannot encode."""
    read = honestly(path, stamp, first, last)
    return replace(read, pages=tuple(replace(page, text="a\ud800") for page in read.pages))


def _silent_exit(*_: object) -> object:
    os._exit(0)


def _slowly(*_: object) -> object:
    time.sleep(60)
    return None


def _without_end(*_: object) -> object:
    """A decoder that computes for ever, and cannot be asked to end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        pass


def _deadlocked(*_: object) -> object:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()
    return None


def _stopped(path: Path, stamp: Stamp, first: int, last: int) -> object:
    os.kill(os.getpid(), signal.SIGSTOP)
    return honestly(path, stamp, first, last)


def _frozen_share(path: Path, stamp: Stamp, first: int, last: int) -> object:
    """Read a file whose bytes never come: nobody writes into this FIFO."""
    path.read_bytes()
    return honestly(path, stamp, first, last)


def _busy_box(path: Path, stamp: Stamp, first: int, last: int) -> object:
    """Compute for `BUSY_SECONDS` on a core that others use too."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    began = time.process_time()
    while time.process_time() - began < BUSY_SECONDS:
        pass
    return honestly(path, stamp, first, last)


def _out_of_reach(*_: object) -> object:
    raise Deferred("the share is gone")


def _misconfigured(*_: object) -> object:
    raise Misconfigured("model.sha256", "0", "the file was exchanged")


def _out_of_memory(*_: object) -> object:
    raise Died("memory", "there was not enough memory to read it")


_KINDS = {
    "honest": honestly, "nonsense": _nonsense, "many": _too_many_pages, "fewer": _fewer_pages,
    "other": _other_pages,
    "attack": _attack, "unknown": _unknown_error, "babble": _babble, "half": _half_a_message,
    "endless": _endless_message, "closed": _closed_channel, "exit": _silent_exit,
    "nested": _nested, "number": _huge_number, "early": _early_reply, "much": _much_text,
    "surrogate": _half_a_character,
    "memory": _out_of_memory, "slow": _slowly,
    "spin": _without_end, "deadlock": _deadlocked, "stop": _stopped, "share": _frozen_share,
    "busy": _busy_box,
    "reach": _out_of_reach,
    "weights": _misconfigured,
}  # fmt: skip


def warm() -> str:
    return "nothing"


def warm_and_die() -> str:
    """Die while the networks are loaded."""
    os.kill(os.getpid(), signal.SIGKILL)
    return "never"


def warm_at_last() -> str:
    """Die of it twice: how often is kept in the folder that this worker may write."""
    setup = worker._process.setup
    assert setup is not None
    assert setup.scratch is not None
    deaths = setup.scratch / "deaths"
    with deaths.open("a") as file:
        file.write("x")
    return "something" if deaths.stat().st_size > 2 else warm_and_die()


def install() -> None:
    """Replace reading and loading, in a worker."""
    worker.read = by_kind
    worker.warm = warm


def install_dying() -> None:
    """Let a worker die while it loads."""
    worker.warm = warm_and_die


def install_dying_twice() -> None:
    """Let two workers die while they load."""
    worker.warm = warm_at_last
