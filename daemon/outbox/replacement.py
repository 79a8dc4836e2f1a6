"""Replaces an answer and its outputs by others, as one step that a crash cannot leave half done.

The new sidecar and outputs are collected in a folder; renaming that folder commits them. From then
on they are put in place, outputs first, each by a rename over the old file: every name has
the old or the new content at any moment. After a crash the next start goes on where it was
interrupted, and what was not committed yet is dropped: the old answer stands.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from daemon.core import failpoints, fs
from daemon.inbox.scan import WORK_FOLDER
from daemon.outbox import reader
from daemon.outbox.output_files import OutputDraft, remove_empty_folders
from daemon.outbox.reader import Answer, output_names

FOLDER = "replacements"
_PREPARING, _COMMITTED = ".preparing", ".committed"
_PLAN, _SIDECAR = "plan", "sidecar"


@dataclass(frozen=True, slots=True)
class Replacement:
    """The new content of the answer at `place`, which is that of `claim` before and after."""

    claim: str
    place: str
    sidecar: Path
    outputs: Sequence[OutputDraft]


class Replacements:
    """The replacements of one outbox; OSErrors pass through, and all may be repeated."""

    def __init__(self, outbox: Path) -> None:
        self._outbox = outbox
        self._folder = outbox / WORK_FOLDER / FOLDER

    def replace(self, new: Replacement, before: Answer) -> None:
        """Replace the answer `before`; takes the drafts of `new`, which are on this filesystem.

        FileExistsError if a file that is no output of the answer has the name of an output.
        """
        self.finish_committed()  # an earlier replacement of the same answer must not come after it
        outputs = {draft.output_at(new.place).name: draft.path for draft in new.outputs}
        replaced = output_names(before)
        for name in set(outputs) - set(replaced):
            if os.path.lexists(self._at(new.place, name)):
                raise FileExistsError(name)
        committed = self._commit(new, outputs, sorted(set(replaced) - set(outputs)))
        failpoints.reach("replace.committed", new.place)
        self._finish(committed)
        self._remove_empty()

    def finish_committed(self) -> None:
        """Finish the replacements that a crash has interrupted after they were committed."""
        for folder in self._folder.glob(f"*{_COMMITTED}"):
            self._finish(folder)
        self._remove_empty()

    def drop_uncommitted(self, claim: str | None = None, older_than: float = 0.0) -> None:
        """Remove the replacements of a claim, or of any, that were never committed.

        Those that are younger than `older_than` seconds stay.
        """
        for folder in self._folder.glob(f"{claim or '*'}.*{_PREPARING}"):
            with contextlib.suppress(OSError):
                if time.time() - folder.stat().st_mtime >= older_than:
                    shutil.rmtree(folder)
        self._remove_empty()

    def _commit(self, new: Replacement, outputs: dict[str, Path], removed: list[str]) -> Path:
        """Collect the new files, durably, and return the folder in which they are."""
        preparing = self._folder / f"{new.claim}.{uuid.uuid4().hex}{_PREPARING}"
        committed = preparing.with_suffix(_COMMITTED)
        fs.make_folder(preparing, self._outbox)
        try:
            self._collect(preparing, new, outputs, removed)
            failpoints.reach("replace.prepared", new.place)
            preparing.rename(committed)
        except BaseException:
            shutil.rmtree(preparing, ignore_errors=True)
            raise
        fs.fsync_folder(self._folder)
        return committed

    def _collect(
        self, folder: Path, new: Replacement, outputs: dict[str, Path], removed: list[str]
    ) -> None:
        """Move the new files to a folder, with the plan of where they go."""
        new.sidecar.rename(folder / _SIDECAR)
        files = {str(number): name for number, name in enumerate(sorted(outputs))}
        for file, name in files.items():
            outputs[name].rename(folder / file)
        plan = {"claim": new.claim, "place": new.place, "outputs": files, "removed": removed}
        fs.write_durable(folder / _PLAN, json.dumps(plan).encode())
        fs.fsync_folder(folder)

    def _finish(self, committed: Path) -> None:
        """Put the files in place, where that has not been done before the crash."""
        with contextlib.suppress(FileNotFoundError):  # finished by another daemon meanwhile
            plan = json.loads((committed / _PLAN).read_text())
            if reader.belongs_to(plan["claim"], reader.read_strictly(self._outbox / plan["place"])):
                self._put_in_place(committed, plan)
            shutil.rmtree(committed)  # nothing to replace: the answer was collected meanwhile

    def _put_in_place(self, committed: Path, plan: dict[str, Any]) -> None:
        place = plan["place"]
        target = self._outbox / place
        folders = {target.parent}
        for file, name in plan["outputs"].items():
            output = self._at(place, name)
            fs.until_not_removed(partial(self._put, committed / file, output))
            folders.add(output.parent)
            failpoints.reach("replace.output_named", name)
        for folder in folders:
            fs.fsync_folder(folder)
        _rename_over(committed / _SIDECAR, target)
        failpoints.reach("replace.named", place)
        for name in plan["removed"]:
            self._at(place, name).unlink(missing_ok=True)
            remove_empty_folders(self._outbox, place, name)
        fs.fsync_folder(target.parent)
        failpoints.reach("replace.synced", place)

    def _put(self, source: Path, target: Path) -> None:
        """Rename a file over another one, in a folder that is made where it is missing."""
        if os.path.lexists(source):  # else that was done before the crash
            fs.make_folder(target.parent, self._outbox)
            source.replace(target)

    def _at(self, place: str, name: str) -> Path:
        return self._outbox / reader.output_path(place, name)

    def _remove_empty(self) -> None:
        for folder in (self._folder, self._folder.parent):
            with contextlib.suppress(OSError):
                folder.rmdir()


def _rename_over(source: Path, target: Path) -> None:
    with contextlib.suppress(FileNotFoundError):  # done before the crash
        source.replace(target)
