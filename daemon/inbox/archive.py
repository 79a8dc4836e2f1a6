"""Where originals are kept once they are answered: archive/, and failed/ with the reasons."""

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
    """A folder of originals that mirrors the inbox; an OSError where it is away or refuses."""

    def __init__(self, folder: Path, ownership: Ownership = INHERITED) -> None:
        """Make the folder where it is missing; `ownership` is that of what is made in it."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._ownership = ownership
        self._volume = Volume(folder)

    def keep(self, claim: Claim) -> None:
        """Move an original here; its name is numbered where another one has it."""
        self._volume.check()
        fs.move_no_clobber(claim.path, self._folder, claim.name, self._ownership)

    def keep_failed(self, claim: Claim, failure: Failure) -> None:
        """Write the reason, then move the original beside it."""
        self._volume.check()
        wanted = fs.numbered_paths(fs.unobstructed(self._folder, claim.name))
        free = next(
            path for path in wanted if not os.path.lexists(path) or fs.is_moved_to(claim.path, path)
        )
        self._write_reason(free, claim, failure)
        failpoints.reach("fail.told", claim.name)
        place = os.fspath(free.relative_to(self._folder))
        fs.move_no_clobber(claim.path, self._folder, place, self._ownership)

    def keep_reason(self, claim: Claim, failure: Failure) -> None:
        """Write the reason of a failed file that stays where it is."""
        self._volume.check()
        self._write_reason(fs.unobstructed(self._folder, claim.name), claim, failure)

    def clear_reason(self, claim: Claim) -> None:
        """Remove the reason of an earlier failure whose file was dragged back and read."""
        kept = fs.unobstructed(self._folder, claim.name)
        with contextlib.suppress(OSError):  # a stale reason must not hold up an answered document
            if not kept.is_file():
                reason_of(kept).unlink()

    def _write_reason(self, kept: Path, claim: Claim, failure: Failure) -> None:
        """Write the reason beside a failed file, replacing that of an earlier failure."""
        path = reason_of(kept)
        fs.make_folder(path.parent, self._folder, self._ownership)
        content = {
            "name": fs.to_unicode(claim.name),
            "sha256": claim.sha256,
            "class": failure.kind,
            "message": failure.message,
            "page": failure.page,
            "attempt": failure.attempt,
            "signal": failure.signal,
            "retry": "drag the file back into the inbox; where it never left it, touch it",
        }
        draft = path.with_name(f".{claim.id}.tmp")
        draft.unlink(missing_ok=True)  # a crash has left it
        said = json.dumps(content, indent=2, ensure_ascii=False).encode()
        fs.write_durable(draft, said, self._ownership)
        draft.replace(path)
        fs.fsync_folder(path.parent)


def reason_of(kept: Path) -> Path:
    """Return where the reason of a kept file that failed is."""
    return kept.with_name(fs.shorten(kept.name, REASON_ENDING))
