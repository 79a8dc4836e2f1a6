"""Attachments of e-mails, put into the inbox exactly once although their message is fetched again.

    <inbox>/.ocr-daemon/mail/<mailbox>/<identity>   the content, until it has its name in the inbox
    <state>/mail/<mailbox>/<identity>               a record, with that name

The identity of a file is the SHA-256 of its message's identity, of its number in that message and
of its content. A record is written when the content is durable. A file whose record exists and
whose content no longer waits is in the inbox, or was there: it is not put there again, whatever the
daemon has made of it. A record is kept until the mail server has been told that its message is
done; no later fetch sees the message then.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from daemon.core import failpoints, fs, private
from daemon.inbox.scan import WORK_FOLDER

FOLDER = "mail"  # of the state folder, and of the work folder in the inbox
_MARK_CHARACTERS = 12  # of the identity in a file's name, so that no two files have one name
_IDENTITY = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a message: the message's identity, the number in it, a safe name, the content."""

    message: str
    number: int
    name: str
    content: bytes

    @property
    def identity(self) -> str:
        """64 hexadecimal digits."""
        digest = hashlib.sha256(f"{self.message}\0{self.number}\0".encode("utf-8", "replace"))
        digest.update(self.content)
        return digest.hexdigest()

    @property
    def unique_name(self) -> str:
        """The name with the beginning of the identity before its ending."""
        path = PurePosixPath(self.name)
        return fs.shorten(path.stem, f".{self.identity[:_MARK_CHARACTERS]}{path.suffix}")


class MailFiles:
    """The files from one mailbox; used by one process at a time. OSErrors pass through."""

    def __init__(self, inbox: Path, folder: str, state: Path, mailbox: str) -> None:
        """Files get their names in `folder` of the inbox; `mailbox` is any text that names it."""
        self._inbox = inbox
        self._folder = folder
        name = f"{FOLDER}/{hashlib.sha256(mailbox.encode()).hexdigest()[:16]}"
        self._drafts = inbox / WORK_FOLDER / name
        self.records = state / name
        private.make_folder(self.records)

    def recover(self) -> None:
        """Give the files their names whose content an interrupted run has left."""
        for draft in _files_in(self._drafts):
            record = self.records / draft.name
            if record.exists() and (name := record.read_text("utf-8")):
                self._name(draft, name)
            else:
                draft.unlink()  # perhaps incomplete; its message is not done
                record.unlink(missing_ok=True)

    def put(self, attachment: Attachment) -> str | None:
        """Put a file into the inbox, durably; return its path there, None if it was put before."""
        identity = attachment.identity
        record, draft = self.records / identity, self._drafts / identity
        if record.exists():
            return None
        name = f"{self._folder}/{attachment.unique_name}"
        fs.write_in_folder(draft, attachment.content, self._inbox)
        fs.fsync_folder(self._drafts)
        failpoints.reach("mail.stored", attachment.name)
        fs.write_durable(record, name.encode())
        fs.fsync_folder(self.records)
        failpoints.reach("mail.recorded", attachment.name)
        self._name(draft, name)
        failpoints.reach("mail.named", attachment.name)
        return name

    def _name(self, draft: Path, name: str) -> None:
        target = self._inbox / name

        def rename() -> None:
            fs.make_folder(target.parent, self._inbox)
            draft.replace(target)  # the name is of this content alone, so nothing else is replaced

        fs.until_not_removed(rename)
        fs.fsync_folder(target.parent)

    def forget_all_but(self, waiting: Container[str]) -> None:
        """Remove the records of the messages that do not wait on the server any more."""
        for record in _files_in(self.records):
            if record.name not in waiting:
                record.unlink()


def _files_in(folder: Path) -> list[Path]:
    """Return the files of a folder that are named for an identity."""
    paths = folder.iterdir() if folder.is_dir() else ()
    return [path for path in paths if _IDENTITY.fullmatch(path.name)]
