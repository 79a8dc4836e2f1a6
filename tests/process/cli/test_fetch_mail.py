"""`ocr-daemon fetch-mail` with a real IMAP server: what arrives, once, and what is left there."""

from __future__ import annotations

import email.policy
import signal
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote

import pytest

from daemon.config.load import load
from daemon.core.errors import Deferred, Exit, Misconfigured
from tests.support import imap_server
from tests.support.imap_server import PASSWORD, USER, ImapServer
from tests.support.running_daemon import Workspace
from tests.support.samples import pdf_of_text, png, text_page

fetch_mail = pytest.importorskip(
    "daemon.cli.fetch_mail", reason="the extra [mail] is not installed", exc_type=ImportError
)
if imap_server.MISSING:
    pytest.skip(f"not installed: {imap_server.MISSING}", allow_module_level=True)

PDF, PNG = pdf_of_text([["Invoice"]]), png(text_page())


@pytest.fixture(scope="module")
def server() -> Iterator[ImapServer]:
    with imap_server.running() as running:
        yield running


@pytest.fixture
def folder(server: ImapServer, request: pytest.FixtureRequest) -> str:
    """Return a new folder on the server, and its name needs quoting and encoding."""
    name = f"Scans {abs(hash(request.node.name))}"
    with server.client() as client:
        client.create(f'"{name}"')
    return name


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("IMAP_PASSWORD", PASSWORD)
    return Workspace(tmp_path)


def url_of(server: ImapServer, folder: str, *, scheme: str = "imaps") -> str:
    port = server.tls if scheme == "imaps" else server.starttls
    return f"{scheme}://{quote(USER)}@localhost:{port}/{quote(folder)}"


def fetch(workspace: Workspace, url: str, server: ImapServer, **more: object) -> Exit:
    more = {"ca_file": server.certificate, **more}
    return fetch_mail.fetch(load(workspace.config), fetch_mail.FetchRequest(url=url, **more))


def message(*files: tuple[str, str, bytes], subject: str = "Scan") -> EmailMessage:
    """Return a message with files: media type, name, content."""
    made = EmailMessage(policy=email.policy.SMTP)
    made["Subject"], made["From"], made["To"] = subject, "scanner@example.org", USER
    made["Message-ID"] = f"<{subject}@example.org>"
    made.set_content("The scan is attached.")
    for media_type, name, content in files:
        kind, _, subtype = media_type.partition("/")
        made.add_attachment(content, kind, subtype, filename=name)
    return made


def contents(workspace: Workspace) -> dict[str, bytes]:
    """Return the files of the inbox by name, without the mark in each."""
    found = {}
    for path in (workspace.inbox / "mail").iterdir():
        stem, mark, ending = path.name.rsplit(".", 2)
        assert len(mark) == 12
        found[f"{stem}.{ending}"] = path.read_bytes()
    return found


def test_images_and_pdfs_arrive_once_and_the_message_is_not_marked_as_read(
    server: ImapServer, folder: str, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    forwarded = message(("application/octet-stream", "../../photo", PNG), subject="Inner")
    scan = message(
        ("application/pdf", "Rechnung Müller 发票.pdf", PDF),
        ("application/pdf", "Rechnung Müller 发票.pdf", PDF + b"\n"),
        ("text/plain", "notes.txt", b"no picture"),
    )
    scan.add_attachment(forwarded)
    html = message(subject="Logo")
    html.add_alternative("<img src='cid:logo'>", subtype="html")
    html.get_payload()[1].add_related(
        PNG, "image", "png", cid="<logo>", filename="logo.png", disposition="inline"
    )
    del html["Message-ID"]
    for each in (scan, html, message(subject="Empty")):
        server.add(each.as_bytes(), f'"{folder}"')

    codes = [fetch(workspace, url_of(server, folder), server) for _ in range(2)]

    assert codes == [Exit.OK, Exit.OK]
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 3
    (left,) = said.err.splitlines()
    assert "notes.txt (text/plain) is no image or PDF" in left
    files = [path.read_bytes() for path in (workspace.inbox / "mail").iterdir()]
    assert sorted(files) == sorted([PDF, PDF + b"\n", PNG])
    assert set(contents(workspace)) == {"Rechnung Müller 发票.pdf", "photo.png"}
    done = server.flags(f'"{folder}"')
    assert all("OcrDaemonDone" in flags and "\\Seen" not in flags for flags in done)
    assert len(done) == 3


@pytest.mark.parametrize("point", ["mail.stored", "mail.recorded", "mail.named"])
def test_a_run_that_is_killed_loses_nothing_and_the_next_one_repeats_nothing(
    point: str, server: ImapServer, folder: str, workspace: Workspace
) -> None:
    files = [("application/pdf", f"{n}.pdf", PDF + b"\n" * n) for n in range(2)]
    server.add(message(*files).as_bytes(), f'"{folder}"')
    url = url_of(server, folder)

    killed = workspace.command(
        "fetch-mail", url, "--ca-file", str(server.certificate), FAILPOINTS=f"{point}@1.pdf=kill"
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    taken = contents(workspace)
    for path in (workspace.inbox / "mail").iterdir():
        path.unlink()  # as the daemon does when it claims a file
    assert fetch(workspace, url, server) == Exit.OK

    both = [*taken.items(), *contents(workspace).items()]
    assert sorted(both) == sorted((name, content) for _, name, content in files)
    assert fetch(workspace, url, server) == Exit.OK
    assert not [path for path in workspace.state.rglob("mail/*/*") if path.name != "lock"]
    assert not list((workspace.inbox / ".ocr-daemon/mail").rglob("?" * 64))


def test_what_is_complete_arrives_although_its_message_was_deleted_meanwhile(
    server: ImapServer, folder: str, workspace: Workspace
) -> None:
    server.add(message(("image/png", "scan.png", PNG)).as_bytes(), f'"{folder}"')
    url = url_of(server, folder)
    workspace.command(
        "fetch-mail", url, "--ca-file", str(server.certificate), FAILPOINTS="mail.recorded=kill"
    )
    with server.client() as client:
        client.select(f'"{folder}"')
        client.store("1", "+FLAGS", "\\Deleted")
        client.expunge()

    assert fetch(workspace, url, server) == Exit.OK
    assert contents(workspace) == {"scan.png": PNG}


def test_messages_are_moved_over_starttls_and_others_that_are_deleted_stay(
    server: ImapServer, folder: str, workspace: Workspace
) -> None:
    for number in range(2):
        scan = message(("image/png", f"{number}.png", PNG), subject=f"Scan {number}")
        server.add(scan.as_bytes(), f'"{folder}"')
    with server.client() as client:
        client.select(f'"{folder}"')
        client.store("1", "+FLAGS", "\\Deleted")

    code = fetch(workspace, url_of(server, folder, scheme="imap"), server, move_to="Done")

    assert code == Exit.OK
    assert contents(workspace) == {"1.png": PNG}
    assert ["\\Deleted" in flags for flags in server.flags(f'"{folder}"')] == [True]
    assert len(server.flags("Done")) == 1


def test_a_message_that_is_too_large_is_left_and_told_and_the_others_arrive(
    server: ImapServer, folder: str, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    large = message(("application/pdf", "large.pdf", PDF + b"\n" * 200_000), subject="Large")
    for each in (large, message(("application/pdf", "small.pdf", PDF))):
        server.add(each.as_bytes(), f'"{folder}"')

    assert fetch(workspace, url_of(server, folder), server, megabytes=0.1) == Exit.SOME_FAILED
    assert "more than 0.1 MB" in capsys.readouterr().err
    assert contents(workspace) == {"small.pdf": PDF}
    assert ["OcrDaemonDone" in flags for flags in server.flags(f'"{folder}"')] == [False, True]


def test_two_runs_at_once_do_not_fetch_a_message_twice(
    server: ImapServer, folder: str, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    account = fetch_mail.Account.parse(url_of(server, folder), PASSWORD)
    config = load(workspace.config).folders
    files = fetch_mail.MailFiles(config.inbox, "mail", config.state, account.name)

    with fetch_mail._locked(files.records / fetch_mail.LOCK_NAME):
        assert fetch(workspace, url_of(server, folder), server) == Exit.OK
    assert "another fetch-mail is running" in capsys.readouterr().err


def test_a_full_inbox_leaves_the_message_for_the_next_run(
    server: ImapServer, folder: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.add(message(("image/png", "scan.png", PNG)).as_bytes(), f'"{folder}"')
    url = url_of(server, folder)
    monkeypatch.setenv("OCR_DAEMON__MIN_FREE_MEGABYTES", str(10**9))

    with pytest.raises(Deferred, match="too little free space"):
        fetch(workspace, url, server)
    monkeypatch.delenv("OCR_DAEMON__MIN_FREE_MEGABYTES")
    assert fetch(workspace, url, server) == Exit.OK
    assert contents(workspace) == {"scan.png": PNG}


def test_what_is_wrong_is_refused_with_its_reason(
    server: ImapServer, folder: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = url_of(server, folder)
    refused = {
        "certificate is not accepted": (good, {"ca_file": None}),
        "leave the password out": (good.replace("@localhost", ":secret@localhost"), {}),
        "write imaps://": ("pop3://a@localhost", {}),
        "below the inbox": (good, {"into": "../elsewhere"}),
    }
    for reason, (url, more) in refused.items():
        with pytest.raises(Misconfigured, match=reason) as caught:
            fetch(workspace, url, server, **more)
        assert "secret" not in str(caught.value)
    monkeypatch.setenv("IMAP_PASSWORD", "wrong")
    with pytest.raises(Misconfigured, match="check user and password"):
        fetch(workspace, good, server)
    monkeypatch.delenv("IMAP_PASSWORD")
    with pytest.raises(Misconfigured, match="is not set"):
        fetch(workspace, good, server)
    password = workspace.root / "password"
    password.write_text(PASSWORD + "\n")
    assert fetch(workspace, good, server, password_file=password) == Exit.OK
    with pytest.raises(Deferred, match="localhost:1/"):
        fetch(workspace, "imaps://a@localhost:1", server, password_file=password)
