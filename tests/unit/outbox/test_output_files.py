"""Outputs are published before the sidecar, all of them or none, and replace no other file."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.core import failpoints
from daemon.core.records import Claim, Stamp
from daemon.outbox.output_files import OutputDraft, OutputFiles, kept_stems
from daemon.outbox.publish import Outbox, Superseded
from daemon.outbox.reader import output_names, output_path

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


# --- under the names of a template --------------------------------------------------------------

STEM = "2026/Ellery/invoice 2041"


def publish_named(outbox: Outbox, token: str, name: str, stem: str = STEM) -> str:
    """Publish an answer whose outputs get names from a template; return its place."""
    made = drafts(outbox, token)
    place = outbox.place_for(name, SHA)
    free = outbox.stem_for(place, stem, endings(made), SHA)
    named = [replace(draft, stem=free) for draft in made]
    listed = [
        {"name": draft.output_at(place).name, "kind": draft.kind, "sha256": draft.sha256}
        for draft in named
    ]
    content = answer(token, outputs=listed)
    outbox.publish(place, content, claim(token, name), lambda: True, named)
    return place


def folders(root: Path) -> set[str]:
    found = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_dir()}
    return {name for name in found if not name.startswith(".ocr-daemon")}


def test_named_outputs_are_in_their_folder_below_that_of_the_answer(tmp_path: Path) -> None:
    place = publish_named(Outbox(tmp_path), "one", "in/a.pdf")

    assert kept(tmp_path) == {
        "in/a.pdf.json", f"in/{STEM}.hocr", f"in/{STEM}.txt",
    }  # fmt: skip
    assert output_names(Outbox(tmp_path).read(place)) == [f"{STEM}.hocr", f"{STEM}.txt"]


def test_documents_with_the_same_name_are_numbered_and_none_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / STEM).parent.mkdir(parents=True)
    (tmp_path / f"{STEM}.alto.xml").write_bytes(b"mine")

    for number in range(3):
        publish_named(Outbox(tmp_path), f"t{number}", f"{number}.pdf")

    stems = {path.with_suffix("").name for path in tmp_path.rglob("*.txt")}
    assert stems == {f"invoice 2041.{number}" for number in (2, 3, 4)}
    assert (tmp_path / f"{STEM}.alto.xml").read_bytes() == b"mine"


def test_a_folder_whose_name_a_file_has_gets_another_one(tmp_path: Path) -> None:
    (tmp_path / "2026").write_bytes(b"mine")

    publish_named(Outbox(tmp_path), "one", "a.pdf")

    assert (tmp_path / "2026").read_bytes() == b"mine"
    assert (tmp_path / "2026~/Ellery/invoice 2041.txt").read_bytes() == b"hi"


def test_a_name_that_is_taken_meanwhile_leaves_nothing_behind(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    named = [replace(draft, stem=STEM) for draft in drafts(outbox)]
    (tmp_path / STEM).parent.mkdir(parents=True)
    (tmp_path / f"{STEM}.txt").write_bytes(b"mine")

    with pytest.raises(FileExistsError):
        outbox.publish("a.pdf.json", answer(), claim(), lambda: True, named)
    outbox.drop(named)

    assert {name for name in kept(tmp_path) if ".ocr-daemon" not in name} == {f"{STEM}.txt"}
    assert (tmp_path / f"{STEM}.txt").read_bytes() == b"mine"


def killed(outbox: Outbox, monkeypatch: pytest.MonkeyPatch, *, at: str) -> None:
    """Publish as a daemon does that is killed at a step: nothing is rolled back."""

    class KilledError(BaseException):
        pass

    def die(step: str, _: str) -> None:
        if step == at:
            raise KilledError

    monkeypatch.setattr(OutputFiles, "_unname", lambda *_: False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(failpoints, "reach", die)
        named = [replace(draft, stem=STEM) for draft in drafts(outbox)]
        with pytest.raises(KilledError):
            outbox.publish("a.pdf.json", answer(), claim(), lambda: True, named)


@pytest.mark.parametrize("step", ["outputs.noted", "outputs.named", "outputs.synced"])
def test_named_outputs_of_a_killed_daemon_are_removed_with_their_folders(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = Outbox(tmp_path)
    killed(outbox, monkeypatch, at=step)

    outbox.discard_drafts("one")
    outbox.roll_back("one")

    assert {name for name in kept(tmp_path) if ".ocr-daemon" not in name} == set()
    assert not (tmp_path / "2026").exists()


@pytest.mark.parametrize("step", ["outputs.noted", "outputs.named"])
def test_the_same_bytes_of_another_document_are_not_rolled_back(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = Outbox(tmp_path)
    killed(outbox, monkeypatch, at=step)
    for path in (tmp_path / "2026").rglob("*") if (tmp_path / "2026").exists() else ():
        if path.is_file():
            path.unlink()  # a person has taken it away
    other = publish_named(outbox, "other", "b.pdf")

    outbox.discard_drafts("one")
    outbox.roll_back("one")

    assert outbox.altered_outputs(other, outbox.read(other) or {}) == []
    assert {f"{STEM}.txt", f"{STEM}.hocr"} <= kept(tmp_path)


@pytest.mark.parametrize(
    "name", ["../x.txt", "/etc/x.txt", "..", "", ".", "a/../../x.txt", ".ocr-daemon/outputs/x.json"]
)
def test_a_listed_name_that_leads_elsewhere_is_no_output(name: str, tmp_path: Path) -> None:
    listed = {"outputs": [{"name": name, "sha256": SHA, "kind": "text"}]}

    assert output_names(listed) == []
    assert Outbox(tmp_path).altered_outputs("in/a.json", listed) == []
    with pytest.raises(ValueError, match="is no name of an output"):
        output_path("in/a.json", name)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([("text", f"{STEM}.2.txt")], f"{STEM}.2"),
        ([("picture", f"{STEM}.page-0001.png")], STEM),
        ([("csv", f"{STEM}.table-0001.csv")], STEM),
        ([("unknown", "x.y"), ("hocr", "b.hocr")], "b"),
        ([("text", "a.pdf.txt")], None),
        ([], None),
        ([("text", "../x.txt")], None),
    ],
)
def test_a_document_that_is_read_again_keeps_the_names_of_its_outputs(names, expected) -> None:
    before = {"outputs": [{"kind": kind, "name": name} for kind, name in names]}

    assert kept_stems("in/a.pdf.json", before).get(None) == expected


def test_a_replacement_puts_named_outputs_into_their_folder_and_removes_the_others(
    tmp_path: Path,
) -> None:
    outbox = Outbox(tmp_path)
    place = publish_named(outbox, "one", "a.pdf")
    new = [replace(outbox.draft("one", "text", ".txt", b"better"), stem=STEM)]
    (tmp_path / f"{STEM}.txt").unlink()  # somebody has collected it

    outbox.replace(place, answer(outputs=[{"name": f"{STEM}.txt"}]), claim(), new)

    assert (tmp_path / f"{STEM}.txt").read_bytes() == b"better"
    assert kept(tmp_path) == {"a.pdf.json", f"{STEM}.txt"}


def test_a_replacement_without_outputs_leaves_no_empty_folder(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    place = publish_named(outbox, "one", "a.pdf")

    outbox.replace(place, answer(), claim())

    assert (kept(tmp_path), folders(tmp_path)) == ({"a.pdf.json"}, set())
