"""Odd, damaged and hostile files: one clear result each, in bounded time and memory."""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.core.errors import Rejected
from daemon.core.options import Limits, Rendering
from daemon.ocr import pages
from tests.support import samples
from tests.support.repository import REPOSITORY, SHARED

NASTY = SHARED / "data/nasty"
MOST_SECONDS = 20.0
MOST_MEGABYTES = 720  # of which the interpreter, OpenCV and MuPDF take 75
OWN = {sample.name: sample for sample in samples.broken()}


def answer(path: Path) -> tuple[str, int]:
    """The outcome of a document (ok, partial, or the reason of rejection) and its page count."""
    reasons, defects = [], 0
    try:
        with pages.open_document(path, Limits(), Rendering()) as source:
            count = source.page_count
            for number in range(1, count + 1):
                try:
                    defects += source.page(number).defect is not None
                except Rejected as rejected:
                    reasons.append(rejected.reason)
    except Rejected as rejected:
        return rejected.reason, 0
    if len(reasons) == count:
        return reasons[0], 0
    return "partial" if reasons or defects else "ok", count


@pytest.mark.parametrize("name", OWN)
def test_a_generated_hostile_file_gets_the_expected_result(name, tmp_path):
    sample = OWN[name]
    path = tmp_path / name
    path.write_bytes(sample.data)
    started = time.monotonic()

    found, count = answer(path)

    assert found == sample.expected
    assert count == (sample.pages if sample.expected in ("ok", "partial") else 0)
    assert time.monotonic() - started < MOST_SECONDS


@pytest.mark.parametrize("name", OWN)
def test_a_rejection_is_a_plain_sentence(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(OWN[name].data)
    try:
        answer_text = ""
        with pages.open_document(path, Limits(), Rendering()) as source:
            source.page(1)
    except Rejected as rejected:
        answer_text = str(rejected)

    assert "\n" not in answer_text
    assert str(tmp_path) not in answer_text
    assert "/dev/fd" not in answer_text


def manifest() -> list[dict[str, str]]:
    table = NASTY / "manifest.tsv"
    if not table.exists():
        return []
    with table.open(newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


ALLOWED = {
    "ok": {"ok"},
    "ok_empty": {"ok"},
    "err_corrupt": {"corrupt"},
    "err_encrypted": {"encrypted"},
    "err_unsupported": {"unsupported"},
    "err_too_large": {"too_large"},
    "ok_or_too_large": {"ok", "too_large"},
    "err_too_large_or_ok": {"ok", "too_large"},
    "ok_or_corrupt": {"ok", "corrupt", "partial"},
    "err_corrupt_or_ok": {"ok", "corrupt", "partial"},
    "err_unsupported_or_ok": {"ok", "unsupported"},
    "err_encrypted_or_ok": {"ok", "encrypted"},
}

# MuPDF finds no page, PDFium the only one
FOUND_BY_PDFIUM = {"pdfjs__poppler-67295-0.pdf": {"ok"}, "pdfjs__poppler-91414-0-54.pdf": {"ok"}}


@pytest.mark.skipif(not manifest(), reason="the evaluation data are not beside the repository")
@pytest.mark.parametrize("row", manifest(), ids=lambda row: row["file"])
def test_a_known_hostile_file_gets_the_expected_result(row):
    started = time.monotonic()

    found, count = answer(NASTY / row["file"])

    assert found in ALLOWED[row["expected_class"]] | FOUND_BY_PDFIUM.get(row["file"], set())
    if found == "ok" and row["file"] not in FOUND_BY_PDFIUM:
        assert str(count) in row["pages"].split("-")
    assert time.monotonic() - started < MOST_SECONDS


READ_ALL = """
import sys
from pathlib import Path
from daemon.core import malloc
from daemon.core.errors import Rejected
from daemon.ocr import pages
from daemon.core.options import Limits, Rendering

for path in [path for folder in sys.argv[1:] for path in sorted(Path(folder).iterdir())]:
    try:
        with pages.open_document(path, Limits(), Rendering()) as source:
            for number in range(1, source.page_count + 1):
                source.page(number)
                malloc.trim()  # as the worker does after each page
    except Rejected:
        pass
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel keeps no peak")
def test_hostile_files_stay_within_memory(tmp_path):
    for name, sample in OWN.items():
        (tmp_path / name).write_bytes(sample.data)
    folders = [str(tmp_path)] + ([str(NASTY.resolve())] if NASTY.exists() else [])
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL, *folders],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert int(done.stdout) / 1024 < MOST_MEGABYTES


KINDS = {sample.name: sample for sample in samples.readable(samples.text_page(["fuzz"], width=200))}


@pytest.mark.parametrize("name", KINDS)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_files_raise_no_other_errors(name, data, tmp_path):
    mutated = bytearray(KINDS[name].data)
    head = min(len(mutated), 400) - 1
    for _ in range(data.draw(st.integers(1, 8))):
        anywhere = st.integers(0, len(mutated) - 1) | st.integers(0, head)
        mutated[data.draw(anywhere)] = data.draw(st.integers(0, 255))
    cut = data.draw(st.none() | st.integers(0, len(mutated)))
    path = tmp_path / "damaged"
    path.write_bytes(mutated[:cut])

    found, _ = answer(path)

    assert found in {"ok", "partial", "corrupt", "encrypted", "unsupported", "too_large"}
