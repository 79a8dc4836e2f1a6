"""The folders for originals after processing: archive/, and failed/ with a reason file each."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from daemon.core import failpoints, fs
from daemon.core.ownership import INHERITED, Ownership
from daemon.core.records import Claim, Failure
from daemon.core.volumes import Volume

REASON_ENDING = ".error.json"


class Archive:
    """A folder of originals with the structure of the inbox; an OSError if it cannot be used."""

    def __init__(self, folder: Path, ownership: Ownership = INHERITED) -> None:
        """Create the folder if it is missing; `ownership` applies to what is created in it."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._ownership = ownership
        self._volume = Volume(folder)

    def add(self, claim: Claim) -> None:
        """Move an original here; it gets a number if another file has its name."""
        self._volume.check()
        fs.move_no_clobber(claim.path, self._folder, claim.name, self._ownership)

    def add_failed(self, claim: Claim, failure: Failure) -> None:
        """Write the reason file, then move the original next to it."""
        self._volume.check()
        numbered_paths = fs.numbered_paths(fs.unobstructed(self._folder, claim.name))
        target = next(
            path
            for path in numbered_paths
            if not os.path.lexists(path) or fs.is_moved_to(claim.path, path)
        )
        self._write_reason(target, claim, failure)
        failpoints.reach("fail.reason_written", claim.name)
        name = os.fspath(target.relative_to(self._folder))
        fs.move_no_clobber(claim.path, self._folder, name, self._ownership)

    def add_reason(self, claim: Claim, failure: Failure) -> None:
        """Write the reason file of a failed original that stays in the inbox."""
        self._volume.check()
        self._write_reason(fs.unobstructed(self._folder, claim.name), claim, failure)
        failpoints.reach("fail.reason_written", claim.name)

    def remove_reason(self, claim: Claim) -> None:
        """Remove the reason file of an earlier failure: the original was put back and read."""
        original = fs.unobstructed(self._folder, claim.name)
        with contextlib.suppress(OSError):  # an obsolete reason must not delay an answered document
            if not original.is_file():
                reason_of(original).unlink()

    def _write_reason(self, original: Path, claim: Claim, failure: Failure) -> None:
        """Write the reason file next to a failed original, replacing that of an earlier failure."""
        path = reason_of(original)
        content = {
            "name": fs.to_unicode(claim.name),
            "sha256": claim.sha256,
            "class": failure.kind,
            "message": failure.message,
            "page": failure.page,
            "attempt": failure.attempt,
            "signal": failure.signal,
            "retry": "to retry, move the file back into the inbox; if it is still there, touch it",
        }
        draft = path.with_name(f".{claim.id}.tmp")
        draft.unlink(missing_ok=True)  # left by a crash
        encoded = json.dumps(content, indent=2, ensure_ascii=False).encode()

        def write() -> None:
            fs.make_folder(path.parent, self._folder, self._ownership)
            fs.write_durable(draft, encoded, self._ownership)

        fs.until_not_removed(write)  # the retention removes empty folders
        draft.replace(path)
        fs.fsync_folder(path.parent)


def reason_of(original: Path) -> Path:
    """Return the path of the reason file of a failed original."""
    return original.with_name(fs.shorten(original.name, REASON_ENDING))
