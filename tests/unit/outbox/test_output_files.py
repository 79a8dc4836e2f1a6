"""Outputs are published before the sidecar, all of them or none, and replace no other file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from daemon.core.records import Claim, Stamp
from daemon.outbox.output_files import OutputDraft
from daemon.outbox.publish import Outbox, Superseded

SHA = "ab" * 32


def claim(token: str = "one", name: str = "a.pdf") -> Claim:
    return Claim(token, name, Path("/nowhere") / name, Stamp(1, 1, 1), SHA)


def drafts(outbox: Outbox, token: str = "one") -> list[OutputDraft]:
    return [
        outbox.draft(token, "hocr", ".hocr", b"<html/>"), outbox.draft(token, "text", ".txt", b"hi")
    ]  # fmt: skip


def answer(token: str = "one", sha256: str = SHA, **more: object) -> bytes:
    content = {
        "schema_version": "1.0", "source": {"sha256": sha256}, "status": "done",
        "processing": {"claim": token},
    }  # fmt: skip
    return json.dumps(content | more).encode()


def endings(found: list[OutputDraft]) -> list[str]:
    return [draft.ending for draft in found]


def kept(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def publish(outbox: Outbox, token: str = "one", **more: object) -> str:
    made = drafts(outbox, token)
    place = outbox.place_for("a.pdf", SHA, endings(made))
    outbox.publish(place, answer(token, **more), claim(token), lambda: True, made)
    return place


def test_outputs_are_next_to_their_answer_and_nothing_else_is_left(tmp_path: Path) -> None:
    publish(Outbox(tmp_path))

    assert kept(tmp_path) == {"a.pdf.json", "a.pdf.hocr", "a.pdf.txt"}


def test_outputs_of_a_name_that_is_used_again_are_numbered_with_their_answer(
    tmp_path: Path,
) -> None:
    publish(Outbox(tmp_path))

    assert publish(Outbox(tmp_path), "two") == "a.pdf.2.json"
    assert kept(tmp_path) >= {"a.pdf.2.json", "a.pdf.2.hocr", "a.pdf.2.txt"}


@pytest.mark.parametrize("name", ["a.pdf.txt", "a.pdf.alto.xml"])
def test_a_foreign_file_with_the_name_of_an_output_stays(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"mine")

    assert publish(Outbox(tmp_path)) == "a.pdf.2.json"
    assert (tmp_path / name).read_bytes() == b"mine"


def test_an_answer_numbered_because_of_a_foreign_file_is_found_again(tmp_path: Path) -> None:
    (tmp_path / "a.pdf.txt").write_bytes(b"mine")
    publish(Outbox(tmp_path))

    found = Outbox(tmp_path).answer_of("one", "a.pdf", None)

    assert found is not None
    assert found[0] == "a.pdf.2.json"


def test_a_lost_race_for_a_name_rolls_the_outputs_back(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    made = drafts(outbox)
    (tmp_path / "a.pdf.json").write_bytes(answer("two", "cd" * 32))

    with pytest.raises(FileExistsError):
        outbox.publish("a.pdf.json", answer(), claim(), lambda: True, made)

    assert [draft.path.read_bytes() for draft in made] == [b"<html/>", b"hi"]
    outbox.drop(made)
    assert kept(tmp_path) == {"a.pdf.json"}


def test_a_race_for_an_output_is_lost_in_the_same_way(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    made = drafts(outbox)
    (tmp_path / "a.pdf.txt").write_bytes(b"theirs")

    with pytest.raises(FileExistsError):
        outbox.publish("a.pdf.json", answer(), claim(), lambda: True, made)

    outbox.drop(made)
    assert kept(tmp_path) == {"a.pdf.txt"}


def test_who_has_lost_the_claim_publishes_no_output(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    made = drafts(outbox)

    with pytest.raises(Superseded):
        outbox.publish("a.pdf.json", answer(), claim(), lambda: False, made)

    outbox.drop(made)
    assert kept(tmp_path) == set()


def killed_before_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str = "outputs.synced"
) -> None:
    """Leave what a daemon leaves that is killed when its outputs have their names, or before."""
    outbox = Outbox(tmp_path)

    def stop(point: str, label: str = "") -> None:
        del label
        if point == at:
            os._exit(0)

    if (pid := os.fork()) == 0:
        monkeypatch.setattr("daemon.core.failpoints.reach", stop)
        publish(outbox)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_outputs_without_an_answer_are_removed_when_their_claim_is_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_before_the_answer(tmp_path, monkeypatch)
    outbox = Outbox(tmp_path)
    assert {"a.pdf.txt", "a.pdf.hocr"} <= kept(tmp_path)

    outbox.discard_drafts("one")
    outbox.roll_back("one")

    assert kept(tmp_path) == set()
    assert publish(outbox) == "a.pdf.json"


def test_a_file_that_has_taken_the_name_of_a_removed_output_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_before_the_answer(tmp_path, monkeypatch)
    (tmp_path / "a.pdf.txt").unlink()
    (tmp_path / "a.pdf.txt").write_bytes(b"not ours")

    Outbox(tmp_path).roll_back("one")

    assert (tmp_path / "a.pdf.txt").read_bytes() == b"not ours"


def test_abandoned_outputs_are_removed_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_before_the_answer(tmp_path, monkeypatch)

    Outbox(tmp_path).clear_outputs(60.0)
    assert kept(tmp_path) >= {"a.pdf.txt", "a.pdf.hocr"}

    Outbox(tmp_path).clear_outputs(0.0)

    assert {name for name in kept(tmp_path) if not name.endswith(".tmp")} == set()


def test_outputs_of_a_replaced_answer_are_removed_with_it(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, replaceable=("done",))
    listed = [{"name": "a.pdf.txt"}, {"name": "a.pdf.ocr.pdf"}]
    publish(outbox, outputs=listed)
    (tmp_path / "a.pdf.ocr.pdf").write_bytes(b"old")
    (tmp_path / "a.pdf.hocr").unlink()

    assert publish(outbox, "two") == "a.pdf.json"
    assert kept(tmp_path) == {"a.pdf.json", "a.pdf.txt", "a.pdf.hocr"}


def test_what_is_no_regular_file_is_not_copied(tmp_path: Path) -> None:
    secret, link = tmp_path / "secret", tmp_path / "link"
    secret.write_bytes(b"secret")
    link.symlink_to(secret)
    (tmp_path / "outbox").mkdir()

    with pytest.raises(Exception, match="cannot be written"):
        Outbox(tmp_path / "outbox").draft("one", "picture", ".png", link)
