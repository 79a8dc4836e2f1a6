"""Writers as the field has them, as real processes, and what `observe` recommends for them."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from daemon.config.sections import Watch
from tests.support import samples
from tests.support.repository import REPOSITORY
from tests.support.running_daemon import until

IGNORED = Watch().ignore
PAGE = samples.text_page(["A page"], width=200, height=80)
WRITERS = {
    # all pages at once, a file after another
    "steady": """
for number in range(5):
    (folder / f"{number}.pdf").write_bytes(whole)
    time.sleep(0.4)
""",
    # opens the file again for each page; every prefix is a valid file
    "reopening": """
for pages in (1, 2, 3):
    (folder / "scan.tif").write_bytes(pages_of[pages - 1])
    time.sleep(3.6 if pages < 3 else 0)
""",
    # a draft beside, then a rename
    "renaming": """
for number in range(2):
    with open(folder / f"{number}.pdf.writing", "wb") as file:
        file.write(whole[:500]); file.flush(); time.sleep(1.2); file.write(whole[500:])
    (folder / f"{number}.pdf.writing").rename(folder / f"{number}.pdf")
""",
    # as a copy over SMB: made empty, held open, filled in pieces
    "held open": """
for number in range(5):
    with open(folder / f"{number}.pdf", "wb") as file:
        time.sleep(0.2)
        for piece in (whole[:300], whole[300:600]):
            file.write(piece); file.flush(); time.sleep(0.7)
        file.write(whole[600:])
""",
}


@dataclass(frozen=True)
class Observed:
    folder: Path
    said: str
    progress: str
    code: int
    record: list[dict]


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Observed]:
    """What the command said of each writer; all of them write at the same time."""
    root = tmp_path_factory.mktemp("observed")
    pdf = root / "whole.pdf"
    pdf.write_bytes(samples.pdf_of_images([PAGE]))
    for pages in (1, 2, 3):
        (root / f"{pages}.tif").write_bytes(samples.tiff([samples.plain_page(PAGE)] * pages))
    prologue = f"""
import pathlib, sys, time
root, folder = pathlib.Path({str(root)!r}), pathlib.Path(sys.argv[1])
whole = (root / "whole.pdf").read_bytes()
pages_of = [(root / f"{{n}}.tif").read_bytes() for n in (1, 2, 3)]
"""
    observers, writers = {}, []
    for name in WRITERS:
        folder = root / name
        folder.mkdir()
        (folder / "old.pdf").write_bytes(b"it lay there before")
        observers[name] = observer(folder, root / f"{name}.jsonl")
    for name, script in WRITERS.items():
        writers.append(subprocess.Popen([sys.executable, "-c", prologue + script, root / name]))
    assert [writer.wait(60) for writer in writers] == [0] * len(writers)
    return {name: ended(process, root / name) for name, process in observers.items()}


def observer(folder: Path, record: Path) -> subprocess.Popen[str]:
    """Start the command and wait until it looks."""
    output = record.with_suffix(".progress")
    with output.open("w") as progress:
        process = subprocess.Popen(
            [sys.executable, "-m", "daemon", "observe", str(folder), "--record", str(record)],
            stdout=subprocess.PIPE, stderr=progress, text=True, cwd=REPOSITORY,
        )  # fmt: skip
    until(lambda: "observing" in output.read_text() or process.poll() is not None)
    return process


def ended(process: subprocess.Popen[str], folder: Path) -> Observed:
    """End an observation as Ctrl-C does."""
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    beside = folder.parent / f"{folder.name}.jsonl"
    record = [json.loads(line) for line in beside.read_text().splitlines()]
    progress = beside.with_suffix(".progress").read_text()
    return Observed(folder, said, progress, process.returncode, record)


def section(of: Observed) -> dict:
    return yaml.safe_load(of.said[of.said.index("\nwatch:") :])["watch"]


def test_a_steady_writer_needs_no_long_quiet_time(observed: dict[str, Observed]) -> None:
    assert section(observed["steady"])["quiet_seconds"] == 2.0


def test_a_scanner_that_reopens_its_file_is_given_more_than_its_pause(
    observed: dict[str, Observed],
) -> None:
    of = observed["reopening"]

    assert 5.0 < section(of)["quiet_seconds"] <= 7.0
    assert "closed 3 times" in of.said


def test_drafts_that_are_renamed_are_ignored_and_need_the_shortest_quiet_time(
    observed: dict[str, Observed],
) -> None:
    watch = section(observed["renaming"])

    assert watch["quiet_seconds"] == 1.0
    assert watch["ignore"] == [*IGNORED, "*.writing"]


def test_a_file_held_open_lacks_its_end_and_that_is_enough(observed: dict[str, Observed]) -> None:
    of = observed["held open"]

    assert section(of)["quiet_seconds"] == 2.0
    assert "lacked their end" in of.said


def test_each_observation_ends_well_and_has_touched_nothing(observed: dict[str, Observed]) -> None:
    for of in observed.values():
        assert (of.code, "mode: auto, because events came" in of.said) == (0, True), of.said
        assert (of.folder / "old.pdf").read_bytes() == b"it lay there before"
        assert "old.pdf" not in of.said
        assert {"changed", "still", "event"} <= {moment["kind"] for moment in of.record}
        assert "changed" in of.progress


def test_a_folder_that_is_none_is_refused_and_so_is_a_record_inside_it(tmp_path: Path) -> None:
    def code(*arguments: str) -> int:
        command = [sys.executable, "-m", "daemon", "observe", *arguments]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True).returncode

    assert code(str(tmp_path / "none")) == 78
    assert code(str(tmp_path), "--record", str(tmp_path / "record")) == 78
    assert code(str(tmp_path), "--minutes", "0") == 0


@pytest.mark.skipif(shutil.which("bindfs") is None, reason="bindfs imitates a network share")
def test_a_share_whose_other_side_writes_sends_no_events_and_is_scanned(tmp_path: Path) -> None:
    from tests.system.test_shares import mounted

    folder, behind = tmp_path / "share", tmp_path / "behind"
    with mounted(folder, behind):
        process = observer(folder, tmp_path / "share.jsonl")
        (behind / "scan.png").write_bytes(samples.png(PAGE))
        until(lambda: "still" in (tmp_path / "share.progress").read_text())
        of = ended(process, folder)

    assert "mode: auto, which scans here: fuse sends no events" in of.said
    assert "(events came for 0 of 1 file)" in of.said
