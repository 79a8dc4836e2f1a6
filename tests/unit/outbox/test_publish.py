"""Publishing into a real folder."""

import json
import os
from pathlib import Path

import pytest

from daemon.core.errors import Deferred
from daemon.core.records import Claim, Stamp
from daemon.outbox.publish import Outbox, Superseded

SHA, OTHER = "ab" * 32, "cd" * 32


def answer(sha256: str = SHA, status: str = "done", claim: str = "token") -> bytes:
    content = {
        "schema_version": "1.0", "source": {"sha256": sha256}, "status": status,
        "processing": {"claim": claim},
    }  # fmt: skip
    return json.dumps(content).encode()


def claim_on(name: str, sha256: str = SHA, token: str = "token") -> Claim:
    return Claim(token, name, Path(name), Stamp(1, 2, 3), sha256)


def publish(outbox: Outbox, name: str, sha256: str = SHA, status: str = "done") -> str:
    place = outbox.place_for(name, sha256)
    outbox.publish(place, answer(sha256, status), claim_on(name, sha256), lambda: True)
    return place


def test_the_answer_mirrors_the_path_and_appends_json(tmp_path: Path) -> None:
    publish(Outbox(tmp_path), "a/b/scan.pdf")

    assert (tmp_path / "a/b/scan.pdf.json").read_bytes() == answer()


def test_nothing_half_written_is_ever_seen_under_the_name(tmp_path: Path) -> None:
    publish(Outbox(tmp_path), "scan.pdf")

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "scan.pdf.json"]


def test_a_reused_name_with_other_bytes_gets_a_numbered_answer(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)

    places = [publish(outbox, "scan.pdf", sha) for sha in (SHA, OTHER, "ef" * 32)]

    assert places == ["scan.pdf.json", "scan.pdf.2.json", "scan.pdf.3.json"]


def test_the_answer_to_the_same_bytes_is_kept_beside_the_first(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)

    assert [publish(outbox, "scan.pdf") for _ in range(2)] == ["scan.pdf.json", "scan.pdf.2.json"]


def test_a_retry_replaces_the_failed_answer_to_the_same_bytes(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    publish(outbox, "scan.pdf", status="failed")

    assert publish(outbox, "scan.pdf") == "scan.pdf.json"
    assert json.loads((tmp_path / "scan.pdf.json").read_text())["status"] == "done"


def test_a_failed_answer_to_other_bytes_is_kept(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    publish(outbox, "scan.pdf", OTHER, status="failed")

    assert publish(outbox, "scan.pdf") == "scan.pdf.2.json"


def test_a_foreign_file_of_that_name_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "scan.pdf.json").write_text("somebody's notes")

    publish(Outbox(tmp_path), "scan.pdf")

    assert (tmp_path / "scan.pdf.json").read_text() == "somebody's notes"


def test_a_name_that_is_taken_at_the_last_moment_is_not_overwritten(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    place = outbox.place_for("scan.pdf", SHA)
    publish(Outbox(tmp_path), "scan.pdf", OTHER)

    with pytest.raises(FileExistsError):
        outbox.publish(place, answer(), claim_on("scan.pdf"), lambda: True)

    assert (tmp_path / place).read_bytes() == answer(OTHER)


def test_a_folder_named_like_an_answer_gets_out_of_its_way(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    publish(outbox, "scan.pdf")

    assert publish(outbox, "scan.pdf.json/page.png") == "scan.pdf.json~/page.png.json"


def test_the_longest_name_gets_an_answer(tmp_path: Path) -> None:
    name = "x" * 251 + ".png"

    place = publish(Outbox(tmp_path), name)

    assert (tmp_path / place).read_bytes() == answer()
    assert len(os.fsencode(place)) == 255


def test_an_unwritable_outbox_defers_the_answer(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("not a folder")
    outbox = Outbox(tmp_path / "outbox")

    with pytest.raises(Deferred, match="outbox"):
        outbox.publish("scan.pdf.json", answer(), claim_on("scan.pdf"), lambda: True)


def test_an_outbox_that_links_to_an_unmounted_share_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "outbox").symlink_to(tmp_path / "unmounted/outbox")
    outbox = Outbox(tmp_path / "outbox")

    with pytest.raises(Deferred, match="outbox"):
        outbox.publish("scan.pdf.json", answer(), claim_on("scan.pdf"), lambda: True)


def test_what_a_killed_run_left_half_written_is_cleared(tmp_path: Path) -> None:
    (tmp_path / ".ocr-daemon/drafts").mkdir(parents=True)
    (tmp_path / ".ocr-daemon/drafts/x.tmp").write_text("{")

    Outbox(tmp_path).clear_drafts()

    assert not (tmp_path / ".ocr-daemon").exists()


def test_an_answer_is_not_published_for_a_claim_that_is_another_daemons(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)

    with pytest.raises(Superseded):
        outbox.publish("scan.pdf.json", answer(), claim_on("scan.pdf"), lambda: False)

    assert not (tmp_path / "scan.pdf.json").exists()


def test_a_discarded_draft_can_never_be_published(tmp_path: Path) -> None:
    """The owner was stopped between making sure of its claim and giving the draft its name."""
    outbox, successor = Outbox(tmp_path), Outbox(tmp_path)

    def is_ours() -> bool:
        successor.discard_drafts("token")
        return True

    with pytest.raises(Deferred):
        outbox.publish("scan.pdf.json", answer(), claim_on("scan.pdf"), is_ours)

    assert not (tmp_path / "scan.pdf.json").exists()


def test_the_answer_of_a_claim_is_distinguished_from_others_of_the_same_name_and_bytes(
    tmp_path: Path,
) -> None:
    outbox = Outbox(tmp_path)
    (tmp_path / "scan.pdf.json").write_bytes(answer(claim="earlier"))
    (tmp_path / "scan.pdf.2.json").write_bytes(answer(claim="mine"))

    found = outbox.answer_of("mine", "scan.pdf", None)

    assert found is not None
    assert found[0] == "scan.pdf.2.json"
    assert outbox.answer_of("nobody's", "scan.pdf", "scan.pdf.json") is None
