"""What the fuzzers found in decoders of others, dropped into a daemon: it answers, and goes on.

A decoder that crashes, or takes time or memory without end, is ended with its worker.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz import FINDINGS, jbig2
from tests.support.running_daemon import Workspace
from tests.support.samples import png, text_page

FOUND = sorted(path for path in FINDINGS.rglob("*") if path.is_file())
CLASSES = {"symbols-of-gigabytes": "memory"}


@pytest.mark.parametrize("found", FOUND, ids=lambda path: path.name)
def test_a_finding_is_answered_and_holds_up_no_other_file(found: Path, tmp_path: Path) -> None:
    content = found.read_bytes()
    is_jbig2 = found.parent.name == "jbig2"
    name = "found.pdf" if is_jbig2 else "found.heic"
    workspace = Workspace(
        tmp_path, worker_max_megabytes=700, limits={"page_seconds": 20.0}, retry={"attempts": 2}
    )
    with workspace.running():
        workspace.drop(name, jbig2.pdf_of(content) if is_jbig2 else content)
        workspace.drop("good.png", png(text_page(["Behind it"])))

        answer = workspace.answer(f"{name}.json", 120)

        assert answer["status"] == "failed"
        assert answer["error"]["class"] == CLASSES[found.name]
        assert workspace.answer("good.png.json")["text"] == "Behind it"
