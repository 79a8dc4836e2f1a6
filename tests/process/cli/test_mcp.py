"""`ocr-daemon mcp` as a client of the Model Context Protocol uses it: a process, and the SDK."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.support.running_daemon import Workspace
from tests.support.samples import pdf_of_text, png, text_page
from tests.support.web.folder import Folder, sidecar

mcp = pytest.importorskip("mcp", reason="the extra [mcp] is not installed")
mcp_server = pytest.importorskip("daemon.cli.mcp_server")


def call(workspace: Workspace, *calls: tuple[str, dict[str, Any]], allow: Path) -> list[Any]:
    """Return the results of calls to tools of one server, that of `list_tools` first."""
    server = mcp.StdioServerParameters(
        command=sys.executable,
        args=["-m", "daemon", "mcp", "-c", str(workspace.config), "--allow", str(allow)],
        cwd=workspace.working_directory,
        env=dict(os.environ),
    )

    async def talk() -> list[Any]:
        async with mcp.Client(mcp.stdio_client(server)) as client:
            return [await client.list_tools(), *[await client.call_tool(*each) for each in calls]]

    with anyio.from_thread.start_blocking_portal() as portal:
        return portal.call(talk)


def test_a_client_finds_documents_gets_their_text_and_reads_files_that_it_may(
    tmp_path: Path,
) -> None:
    folder, allowed = Folder(tmp_path), tmp_path / "allowed"
    workspace = Workspace(tmp_path, sandbox="auto")
    claim = folder.claim("invoices/scan.pdf")
    long = "long page " * (mcp_server.MAX_CHARACTERS // 15)
    path = folder.answer(claim, "")
    path.write_text(sidecar(claim, ["an invoice of Möller", long, long]))
    folder.answer(folder.claim("letter.png", "b" * 64), "a letter")
    allowed.mkdir()
    (allowed / "scan.png").write_bytes(png(text_page()))
    (allowed / "many.pdf").write_bytes(pdf_of_text([[f"Page {n}"] for n in range(1, 23)]))
    (tmp_path / "secret.png").write_bytes(png(text_page()))
    (allowed / "link.png").symlink_to(tmp_path / "secret.png")
    (allowed / ".hidden.png").write_bytes(png(text_page()))
    (allowed / "notes.txt").write_text("no picture")

    tools, found, first, second, unknown, scan, many, *refused, text = call(
        workspace,
        ("search_documents", {"query": "moller invoice"}),
        ("get_document", {"id": claim.id}),
        ("get_document", {"id": claim.id, "first_page": 3}),
        ("get_document", {"id": "0" * 32}),
        ("read_file", {"path": str(allowed / "scan.png")}),
        ("read_file", {"path": str(allowed / "many.pdf"), "first_page": 2}),
        ("read_file", {"path": str(tmp_path / "secret.png")}),
        ("read_file", {"path": str(allowed / "link.png")}),
        ("read_file", {"path": str(allowed / "../secret.png")}),
        ("read_file", {"path": str(allowed / ".hidden.png")}),
        ("read_file", {"path": str(workspace.config)}),
        ("read_file", {"path": str(allowed)}),
        ("read_file", {"path": str(allowed / "notes.txt")}),
        allow=allowed,
    )

    assert [tool.name for tool in tools.tools] == ["search_documents", "get_document", "read_file"]
    assert all(tool.annotations.read_only_hint for tool in tools.tools)
    (document,) = found.structured_content["documents"]
    assert (document["id"], document["name"]) == (claim.id, "invoices/scan.pdf")
    assert "Möller" in document["snippet"]
    assert found.structured_content["is_complete"]
    answer = first.structured_content
    assert [page["number"] for page in answer["pages"]] == [1, 2]
    assert answer["pages"][0]["text"] == "an invoice of Möller"
    assert (answer["next_page"], answer["page_count"]) == (3, 3)
    assert [page["text"] for page in second.structured_content["pages"]] == [long]
    assert second.structured_content["next_page"] is None
    assert unknown.is_error
    (page,) = scan.structured_content["pages"]
    assert page["text"].splitlines() == ["Invoice 2041", "Date 23 November", "Total 17.50"]
    assert many.structured_content["page_count"] == 22
    assert [page["text"] for page in many.structured_content["pages"]] == [
        f"Page {n}" for n in range(2, 2 + mcp_server.MAX_PAGES_READ)
    ]
    assert many.structured_content["next_page"] == 22
    for each in refused:
        assert each.is_error
        assert "none of the folders" in each.content[0].text
    assert text.is_error
    assert "notes.txt" in text.content[0].text
    assert not list(folder.paths.state.glob("search.sqlite3*"))  # that of the web process


def test_a_page_that_is_too_long_is_cut_and_says_so() -> None:
    text = "x" * (mcp_server.MAX_CHARACTERS + 1)
    pages = [{"number": 4, "status": "done", "text": text}, {"number": 5, "text": "y"}]

    answer = mcp_server._bounded(pages)

    assert [(page["number"], page["is_cut"]) for page in answer["pages"]] == [(4, True)]
    assert len(answer["pages"][0]["text"]) == mcp_server.MAX_CHARACTERS
    assert answer["next_page"] == 5


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    said = Workspace(tmp_path).command("mcp", "--allow", str(tmp_path / "missing"))

    assert said.returncode == 2
    assert "no such folder" in said.stderr
