"""A file that is still being written does not look complete, and a complete one does."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.inbox.completeness import missing_end
from tests.support import samples

PAGE = samples.text_page(["fine print"], width=300, height=120)
COMPLETE = {sample.name: sample.data for sample in samples.readable(PAGE)}
FIXTURE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def judged(tmp_path: Path, data: bytes) -> str | None:
    path = tmp_path / "landing"
    path.write_bytes(data)
    return missing_end(path)


@pytest.mark.parametrize("name", COMPLETE)
def test_a_complete_file_lacks_nothing(name, tmp_path):
    assert judged(tmp_path, COMPLETE[name]) is None


@pytest.mark.parametrize("name", COMPLETE)
@FIXTURE
@given(data=st.data())
def test_every_beginning_of_a_file_is_unfinished(name, data, tmp_path):
    whole = COMPLETE[name].rstrip(b"\r\n") if name.endswith("pdf") else COMPLETE[name]
    # a PNM is known by its whole header; a GIF's trailer byte may also stand among its pixels
    cut = data.draw(st.integers(40, len(whole) - 1))
    if name.endswith("gif") and whole[:cut].rstrip(b"\0").endswith(b";"):
        return

    assert judged(tmp_path, whole[:cut]) is not None


@pytest.mark.parametrize("name", [n for n in COMPLETE if n.endswith(("pdf", "jpg", "png", "pgm"))])
def test_bytes_behind_the_end_do_not_matter(name, tmp_path):
    assert judged(tmp_path, COMPLETE[name] + bytes(1500)) is None


def test_a_video_appended_to_a_photo_does_not_matter(tmp_path):
    assert judged(tmp_path, samples.jpeg(PAGE) + bytes(3 << 20)) is None


def test_a_thumbnail_is_not_the_end_of_a_jpeg(tmp_path):
    thumbnail = b"Exif\0\0" + samples.exif(1) + samples.jpeg(PAGE[:20, :20])
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    whole = samples.jpeg(PAGE)

    unfinished = judged(tmp_path, whole[:2] + segment + whole[2:-2])
    assert unfinished == "the JPEG is not complete: its end has not arrived"
    assert judged(tmp_path, whole[:2] + segment + whole[2:]) is None


def test_a_linearised_pdf_says_how_long_it_will_be(tmp_path):
    head = b"%PDF-1.5\n1 0 obj\n<< /Linearized 1 /L 9000 /N 2 >>\nendobj\n%%EOF\n"

    assert judged(tmp_path, head) == (
        f"the PDF is not complete: {len(head)} of 9000 bytes have arrived"
    )
    assert judged(tmp_path, head.ljust(8990) + b"\n%%EOF\n\n\n\n") is None


def test_a_strip_behind_the_directory_must_lie_inside(tmp_path):
    outside = samples.TiffPage(10, 10, b"", {273: 400, 279: 100})
    whole = samples.tiff([outside]).ljust(500)

    assert judged(tmp_path, whole) is None
    assert judged(tmp_path, whole[:499]) == (
        "the TIFF is not complete: its last strip has not arrived"
    )


def test_a_second_page_that_is_announced_is_waited_for(tmp_path):
    announced = samples.tiff([samples.plain_page(PAGE)], next_offset=10**6)

    assert judged(tmp_path, announced) == (
        "the TIFF is not complete: its next page has not arrived"
    )


@pytest.mark.parametrize(
    "data", [b"", b"plain text", b"PK\x03\x04", b"\0" * 100, b"P1\n2 2\n1 0 0 1"]
)
def test_of_unknown_formats_nothing_is_demanded(data, tmp_path):
    assert judged(tmp_path, data) is None


@pytest.mark.parametrize("sample", samples.broken(), ids=lambda sample: sample.name)
def test_hostile_files_are_judged_without_an_error(sample, tmp_path):
    found = judged(tmp_path, sample.data)

    assert found is None or "\n" not in found


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPLETE)
@FIXTURE
@given(data=st.data())
def test_damage_raises_nothing(name, data, tmp_path):
    mutated = bytearray(COMPLETE[name])
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(mutated) - 1) | st.integers(0, 200))
        mutated[min(at, len(mutated) - 1)] = data.draw(st.integers(0, 255))

    judged(tmp_path, bytes(mutated))


def test_an_error_of_the_disk_passes_through(tmp_path):
    with pytest.raises(FileNotFoundError):
        missing_end(tmp_path / "gone.pdf")


def test_a_large_file_is_not_read_whole(tmp_path):
    path = tmp_path / "large.pdf"
    path.write_bytes(samples.pdf_of_text([["x"]]))
    with path.open("r+b") as file:
        file.truncate(20 << 30)  # sparse: nothing is written
        file.seek(0, 2)
        file.write(b"%%EOF\n")

    assert missing_end(path) is None


def test_an_offset_that_no_filesystem_has_is_no_error_of_the_disk(tmp_path):
    """ext4 refuses to seek behind 16 TB: the file would have been held up for ever."""
    assert judged(tmp_path, struct.pack("<4sHHQ", b"II+\0", 8, 0, 1 << 60)) is not None


def test_tags_that_all_point_at_the_same_values_cost_no_memory(tmp_path):
    """4 096 tags of 65 536 values each were 10.8 GB of numbers in the daemon itself."""
    entries = b"".join(struct.pack("<HHII", tag, 4, 65_536, 49_162) for tag in range(4096))
    data = struct.pack("<2sHIH", b"II", 42, 8, 4096) + entries + bytes(4 + 65_536 * 4)
    tracemalloc.start()

    found = judged(tmp_path, data)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found is None
    assert peak < 32 << 20


def test_directories_laid_over_one_another_are_given_up_in_time(tmp_path):
    """Each directory starts a few bytes after the one before: 2 000 times 4 000 tags."""
    count, step = 4000, 24
    data = bytearray(struct.pack("<2sHI", b"II", 42, 8)) + bytes(2000 * step + 12 * count + 100)
    for number in range(2000):
        at = 8 + number * step
        struct.pack_into("<H", data, at, count)
        struct.pack_into("<I", data, at + 2 + 12 * count, at + step)
    began = time.process_time()

    judged(tmp_path, bytes(data))

    assert time.process_time() - began < 3.0


@pytest.mark.parametrize("kind", ["link", "fifo"])
def test_what_is_no_file_any_more_is_neither_followed_nor_waited_for(kind, tmp_path):
    path = tmp_path / "swapped.pdf"
    (tmp_path / "secret").write_bytes(b"%PDF-")
    path.symlink_to(tmp_path / "secret") if kind == "link" else os.mkfifo(path)

    with pytest.raises(OSError, match=r"symbolic links|not a regular file"):
        missing_end(path)


def test_nothing_heavy_is_imported():
    code = "import sys, daemon.inbox.completeness as c; print(sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )

    assert not {"'cv2'", "'numpy'", "'pymupdf'", "'torch'"} & set(
        done.stdout.strip("[]\n").split(", ")
    )


@pytest.mark.parametrize("name", ["colour.heic", "colour.jp2"])
def test_boxes_that_end_before_the_picture_are_unfinished(name, tmp_path):
    whole, at, ends = COMPLETE[name], 0, []
    while at < len(whole):
        at += int.from_bytes(whole[at : at + 4], "big") or len(whole)
        ends.append(at)

    assert len(ends) > 2
    for end in ends[1:-1]:
        assert judged(tmp_path, whole[:end]) is not None
