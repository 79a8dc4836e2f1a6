"""The bench of whole pages: labels, conditions, readers' processes and tables."""

import json
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
import pytest

from bench import readers
from bench.engines import Engine, seen_or_nothing
from bench.labelled import Condition, LabelledPage, labelled_pages, under
from bench.pages import TURNS, conditions, scored, warmed
from bench.peers import Missing
from bench.readers import PEERS, Seen, Tesseract, changed, line_boxes
from bench.scores import ScoreTotals
from bench.tables import Outcome, as_upright, parts_of, summed, table
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


def outcome(turn, tokens_right, reader="x", page="en_forms_1"):
    totals = ScoreTotals(pages=1, tokens_right=tokens_right, tokens_true=100, tokens_read=100)
    return Outcome(Condition("", turn), reader, page, "en", totals)


def test_a_page_comes_with_what_is_known_of_it(pages_dir):
    form, other = labelled_pages(pages_dir)

    assert (form.name, form.truth, form.labels.tolist()) == (
        "en_forms_1",
        "one two",
        [[10, 20, 50, 30]],
    )
    assert (other.truth, len(other.labels)) == (None, 0)


def test_a_page_as_it_is_is_read_from_its_own_file(pages_dir, tmp_path):
    page = next(labelled_pages(pages_dir))

    assert under(Condition(), page, tmp_path) is page


def test_labels_turn_with_the_page(pages_dir, tmp_path):
    page = next(labelled_pages(pages_dir))

    changed = under(Condition(turn=90), page, tmp_path)

    assert cv2.imread(str(changed.file)).shape == (100, 200, 3)
    assert changed.labels.tolist() == [[170, 10, 180, 50]]


def test_a_damaged_page_is_the_same_in_every_run(pages_dir, tmp_path):
    page = next(labelled_pages(pages_dir))

    first = under(Condition("salt"), page, tmp_path).file.read_bytes()
    second = under(Condition("salt"), page, tmp_path).file.read_bytes()

    assert first == second


def test_each_damage_comes_in_each_turn():
    args = type("Args", (), {"damage": ["salt", "small"], "turn": "all"})

    asked = conditions(args)

    assert asked[:5] == [*(Condition("salt", turn) for turn in TURNS), Condition("small")]


def test_a_page_without_labels_says_nothing_of_lines(pages_dir):
    *_, other = labelled_pages(pages_dir)
    seen = Seen("", np.array([[0.0, 0, 9, 9]]), {"read": 1.0})

    score = scored(Condition(), "x", other, seen)

    assert (score.language, score.totals.found, score.totals.cpu) == (None, 0, 1.0)


@pytest.mark.parametrize(("turn", "joined"), [(0, 0), (90, 2), (270, 2)])
def test_labels_joined_in_a_row_are_told_where_the_page_lies_on_its_side(turn, joined):
    labels = np.array([[0.0, 0, 20, 90], [0, 110, 20, 200]])  # two halves of an upright row
    page = LabelledPage("x_y_z", Path("x.png"), labels, None)

    totals = scored(
        Condition("", turn), "x", page, Seen("", np.array([[0.0, 0, 20, 200]]), {})
    ).totals

    assert (totals.joined, totals.merged) == (joined, 2 - joined)


def test_a_page_counts_to_its_source_its_language_and_the_parts_of_its_name():
    one = Outcome(Condition(), "x", "zh_omnidoc_en_33", "en", ScoreTotals())

    assert list(parts_of(one, ["33", "44"])) == ["omnidoc", "en", "33", "all"]


def test_a_page_that_reads_a_little_worse_on_its_side_reads_as_well():
    said = [outcome(0, 90), outcome(90, 88), outcome(180, 87), outcome(90, 10, page="unknown")]

    assert as_upright(said) == {"x": (1, 2, pytest.approx(0.875))}


def test_the_first_reader_is_set_against_each_other():
    totals_by_reader = summed([outcome(0, 90, "ours"), outcome(0, 60, "peer")], parts_of)

    _, first, second, *_ = table(totals_by_reader)

    assert "1.00" in first.split("|")[1]
    assert second.split("|")[1].split()[0] == "1.50"


class Stub:
    """A reader that says which file it got."""

    name, forks, environment = "stub", False, {}

    def load(self):
        return lambda file: Seen(file.name, np.zeros((0, 4)), {})


class Absent(Stub):
    """A reader that is not installed."""

    name = "absent"

    def load(self):
        raise Missing("no such package")


def test_a_reader_reads_in_a_process_of_its_own_and_knows_its_memory():
    with Engine(Stub()) as engine:
        text, held = engine.read(Path("a.png")).text, engine.memory()

    assert text == "a.png"
    assert held.peak >= held.end > 0


def test_a_reader_that_is_missing_is_said_to_be_and_the_others_read_on(capsys):
    with ExitStack() as stack:
        engines = warmed([Absent(), Stub()], stack)
        names = [engine.name for engine in engines]

    assert names == ["stub"]
    assert "left out: absent: no such package" in capsys.readouterr().out


def test_a_page_that_a_reader_cannot_read_is_said_and_counts_as_empty(capsys):
    def read(_):
        raise ValueError("torn")

    seen = seen_or_nothing(read, Path("a.png"))

    assert (seen.text, seen.boxes.shape) == ("", (0, 4))
    assert "a.png not read: ValueError('torn')" in capsys.readouterr().out


def test_tesseract_without_its_command_is_missing(monkeypatch):
    monkeypatch.setattr(readers.shutil, "which", lambda _: None)

    with pytest.raises(Missing, match="not installed"):
        Tesseract().load()


def test_a_line_of_tesseract_needs_a_word():
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


def test_names_of_readers_carry_no_equals_sign():
    assert not any("=" in name for name in PEERS)
    assert readers.Ours(None, "deskew=off,denoise=median").name == "deskew-off,denoise-median"


def test_a_variant_changes_the_cleaning_that_ships():
    recipe = Recipe(weights=Weights(file=Path("none.pt")))

    preprocessing = changed(recipe, "deskew=off,denoise=median,max_side=900").preprocessing

    assert (preprocessing.deskew, preprocessing.denoise, preprocessing.max_side) == (
        False,
        "median",
        900,
    )
