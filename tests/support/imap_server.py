"""A real IMAP server for a test: Dovecot with TLS on a free port of loopback, never as root."""

from __future__ import annotations

import grp
import imaplib
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

USER, PASSWORD = "scans@example.org", "s3cret with spaces"
MISSING = [program for program in ("dovecot", "openssl") if shutil.which(program) is None]

_CONFIG = """
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{root}/cert.pem
ssl_key = <{root}/key.pem
ssl_dh =
disable_plaintext_auth = yes
mail_location = maildir:{root}/mail
first_valid_uid = 0
default_internal_user = {me}
default_login_user = {me}
default_internal_group = {group}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {root}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={root}
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {starttls}
  }}
  inet_listener imaps {{
    port = {tls}
  }}
}}
service stats {{
  chroot =
}}
namespace inbox {{
  inbox = yes
  mailbox Done {{
    auto = create
  }}
}}
"""


@dataclass(frozen=True)
class ImapServer:
    """A running server; `certificate` is what its clients trust."""

    root: Path
    tls: int
    starttls: int

    @property
    def certificate(self) -> Path:
        return self.root / "cert.pem"

    @contextmanager
    def client(self) -> Iterator[imaplib.IMAP4_SSL]:
        """Connect as a mail program does."""
        context = ssl.create_default_context(cafile=self.certificate)
        with imaplib.IMAP4_SSL("localhost", self.tls, ssl_context=context, timeout=20) as client:
            client.login(USER, PASSWORD)
            yield client

    def add(self, message: bytes, folder: str = "INBOX") -> None:
        """Deliver a message."""
        with self.client() as client:
            status, answer = client.append(folder, "", imaplib.Time2Internaldate(0), message)
            assert status == "OK", answer

    def flags(self, folder: str = "INBOX") -> list[set[str]]:
        """Return the flags of each message."""
        with self.client() as client:
            client.select(folder, readonly=True)
            _, found = client.fetch("1:*", "(FLAGS)")
            return [set(map(bytes.decode, imaplib.ParseFlags(each))) for each in found if each]


@contextmanager
def running() -> Iterator[ImapServer]:
    """Run a server until the block ends, in a folder with a name that is short enough for it."""
    with tempfile.TemporaryDirectory(prefix="imap") as folder:
        server = ImapServer(Path(folder), _free_port(), _free_port())
        user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.getuid())
        _configure(server, user)
        process = subprocess.Popen(
            ["dovecot", "-F", "-c", server.root / "dovecot.conf"],
            user=user.pw_uid, group=user.pw_gid, extra_groups=[] if os.geteuid() == 0 else None,
        )  # fmt: skip
        try:
            _wait(server, process)
            yield server
        finally:
            process.terminate()
            process.wait(20)


def _configure(server: ImapServer, user: pwd.struct_passwd) -> None:
    root = server.root
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", root / "key.pem", "-out", server.certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    (root / "users").write_text(f"{USER}:{PASSWORD}::::::\n")
    values = {
        "root": root, "me": user.pw_name, "group": grp.getgrgid(user.pw_gid).gr_name,
        "uid": user.pw_uid, "gid": user.pw_gid, "tls": server.tls, "starttls": server.starttls,
    }  # fmt: skip
    (root / "dovecot.conf").write_text(_CONFIG.format(**values))
    for path in (root, *root.iterdir()):
        os.chown(path, user.pw_uid, user.pw_gid)


def _wait(server: ImapServer, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + 30
    while True:
        try:
            with server.client():
                return
        except (OSError, imaplib.IMAP4.error):
            log = server.root / "dovecot.log"
            said = log.read_text() if log.exists() else ""
            assert process.poll() is None, said
            assert time.monotonic() < ends, said
            time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
