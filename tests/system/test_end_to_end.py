"""The whole path with nothing faked: a real daemon, real files, real weights."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import jsonschema_rs
import pytest

from daemon.outbox.sidecar import schema
from tests.support import samples
from tests.support.running_daemon import MODEL, Workspace, until
from tests.support.samples import Sample, pdf_of_images, png, text_page


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """One daemon for the tests that only drop files: each uses names and bytes of its own."""
    made = Workspace(tmp_path_factory.mktemp("workspace"), model=MODEL)
    with made.running():
        yield made


def page_of(text: str) -> bytes:
    return png(text_page([text]))


@pytest.mark.parametrize("sample", samples.readable(), ids=lambda sample: sample.name)
def test_every_format_is_answered_with_its_text(workspace: Workspace, sample: Sample) -> None:
    workspace.drop(f"formats/{sample.name}", sample.data)

    answer = workspace.answer(f"formats/{sample.name}.json")

    jsonschema_rs.validator_for(schema()).validate(answer)
    assert answer["status"] == "done"
    assert len(answer["pages"]) == sample.pages
    assert answer["source"]["media_type"] == samples.MEDIA_TYPES[sample.name.rpartition(".")[2]]
    for line in samples.LINES:
        assert line in answer["text"]
    assert workspace.bytes_of(workspace.archive / "formats" / sample.name) == sample.data


def test_words_stand_where_they_were_drawn(workspace: Workspace) -> None:
    workspace.drop("boxes.png", page_of("Invoice 2041"))

    (page,) = workspace.answer("boxes.png.json")["pages"]

    (line,) = page["blocks"][0]["lines"]
    first, second = line["words"]
    assert (first["text"], second["text"]) == ("Invoice", "2041")
    drawn = cv2.getTextSize("Invoice", cv2.FONT_HERSHEY_SIMPLEX, 1.5, 3)[0][0]
    assert 30 <= first["box"][0] <= 50  # drawn from x = 40, baseline y = 80
    assert 40 + drawn - 10 <= first["box"][2] <= second["box"][0]
    assert first["box"][1] < 80 <= first["box"][3] + 5
    assert line["confidence"] > 0.8


def test_the_text_and_the_picture_of_a_page_are_answered_in_reading_order(
    workspace: Workspace,
) -> None:
    beside = samples.pdf_of_text_beside(text_page(["Received 17 May 2026"]))
    workspace.drop("beside.pdf", beside)

    (page,) = workspace.answer("beside.pdf.json")["pages"]

    assert page["text_source"] == "mixed"
    assert page["text"] == "\n".join(samples.LINES) + "\n\nReceived 17 May 2026"
    *exact, read = [line for block in page["blocks"] for line in block["lines"]]
    assert [line["confidence"] for line in exact] == [None] * 3
    points = [side * 72 / page["dpi"] for side in read["box"]]
    assert points[0] >= 72
    assert points[1] >= 300  # the picture's place
    assert points[2] <= 472
    assert points[3] <= 460


@pytest.mark.parametrize("sample", samples.broken(), ids=lambda sample: sample.name)
def test_odd_and_hostile_files_get_their_answer_and_a_good_one_after_them_too(
    workspace: Workspace, sample: Sample
) -> None:
    if not sample.data:
        pytest.skip("a file of zero bytes waits for its content: tested in inbox/test_settle")
    workspace.drop(f"odd/{sample.name}", sample.data)
    workspace.drop(f"after/{sample.name}.png", page_of(f"after {sample.name}"))

    answer = workspace.answer(f"odd/{sample.name}.json")

    if sample.expected in ("ok", "partial"):
        status = "done" if sample.expected == "ok" else "partial"
        assert (answer["status"], len(answer["pages"])) == (status, sample.pages)
    else:
        assert (answer["status"], answer["error"]["class"]) == ("failed", sample.expected)
        assert workspace.bytes_of(workspace.failed / "odd" / sample.name) == sample.data
        reason = json.loads((workspace.failed / "odd" / f"{sample.name}.error.json").read_text())
        assert reason["message"] == answer["error"]["message"]
    assert workspace.answer(f"after/{sample.name}.png.json")["status"] == "done"


def test_a_truncated_jpeg_is_partial_and_says_so(workspace: Workspace) -> None:
    whole = samples.jpeg(samples.text_page())
    workspace.drop("cut.jpg", whole[: len(whole) * 3 // 4])

    answer = workspace.answer("cut.jpg.json")

    (page,) = answer["pages"]
    assert (answer["status"], page["status"]) == ("partial", "partial")
    assert "ends early" in page["error"]["message"]
    assert (answer["error"]["class"], answer["error"]["page"]) == ("damaged", 1)
    assert "Invoice 2041" in answer["text"]


def test_a_failed_file_dragged_back_is_tried_again(workspace: Workspace) -> None:
    workspace.drop("retry/scan.png", b"\x89PNG\r\n\x1a\n broken")
    first = workspace.answer("retry/scan.png.json")
    until(lambda: (workspace.failed / "retry/scan.png").exists())

    (workspace.failed / "retry/scan.png").rename(workspace.inbox / "retry/scan.png")

    until(lambda: (workspace.failed / "retry/scan.png").exists(), what="failed again")
    again = workspace.answer("retry/scan.png.json")
    assert (first["status"], again["status"]) == ("failed", "failed")
    assert again["processing"]["started_at"] > first["processing"]["started_at"]
    assert workspace.files_in(workspace.outbox / "retry") == {"scan.png.json"}


def test_the_same_bytes_again_point_to_the_first_answer(workspace: Workspace) -> None:
    content = page_of("Seen before")
    workspace.drop("twice/a.png", content)
    workspace.answer("twice/a.png.json")
    workspace.drop("twice/b.png", content)

    answer = workspace.answer("twice/b.png.json")

    assert (answer["status"], answer["duplicate_of"]) == ("duplicate", "twice/a.png.json")
    assert workspace.bytes_of(workspace.archive / "twice/b.png") == content


def test_a_duplicate_whose_answer_was_collected_is_read_again(workspace: Workspace) -> None:
    content = page_of("Collected")
    workspace.drop("collected/a.png", content)
    workspace.answer("collected/a.png.json")
    until(lambda: (workspace.archive / "collected/a.png").exists())
    (workspace.outbox / "collected/a.png.json").unlink()
    workspace.drop("collected/b.png", content)

    assert workspace.answer("collected/b.png.json")["status"] == "done"


def test_a_reused_name_gets_a_numbered_answer(workspace: Workspace) -> None:
    workspace.drop("reuse/scan0001.png", page_of("First scan"))
    workspace.answer("reuse/scan0001.png.json")
    workspace.drop("reuse/scan0001.png", page_of("Second scan"))

    assert "Second" in workspace.answer("reuse/scan0001.png.2.json")["text"]
    assert "First" in workspace.answer("reuse/scan0001.png.json")["text"]
    until(
        lambda: (
            workspace.files_in(workspace.archive / "reuse") == {"scan0001.png", "scan0001.2.png"}
        )
    )


NAMES = (
    "-rf.png",
    "a\nb.png",
    "字.png",
    "x" * 251 + ".png",
    "caf\udce9.png",
    " .png",
    "a;b$(c).png",
)


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_strange_name_is_answered_like_any_other(workspace: Workspace, name: str) -> None:
    workspace.drop(f"names/{name}", page_of(f"Named {len(name)} {name.isascii()}"))

    until(lambda: (workspace.archive / "names" / name).exists(), what=f"{name!r} archived")

    answers = [
        a for a in workspace.answers().values() if a["source"]["relative_path"].startswith("names/")
    ]
    spoken = os.fsencode(f"names/{name}").decode("utf-8", "replace")
    assert spoken in [answer["source"]["relative_path"] for answer in answers]


def test_links_and_fifos_are_left_alone(workspace: Workspace) -> None:
    (workspace.inbox / "odd-kinds").mkdir()
    (workspace.inbox / "odd-kinds/link.png").symlink_to("/etc/passwd")
    os.mkfifo(workspace.inbox / "odd-kinds/fifo.png")
    workspace.drop("odd-kinds/real.png", page_of("Real file"))

    workspace.answer("odd-kinds/real.png.json")

    assert workspace.files_in(workspace.outbox / "odd-kinds") == {"real.png.json"}
    assert (workspace.inbox / "odd-kinds/link.png").is_symlink()


def test_a_folder_moved_in_is_read_whole(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "batch/deep").mkdir(parents=True)
    (tmp_path / "batch/one.png").write_bytes(page_of("Batch one"))
    (tmp_path / "batch/deep/two.png").write_bytes(page_of("Batch two"))

    (tmp_path / "batch").rename(workspace.inbox / "batch")

    assert "one" in workspace.answer("batch/one.png.json")["text"]
    assert "two" in workspace.answer("batch/deep/two.png.json")["text"]


def test_a_slow_writer_is_waited_for(workspace: Workspace) -> None:
    """A scanner writes a PDF in pieces with pauses longer than the quiet time."""
    content = pdf_of_images([text_page(["Slow scanner"])])
    path = workspace.inbox / "slow.pdf"
    with path.open("wb") as file:
        for piece in (content[:500], content[500:-20], content[-20:]):
            file.write(piece)
            file.flush()
            time.sleep(0.6)  # the very thing under test: the writer's own pace

    answer = workspace.answer("slow.pdf.json")

    assert answer["status"] == "done"
    assert answer["source"]["bytes"] == len(content)


def test_one_event_for_each_document_carries_its_facts(workspace: Workspace) -> None:
    workspace.drop("logged.png", page_of("Logged once"))
    workspace.answer("logged.png.json")

    (event,) = until(
        lambda: [e for e in workspace.events() if e.get("name") == "logged.png" and "pages" in e]
    )

    assert (event["event"], event["level"]) == ("document.done", "info")
    assert (event["pages"], event["lines"]) == (1, 1)
    assert {"decode", "recognize"} <= set(event["stages"])
    assert 0 < event["confidence"] <= 1


def test_everything_that_landed_is_answered_or_waits(workspace: Workspace) -> None:
    workspace.drop("balance.png", page_of("In the balance"))
    workspace.answer("balance.png.json")

    verify = workspace.command("verify")

    assert (verify.returncode, verify.stdout.split()[0]) == (0, "landed"), verify.stdout
