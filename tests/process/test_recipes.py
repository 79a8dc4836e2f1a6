"""The scripts of deploy/recipes, run as paperless-ngx and the daemon run them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pypdfium2
import pytest

from daemon.config.hook import Hook
from daemon.core.errors import Undelivered
from daemon.ledger.notification import Notification
from daemon.outbox.hooks import command
from tests.support.repository import REPOSITORY
from tests.support.samples import pdf_of_images, png, text_page

RECIPES = REPOSITORY / "deploy/recipes"
PROGRAMS = Path(sys.executable).parent  # where pip puts ocr-daemon and apprise


@pytest.mark.parametrize("script", sorted(RECIPES.glob("*.sh")), ids=lambda path: path.name)
def test_a_script_is_executable_and_shellcheck_finds_nothing(script: Path) -> None:
    assert os.access(script, os.X_OK)
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    done = subprocess.run(["shellcheck", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


# --- paperless-ngx ------------------------------------------------------------------------------


def consume(document: Path) -> subprocess.CompletedProcess[str]:
    """Run the script as paperless-ngx does: with its own environment and three variables more."""
    environment = {
        "PATH": f"{PROGRAMS}:/usr/bin:/bin",
        "HOME": str(document.parent),
        "PAPERLESS_URL": "https://paperless.example.org",
        "PAPERLESS_PRE_CONSUME_SCRIPT": str(RECIPES / "paperless-pre-consume.sh"),
        "DOCUMENT_SOURCE_PATH": "/usr/src/paperless/consume/scan.pdf",
        "DOCUMENT_WORKING_PATH": str(document),
        "TASK_ID": "6f1c2a34-0d6c-4b2e-8f3a-0c1d2e3f4a5b",
    }
    return subprocess.run(
        [RECIPES / "paperless-pre-consume.sh"], env=environment, cwd=document.parent,
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_paperless_gets_a_searchable_pdf_in_place_of_the_scan(tmp_path: Path) -> None:
    document = tmp_path / "-my scan; $(touch owned).pdf"
    document.write_bytes(pdf_of_images([text_page()]))

    done = consume(document)

    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == [document.name]
    with pypdfium2.PdfDocument(document) as pdf:
        assert "Invoice 2041" in pdf[0].get_textpage().get_text_bounded()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [("scan.png", png(text_page()), ""), ("broken.pdf", b"%PDF-1.4\nbroken", "paperless reads it")],
)
def test_paperless_reads_itself_what_is_no_pdf_or_cannot_be_read(
    name: str, content: bytes, said: str, tmp_path: Path
) -> None:
    document = tmp_path / name
    document.write_bytes(content)

    done = consume(document)

    assert done.returncode == 0
    assert said in done.stderr
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [content]


# --- apprise ------------------------------------------------------------------------------------


class _Service(BaseHTTPRequestHandler):
    """Keeps what is posted; answers with the status of the server."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append(json.loads(body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Any]:
    server = HTTPServer(("127.0.0.1", 0), _Service)
    server.posted, server.status = [], 200
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.skipif(not (PROGRAMS / "apprise").exists(), reason="apprise is not installed")
def test_apprise_tells_of_an_answer_and_a_service_that_is_out_of_order_is_tried_again(
    service: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{PROGRAMS}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    urls = tmp_path / "apprise.conf"
    urls.write_text(f"json://127.0.0.1:{service.server_port}/\n")
    script = str(RECIPES / "apprise-hook.sh")
    hook = Hook(name="apprise", command=(script, str(urls)), timeout_seconds=60.0)
    error = {"class": "encrypted", "message": "the PDF is encrypted; add its password"}
    data = {"status": "failed", "pages": 0, "confidence": None, "error": error}
    name = os.fsdecode("Müller/$(id) `x`\n\udcff.pdf".encode("utf-8", "surrogateescape"))
    notification = Notification(
        "c" * 32, "apprise", "document.failed", name, "a.json", json.dumps({"data": data})
    )

    command.call(hook, notification, tmp_path, threading.Event())

    (posted,) = service.posted
    assert posted["title"] == "failed: Müller/$(id) `x`.pdf"
    assert posted["message"] == error["message"]
    assert posted["type"] == "failure"
    service.status = 503
    with pytest.raises(Undelivered):
        command.call(hook, notification, tmp_path, threading.Event())
