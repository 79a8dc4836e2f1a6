"""Clients that other projects' generators make of the OpenAPI document call every operation."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.repository import REPOSITORY
from tests.support.running_daemon import until
from tests.support.samples import pdf_of_text, png, text_page
from tests.support.web.site import Site, running

CLIENTS = REPOSITORY / "tests/support/web/clients"
TOKEN = "a-token-of-this-test"
OPERATIONS = {
    "predict", "uploadFiles", "listDocuments", "getDocument", "deleteResult", "getText",
    "getMarkdown", "getOutput", "getOriginal", "getPageImage", "retryDocument", "getHealth",
    "getCorrections",
}  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("site")
    with running(root, requests_per_minute=0, token=TOKEN) as made:
        yield made


@pytest.fixture
def work(tmp_path: Path, site: Site) -> Path:
    """A folder with the OpenAPI document and the files that a client sends."""
    (tmp_path / "openapi.json").write_text(site.get("/openapi.json").text)
    (tmp_path / "scan.png").write_bytes(png(text_page(["Invoice 2041", "Total 17.50"])))
    (tmp_path / "book.pdf").write_bytes(pdf_of_text([["First"], ["Second"], ["Third"]]))
    (tmp_path / "cut.png").write_bytes(png(text_page(["cut"]))[:150])
    return tmp_path


def generator(variable: str, command: str) -> str:
    """Return the command of a generator; it is no dependency of ours."""
    found = os.environ.get(variable) or shutil.which(command)
    if not found:
        pytest.skip(f"{command} is not here (install it, or set {variable} to its path)")
    return found


def run(*command: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=200, check=False,
        env=os.environ | environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def assert_called(site: Site, printed: str) -> None:
    """Check what a client printed: the operations that it called, and what it read."""
    said = json.loads(printed.splitlines()[-1])
    described = site.get("/openapi.json").json()["paths"]
    ids = {each["operationId"] for path in described.values() for each in path.values()}
    assert set(said["called"]) == OPERATIONS == ids
    assert said["predicted"] == "Invoice 2041\nTotal 17.50"
    assert said["pages"] == [2, 3]
    assert said["text"] == "Second\n\nThird"
    assert "<!-- page 2 -->\n\nSecond" in said["markdown"]
    assert said["output"] == "\fSecond\n\fThird\n"
    assert said["name"] == "book.pdf"
    assert said["misspelled"] == "unknown_parameter"
    assert said["corrections"] == []
    assert said["deleted"] == 410
    assert said["retried"] == 202


def test_a_generated_python_client_calls_every_operation(site: Site, work: Path) -> None:
    command = generator("OPENAPI_PYTHON_CLIENT", "openapi-python-client")
    until(lambda: site.get("/healthz").json()["daemon"] == "ok")
    run(
        command, "generate", "--meta", "none", "--path", "openapi.json",
        "--output-path", "ocr_daemon_client", cwd=work,
    )  # fmt: skip

    printed = run(
        sys.executable, str(CLIENTS / "generated_python.py"), site.base, TOKEN, cwd=work,
        PYTHONPATH=str(work),
    )  # fmt: skip

    assert_called(site, printed)


def test_a_generated_typescript_client_calls_every_operation(site: Site, work: Path) -> None:
    packages = os.environ.get("OPENAPI_TYPESCRIPT_MODULES")
    if not packages or not shutil.which("node"):
        pytest.skip(
            "node is not here, or OPENAPI_TYPESCRIPT_MODULES does not name a node_modules with "
            "openapi-typescript, openapi-fetch and typescript"
        )
    (work / "node_modules").symlink_to(packages)
    (work / "package.json").write_text('{"type": "module"}')
    shutil.copy(CLIENTS / "generated_typescript.ts", work / "client.ts")
    binaries = work / "node_modules/.bin"
    run(str(binaries / "openapi-typescript"), "openapi.json", "-o", "schema.d.ts", cwd=work)
    options = ("--strict", "--module", "nodenext", "--target", "es2022", "--skipLibCheck")
    run(str(binaries / "tsc"), *options, "--lib", "es2022,dom", "client.ts", cwd=work)

    assert_called(site, run("node", "client.js", site.base, TOKEN, cwd=work))
