"""`ocr-daemon fetch-mail`: puts the attachments of new e-mails into the inbox, and ends.

A timer runs it. Every message is fetched without being marked as read; when all of its files are
durable in the inbox, the message is done: it gets the keyword `KEYWORD`, or is moved to another
folder. A run that is interrupted anywhere is continued by the next one, and puts no file into the
inbox twice (`daemon.inbox.mail`). TLS is always used.
"""

from __future__ import annotations

import contextlib
import fcntl
import fnmatch
import hashlib
import imaplib
import os
import re
import ssl
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailMessage
from imap_tools.errors import ImapToolsError, MailboxLoginError
from imap_tools.message import MailAttachment

from daemon.config.settings import Config
from daemon.core import logs
from daemon.core.errors import Deferred, Exit, Misconfigured
from daemon.core.volumes import Volume
from daemon.inbox.mail import Attachment, MailFiles
from daemon.web.http.filenames import safe_name
from daemon.web.http.sniff import HEAD_BYTES, sniff

PASSWORD_VARIABLE = "IMAP_PASSWORD"  # noqa: S105 -- the name of a variable
KEYWORD = "OcrDaemonDone"  # of messages that are done, where they are not moved
LOCK_NAME = "lock"
_SECONDS = 60.0  # without a byte from the server, after which a run gives up
_CONNECTIONS = {"imaps": (MailBox, 993), "imap": (MailBoxStartTls, 143)}
_ANY_KEYWORD = r"\*"  # in PERMANENTFLAGS: the server keeps keywords (RFC 3501, 7.1)
_REMEDY = "write imaps://USER@HOST[:PORT]/FOLDER (or imap:// for STARTTLS)"


@dataclass(frozen=True, slots=True)
class Account:
    """A folder of a mail server; `password` is not shown."""

    scheme: str
    host: str
    port: int
    user: str
    folder: str
    password: str = field(repr=False)

    @classmethod
    def parse(cls, url: str, password: str) -> Account:
        """Return the account of an URL, such as imaps://scans%40example.org@mail.example.org/INBOX.

        Misconfigured if it names no server and user.
        """
        parts = urlsplit(url)
        if parts.password is not None:
            remedy = f"leave the password out of it: {PASSWORD_VARIABLE} or --password-file has it"
            raise Misconfigured("URL", f"{parts.scheme}://{parts.hostname}", remedy)
        try:
            _, port = _CONNECTIONS[parts.scheme]
            host, user = parts.hostname or "", unquote(parts.username or "")
            port = parts.port or port
        except (KeyError, ValueError):
            raise Misconfigured("URL", url, _REMEDY) from None
        if not host or not user:
            raise Misconfigured("URL", url, _REMEDY)
        folder = unquote(parts.path.removeprefix("/")) or "INBOX"
        return cls(parts.scheme, host, port, user, folder, password)

    @property
    def name(self) -> str:
        """What tells this mailbox from others."""
        return f"{self.user}@{self.host}:{self.port}/{self.folder}"

    @contextlib.contextmanager
    def opened(self, ca_file: Path | None) -> Iterator[BaseMailBox]:
        """Connect, log in and select the folder; Deferred if the server cannot be reached now."""
        context = ssl.create_default_context(cafile=ca_file)
        kind, _ = _CONNECTIONS[self.scheme]
        try:
            with kind(self.host, self.port, timeout=_SECONDS, ssl_context=context) as box:
                box.login(self.user, self.password, self.folder)
                yield box
        except MailboxLoginError as error:
            remedy = "the server refuses it; check user and password"
            raise Misconfigured("user", self.user, remedy) from error
        except ssl.SSLCertVerificationError as error:
            remedy = f"its certificate is not accepted ({error.verify_message}); see --ca-file"
            raise Misconfigured("host", self.host, remedy) from error
        except (ImapToolsError, imaplib.IMAP4.error, OSError) as error:
            raise Deferred(f"{self.name}: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRequest:
    """What is fetched, and how: `into` is a folder of the inbox, `move_to` one of the server.

    Messages that are larger than `megabytes` (millions of bytes) are left where they are.
    """

    url: str
    into: str = "mail"
    move_to: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    megabytes: float = 64.0
    quiet: bool = False


def fetch(config: Config, request: FetchRequest) -> Exit:
    """Put the files of new messages into the inbox; return whether all messages could be done."""
    account = Account.parse(request.url, _password(request.password_file))
    into = Path(request.into)
    if into.is_absolute() or any(_ignored(config).match(part) for part in into.parts):
        remedy = "name a folder below the inbox that watch.ignore does not leave out"
        raise Misconfigured("--into", request.into, remedy)
    folders = config.folders
    Volume(folders.inbox).check()
    files = MailFiles(folders.inbox, str(into), folders.state, account.name)
    with _locked(files.records / LOCK_NAME) as is_ours:
        if not is_ours:
            print(f"{account.name}: another fetch-mail is running", file=sys.stderr)
            return Exit.OK
        files.recover()
        with account.opened(request.ca_file) as box:
            return _Run(config, request, box, files).messages()


class _Run:
    """One run over the messages that are not done."""

    def __init__(
        self, config: Config, request: FetchRequest, box: BaseMailBox, files: MailFiles
    ) -> None:
        self._config = config
        self._request = request
        self._box = box
        self._files = files
        self._ignored = _ignored(config)
        self._failures = 0

    def messages(self) -> Exit:
        """Fetch every message once, whatever becomes of the others."""
        self._refuse_incapable_server()
        waiting: set[str] = set()
        for uid in self._box.uids(f"UNKEYWORD {KEYWORD} UNDELETED"):
            size = self._size(uid)
            if size > self._request.megabytes * 1_000_000:
                limit = f"more than {self._request.megabytes:g} MB (--max-megabytes)"
                self._fail(f"message {uid} has {size / 1e6:.1f} MB, {limit}; it is left there")
                continue
            for message in self._box.fetch(uid_list=[uid], mark_seen=False):
                waiting |= self._message(uid, message)
        self._files.forget_all_but(waiting)
        return Exit.SOME_FAILED if self._failures else Exit.OK

    def _refuse_incapable_server(self) -> None:
        """Raise Misconfigured where the server cannot note that a message is done."""
        client, move_to = self._box.client, self._request.move_to
        _, capabilities = client.capability()  # more of them than before the login
        client.capabilities = tuple(capabilities[-1].decode("ascii", "replace").upper().split())
        if move_to is not None and "MOVE" not in client.capabilities:
            remedy = "the server cannot move messages (RFC 6851); leave --move-to out"
            raise Misconfigured("--move-to", move_to, remedy)
        _, flags = client.response("PERMANENTFLAGS")
        keeps = any(_ANY_KEYWORD in (each or b"").decode("ascii", "replace") for each in flags)
        if move_to is None and not keeps:
            remedy = "the server keeps no keywords there; name a folder for what is done: --move-to"
            raise Misconfigured("URL", self._request.url, remedy)

    def _message(self, uid: str, message: MailMessage) -> set[str]:
        """Put the files of a message into the inbox; return their identities if it is not done."""
        found = list(_attachments(message, self._ignored))
        for attachment in found:
            self._check_space(len(attachment.content))
            if name := self._files.put(attachment):
                self._say(name)
        try:
            self._finish(uid)
        except (ImapToolsError, imaplib.IMAP4.error) as error:
            self._fail(f"message {uid} cannot be marked as done: {error}")
            return {attachment.identity for attachment in found}
        return set()

    def _finish(self, uid: str) -> None:
        if self._request.move_to is not None:
            self._box.move(uid, self._request.move_to)
            return
        # not BaseMailBox.flag, which expunges what others have marked as deleted
        status, answer = self._box.client.uid("STORE", uid, "+FLAGS", f"({KEYWORD})")
        if status != "OK":
            raise imaplib.IMAP4.error(answer)

    def _size(self, uid: str) -> int:
        _, answers = self._box.client.uid("FETCH", uid, "(RFC822.SIZE)")
        found = re.search(rb"RFC822\.SIZE (\d+)", answers[0] or b"") if answers else None
        return int(found[1]) if found else 0

    def _check_space(self, size: int) -> None:
        status = os.statvfs(self._config.folders.inbox)
        if status.f_bavail * status.f_frsize < size + self._config.min_free_bytes:
            raise Deferred("the inbox has too little free space (min_free_megabytes); free some")

    def _say(self, name: str) -> None:
        if not self._request.quiet:
            print(logs.escape_controls(name), flush=True)

    def _fail(self, sentence: str) -> None:
        self._failures += 1
        print(logs.escape_controls(sentence), file=sys.stderr)


def _attachments(message: MailMessage, ignored: re.Pattern[str]) -> Iterator[Attachment]:
    """Return the images and PDFs of a message, and say which other attachments it has.

    Images within its text (logos of signatures) are left out.
    """
    identity = str(message.obj.get("Message-ID", "")).strip()
    if not identity:  # it is a duty of the sender's program to give one
        identity = hashlib.sha256(message.obj.as_bytes()).hexdigest()
    for number, part in enumerate(message.attachments, 1):
        if part.content_type == "message/rfc822":
            continue  # its own attachments are among these
        content = part.payload
        found = sniff(content[:HEAD_BYTES])
        if found is None:
            _say_left_out(message, part)
        elif found[0] == "application/pdf" or not _is_within_text(part):
            name = safe_name(part.filename or "attachment", found[1], ignored)
            yield Attachment(identity, number, name, content)


def _is_within_text(part: MailAttachment) -> bool:
    return bool(part.content_id) and part.content_disposition != "attachment"


def _say_left_out(message: MailMessage, part: MailAttachment) -> None:
    what = f"{part.filename or 'an attachment'} ({part.content_type})"
    sentence = f"message {message.uid}: {what} is no image or PDF; it is left in the message"
    print(logs.escape_controls(sentence), file=sys.stderr)


def _ignored(config: Config) -> re.Pattern[str]:
    patterns = map(fnmatch.translate, config.watch.ignore)
    return re.compile("|".join(patterns) or "(?!)")


def _password(file: Path | None) -> str:
    if file is not None:
        try:
            return file.read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise Misconfigured("--password-file", file, f"cannot be read ({error})") from error
    if password := os.environ.get(PASSWORD_VARIABLE):
        return password
    raise Misconfigured(PASSWORD_VARIABLE, "", "is not set; set it, or name a --password-file")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Yield whether no other process has the lock."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
