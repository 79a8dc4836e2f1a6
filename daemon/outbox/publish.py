"""Publishing: temp file, fsync, a name that clobbers nothing, fsync of the folder.

The answer to `a/scan.pdf` is `a/scan.pdf.json`. Where that name is taken by the answer to other
bytes (scanners re-use names) it is `a/scan.pdf.2.json`, and so on. The one answer that is replaced
is that of the same bytes under a status in `replaceable`: a failed file that was tried again.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import uuid
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

from daemon import failpoints, files
from daemon.errors import Deferred
from daemon.inbox.scan import WORK_FOLDER
from daemon.ownership import INHERITED, Ownership


class Outbox:
    """The folder that answers appear in; every OSError becomes Deferred with the folder named."""

    def __init__(
        self,
        folder: Path,
        drafts: str = "drafts",
        replaceable: Container[str] = ("failed",),
        ownership: Ownership = INHERITED,
    ) -> None:
        """`drafts` names the folder for what is being written: one for each writer."""
        self.folder = folder
        self._replaceable = replaceable
        self._ownership = ownership
        self._drafts = folder / WORK_FOLDER / drafts

    def place_for(self, name: str, sha256: str) -> str:
        """Return the path, relative to the outbox, that the answer to `name` may take."""
        with self._deferring():
            return next(
                place
                for place in self._places(name)
                if not os.path.lexists(self.folder / place) or self._is_replaceable(place, sha256)
            )
        raise AssertionError("places never end")

    def publish(self, place: str, content: bytes, sha256: str) -> None:
        """Make the answer durable under `place`; FileExistsError if another one got there first."""
        target = self.folder / place
        draft = self._drafts / f"{uuid.uuid4().hex}.tmp"
        with self._deferring():
            files.make_folder(draft.parent)
            files.make_folder(target.parent, self._ownership)
            files.write_durable(draft, content, self._ownership)
        failpoints.reach("publish.drafted", place)
        try:
            with self._deferring(taken_is_told=True):
                if self._is_replaceable(place, sha256):
                    draft.replace(target)
                else:
                    files.rename_no_clobber(draft, target)
                failpoints.reach("publish.named", place)
                files.sync_folder(target.parent)
                failpoints.reach("publish.synced", place)
        finally:
            draft.unlink(missing_ok=True)

    def answer_to(self, sha256: str, place: str | None) -> dict[str, Any] | None:
        """Return the answer at `place` if it is one to these bytes."""
        answer = None if place is None else self.read(place)
        return answer if answer is not None and answer["source"].get("sha256") == sha256 else None

    def read(self, place: str) -> dict[str, Any] | None:
        """Return the answer at `place`, None where there is none or it is no answer of ours."""
        try:
            answer = json.loads((self.folder / place).read_bytes())
        except (OSError, ValueError):
            return None
        is_ours = isinstance(answer, dict) and {"schema_version", "source", "status"} <= set(answer)
        return answer if is_ours else None

    def clear_drafts(self) -> None:
        """Remove what this writer, or a killed run of it, left half-written."""
        shutil.rmtree(self._drafts, ignore_errors=True)
        with contextlib.suppress(OSError):
            self._drafts.parent.rmdir()

    def _places(self, name: str) -> Iterator[str]:
        parent = files.passable(self.folder, name).parent.relative_to(self.folder)
        base = Path(name).name
        yield os.fspath(parent / files.shortened(base, ".json"))
        for number in range(2, 1_000_000):
            yield os.fspath(parent / files.shortened(base, f".{number}.json"))

    def _is_replaceable(self, place: str, sha256: str) -> bool:
        target = self.folder / place
        if target.is_file() and target.stat().st_size == 0:
            return True  # a name reserved by a killed publish on a filesystem without hard links
        answer = self.read(place)
        return (
            answer is not None
            and answer["source"].get("sha256") == sha256
            and answer["status"] in self._replaceable
        )

    @contextlib.contextmanager
    def _deferring(self, *, taken_is_told: bool = False) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if taken_is_told and isinstance(error, FileExistsError):
                raise
            raise Deferred(
                f"the outbox {self.folder} refuses an answer ({error.strerror}); "
                "make room or restore the folder"
            ) from error
