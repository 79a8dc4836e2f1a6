"""What lies in the inbox and nobody has claimed yet, uploads among it."""

from __future__ import annotations

import hashlib
import os
import re
import time
from dataclasses import replace
from pathlib import Path, PurePosixPath

from daemon.core import fs
from daemon.core.records import Stamp
from daemon.inbox.scan import WORK_FOLDER, Listing, Scanner
from daemon.web.index.records import Item

UPLOADS = "web"  # the folder of the inbox that uploads land in
SCAN_SECONDS = 1.0  # at least, between two looks
CHEAP_SECONDS = 0.05  # that a scan may take to be made for each upload
SCAN_SHARE = 20  # times that a scan of the inbox took, until the next one

_UPLOADED = re.compile(rf"{UPLOADS}/([0-9a-f]{{32}})/[^/]+")
_TOKEN = re.compile("[0-9a-f]{32}")


def token_of(name: str) -> str | None:
    """Return the token of the upload that a path in the inbox belongs to."""
    found = _UPLOADED.fullmatch(name)
    return found[1] if found else None


class Waiting:
    """The inbox as a person sees it: looked at now and then, when somebody asks."""

    def __init__(self, inbox: Path, scanner: Scanner) -> None:
        self._inbox = inbox
        self._scanner = scanner
        self._due = float("-inf")
        self._listing: Listing = {}
        self._took = 0.0
        self._uploaded = 0

    def items(self, query: str) -> list[Item]:
        """Return the files whose names have all words of `query`, newest first."""
        words = query.casefold().split()
        landed = sorted(self._landed().items(), key=lambda item: -item[1].modified_ns)
        items = (_item(name, stamp) for name, stamp in landed)
        return [item for item in items if all(word in item.name.casefold() for word in words)]

    def item(self, identity: str) -> Item | None:
        """Return a file in the inbox, or one that was claimed a moment ago."""
        kind, _, token = identity.partition("-")
        if not _TOKEN.fullmatch(token):
            return None
        if kind == "w":
            items = (_item(name, stamp) for name, stamp in self._landed().items())
            return next((item for item in items if item.id == identity), None)
        return self._upload(token) if kind == "u" else None

    def _upload(self, token: str) -> Item | None:
        """Return an upload where it is now; it may move on from one folder to the other."""
        work = (self._inbox / WORK_FOLDER / "work").glob(f"*/*/{UPLOADS}/{token}")
        here = [(self._inbox / UPLOADS / token, "waiting")]
        for folder, status in here + [(folder, "reading") for folder in work]:
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        stamp = Stamp.from_status(entry.stat(follow_symlinks=False))
                        item = _item(f"{UPLOADS}/{token}/{entry.name}", stamp)
                        return replace(item, status=status)  # type: ignore[arg-type]
            except OSError:
                continue
        return None

    def _landed(self) -> Listing:
        uploaded = self._uploaded_at()
        is_cheap_news = uploaded != self._uploaded and self._took < CHEAP_SECONDS
        if time.monotonic() >= self._due or is_cheap_news:
            began = time.monotonic()
            try:
                self._listing = self._scanner.scan().files
            except OSError:
                self._listing = {}  # it is away, and the daemon says so
            ended = time.monotonic()
            self._took, self._uploaded = ended - began, uploaded
            self._due = ended + max(SCAN_SECONDS, SCAN_SHARE * self._took)
        return self._listing

    def _uploaded_at(self) -> int:
        """Return when an upload last landed: it is shown at once to who has sent it."""
        try:
            return (self._inbox / UPLOADS).stat().st_mtime_ns
        except OSError:
            return 0


def _item(name: str, stamp: Stamp) -> Item:
    shown = fs.printable(name)
    token = token_of(name)
    mark = f"w-{hashlib.sha256(os.fsencode(name)).hexdigest()[:32]}"
    return Item(
        id=f"u-{token}" if token else mark,
        name=shown,
        title=PurePosixPath(shown).name,
        status="waiting",
        bytes=stamp.size,
    )
