"""What a real daemon, and `once`, read otherwise in the folders of a profile."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.cli.batch import find
from tests.support.running_daemon import Workspace, until
from tests.support.samples import pdf_of_images, pdf_of_text, png, text_page
from tests.unit.config.test_profiles import named

Write = Callable[..., Path]


PROFILES = [
    named("short", "short", limits={"pages": 1}),
    named("again", "*/again", pdf={"text_layer": "never"}, segmenter="dbnet", quiet_seconds=0),
    named("urgent", priority=10),
    named("at-once", "now", quiet_seconds=0),
]
TEXT = pdf_of_text([["Second scan"]])
PAGES = pdf_of_images([text_page([line]) for line in ("First page", "Second page")])


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """What lies there when the daemon starts is read in the order that is asked for.

    The lines of the top level are found without a network, so that one profile alone needs it.
    """
    made = Workspace(tmp_path_factory.mktemp("workspace"), profiles=PROFILES, segmenter="opencv")
    for name in ("pile/scan10.png", "pile/scan1.png", "pile/Scan2.png", "urgent/b.png"):
        made.drop(name, png(text_page([name])))
    with made.running():
        yield made


def test_files_are_taken_by_priority_and_as_people_count(workspace: Workspace) -> None:
    workspace.answer("pile/scan10.png.json")
    expected = ["urgent/b.png", "pile/scan1.png", "pile/Scan2.png", "pile/scan10.png"]

    def names_in_order() -> list[str]:
        done = [event for event in workspace.events() if event["event"] == "document.done"]
        return [event["name"] for event in done if event["name"] in expected]

    until(lambda: len(names_in_order()) == len(expected), what="all four are logged")
    assert names_in_order() == expected


def test_a_profile_reads_otherwise_in_the_same_workers(workspace: Workspace) -> None:
    workspace.drop("plain/text.pdf", TEXT)
    workspace.drop("plain/again/text.pdf", TEXT)

    plain, again = (
        workspace.answer(f"{name}.json") for name in ("plain/text.pdf", "plain/again/text.pdf")
    )

    assert [each["pages"][0]["text_source"] for each in (plain, again)] == ["text_layer", "ocr"]
    assert plain["text"] == again["text"] == "Second scan"
    assert plain["engine"]["profile"].startswith("default@")
    assert again["engine"]["profile"].startswith("again@")
    assert (plain["status"], again["status"]) == ("done", "done")  # the same bytes, no duplicate


def test_the_limits_of_a_profile_are_those_of_its_folders_alone(workspace: Workspace) -> None:
    workspace.drop("short/two.pdf", PAGES)
    workspace.drop("long/two.pdf", PAGES)

    short, long = (workspace.answer(f"{name}/two.pdf.json") for name in ("short", "long"))

    assert (short["status"], short["error"]["class"]) == ("failed", "too_large")
    assert "limits.pages is 1" in short["error"]["message"]
    assert (long["status"], len(long["pages"])) == ("done", 2)


def test_the_same_bytes_in_folders_of_one_profile_are_a_duplicate(workspace: Workspace) -> None:
    workspace.drop("now/first/x.png", png(text_page(["Once is enough"])))
    workspace.answer("now/first/x.png.json")
    workspace.drop("now/second/x.png", png(text_page(["Once is enough"])))

    assert workspace.answer("now/second/x.png.json")["status"] == "duplicate"


def test_a_retried_file_goes_by_the_profile_of_the_folder_that_it_is_put_in(
    workspace: Workspace,
) -> None:
    workspace.drop("short/once.pdf", pdf_of_images([text_page(["One"]), text_page(["Two"])]))
    workspace.answer("short/once.pdf.json")
    until((workspace.failed / "short/once.pdf").exists)

    (workspace.failed / "short/once.pdf").rename(workspace.inbox / "once.pdf")

    assert workspace.answer("once.pdf.json")["status"] == "done"


def test_a_quiet_time_of_0_takes_a_file_at_first_sight_and_the_others_wait(tmp_path: Path) -> None:
    watch = {"quiet_seconds": 300, "incomplete_seconds": 300, "rescan_seconds": 300}
    patient = Workspace(tmp_path, watch=watch, profiles=[named("now", quiet_seconds=0)])
    with patient.running():
        patient.drop("later.png", png(text_page(["Later"])))
        cut_short = patient.inbox / "now/cut.png"
        cut_short.parent.mkdir()
        cut_short.write_bytes(png(text_page(["Whole"]))[:-12])
        patient.drop("now/here.png", png(text_page(["At once"])))

        assert patient.answer("now/here.png.json")["text"] == "At once"
        assert patient.files_in(patient.inbox) >= {"later.png", "now/cut.png"}
        cut_short.write_bytes(png(text_page(["Whole"])))
        assert patient.answer("now/cut.png.json")["text"] == "Whole"


def test_once_reads_by_the_profile_that_is_named(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, profiles=[named("again", pdf={"text_layer": "never"})])
    path = tmp_path / "again/text.pdf"
    path.parent.mkdir()
    path.write_bytes(TEXT)

    workspace.command("once", str(path), "--profile", "again")
    unknown = workspace.command("once", str(path), "--text", "--profile", "agian")

    answer = json.loads((tmp_path / "again/text.pdf.json").read_text())
    assert answer["pages"][0]["text_source"] == "ocr"
    assert answer["engine"]["profile"].startswith("again@")
    assert unknown.returncode == 78
    assert "known: default, again" in unknown.stderr


def test_once_walks_a_folder_as_people_count(tmp_path: Path) -> None:
    for name in ("scan10.png", "scan2.png", "b10/1.png", "b9/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")

    names = [name for name, _ in find([tmp_path], ())]

    assert names == ["b9/1.png", "b10/1.png", "scan2.png", "scan10.png"]
