"""The page pipeline, with a recogniser that reads line heights."""

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from daemon.core.errors import Rejected
from daemon.core.options import Recipe, Weights
from daemon.core.records import Block, Box, DocumentWarning, Failure, Page, TextLine, Word
from daemon.ocr import pages, pipeline
from daemon.ocr.records import RecognizedCharacter, RecognizedLine
from tests.support.samples.tables import DrawnPage, grid

RECIPE = Recipe(weights=Weights(file=Path("none.pt")))


class LineHeightRecognizer:
    """Reads every line as its height in pixels, with a given confidence."""

    precision = "fp32"

    def __init__(self, confidence=0.9):
        self.confidence = confidence

    def read(self, lines):
        return [self.reading(str(line.image.shape[0])) for line in lines]

    def reading(self, text):
        characters = tuple(RecognizedCharacter(c, self.confidence, 0.0, 1.0) for c in text)
        return RecognizedLine(text, self.confidence, characters)


class FakeDocument:
    """A document of given pages; an exception in place of a page is raised."""

    media_type = "application/pdf"
    warnings = (DocumentWarning("attachments_not_read", "2 files are attached"),)

    def __init__(self, content):
        self.content = content
        self.requested = []

    @property
    def page_count(self):
        return len(self.content)

    def page(self, number):
        self.requested.append(number)
        page = self.content[number - 1]
        if isinstance(page, Exception):
            raise page
        return page


def written(number=1, lines=2, **more):
    image = np.full((400, 600, 3), 255, np.uint8)
    for k in range(lines):
        place = (40, 80 + 60 * k)
        cv2.putText(image, "Some words here", place, cv2.FONT_HERSHEY_SIMPLEX, 1, (0, 0, 0), 2)
    return Page(number=number, width=600, height=400, image=image, **more)


def reading_of(monkeypatch, *content):
    document = FakeDocument(content)

    @contextmanager
    def opened(path, limits, rendering, stamp, *, in_gray, with_picture):
        yield document

    monkeypatch.setattr(pages, "open_document", opened)
    return pipeline.Pipeline(RECIPE, LineHeightRecognizer()), document


def test_a_page_is_read_line_by_line():
    text = pipeline.Pipeline(RECIPE, LineHeightRecognizer()).read_page(written(number=4, lines=3))

    assert text.number == 4
    assert len([line for block in text.blocks for line in block.lines]) == 3
    assert text.confidence == pytest.approx(0.9)


def test_a_blank_page_is_done_and_empty():
    text = pipeline.Pipeline(RECIPE, LineHeightRecognizer()).read_page(written(lines=0))

    assert (text.status, text.text, text.blocks) == ("done", "", ())


def test_a_ruled_table_is_published_with_its_cells():
    drawn_page = DrawnPage()
    texts = {(r, r + 1, c, c + 1): "words" for r in range(2) for c in range(3)}
    grid(drawn_page, (100, 400, 700, 1000), (100, 160, 220), texts)
    image = cv2.cvtColor(drawn_page.image, cv2.COLOR_GRAY2BGR)
    page = Page(number=1, width=drawn_page.width, height=drawn_page.height, image=image)

    text = pipeline.Pipeline(RECIPE, LineHeightRecognizer()).read_page(page)

    (block,) = text.blocks
    assert (block.kind, block.table.rows, block.table.columns) == ("table", 2, 3)
    assert [row.count("\t") for row in text.text.splitlines()] == [2, 2]


def test_guesswork_is_not_published():
    text = pipeline.Pipeline(RECIPE, LineHeightRecognizer(confidence=0.1)).read_page(written())

    assert text.blocks == ()


def test_a_text_layer_is_published_without_ocr():
    layer = (Block((TextLine("layer", None, Box(0, 0, 9, 9), ()),)),)
    page = Page(
        number=1, width=600, height=400, image=np.empty((0, 0, 3), np.uint8), text_layer=layer
    )

    text = pipeline.Pipeline(RECIPE, LineHeightRecognizer()).read_page(page)

    assert (text.text, text.text_source) == ("layer", "text_layer")


def layer(*lines):
    return (Block(tuple(lines)),)


def typed(text, left, top, right, bottom):
    box = Box(left, top, right, bottom)
    return TextLine(text, None, box, (Word(text, None, box),))


def test_the_rest_of_a_page_is_read_and_placed_among_the_lines_of_the_text_layer():
    text_layer = layer(typed("above", 40, 10, 200, 40), typed("below", 40, 300, 200, 330))
    reader = pipeline.Pipeline(RECIPE, LineHeightRecognizer())

    text = reader.read_page(written(lines=2, text_layer=text_layer))

    first, second, third, fourth = text.text.split()
    assert (first, fourth) == ("above", "below")
    assert second.isdigit()
    assert third.isdigit()
    assert text.text_source == "mixed"
    assert text.confidence == pytest.approx(0.9)


def test_a_page_without_legible_lines_is_its_text_layer():
    beside = written(lines=0, text_layer=layer(typed("as it was typed", 0, 0, 60, 20)))
    beside.image[300:320, 300:360] = 90

    text = pipeline.Pipeline(RECIPE, LineHeightRecognizer(0.1)).read_page(beside)

    assert (text.text, text.text_source) == ("as it was typed", "text_layer")


@pytest.mark.parametrize("confidence", [0.1, 0.8])
def test_a_photo_beside_text_adds_no_guesswork(confidence):
    exact = "Exact text, enough of it to say how the page stands. " * 2
    text_layer = layer(typed(exact, 40, 10, 590, 40))
    reader = pipeline.Pipeline(RECIPE, LineHeightRecognizer(confidence))

    text = reader.read_page(written(lines=2, text_layer=text_layer))

    assert (text.text, text.text_source) == (exact, "text_layer")


def test_a_page_with_enough_text_has_the_orientation_of_its_text():
    class Doubtful(LineHeightRecognizer):
        calls = 0

        def read(self, lines):
            self.calls += 1
            return super().read(lines)

    doubtful = Doubtful(confidence=0.5)
    text_layer = layer(typed("A long line of exact text. " * 9, 40, 10, 590, 40))

    pipeline.Pipeline(RECIPE, doubtful).read_page(written(text_layer=text_layer))

    assert doubtful.calls == 2  # a sample and the rest of one view, not of four


def test_a_defect_makes_a_page_partial():
    page = written(defect="The image ends early.")

    text = pipeline.Pipeline(RECIPE, LineHeightRecognizer()).read_page(page)

    assert (text.status, text.failure) == ("partial", Failure("damaged", "The image ends early."))
    assert text.text


def test_an_image_file_is_read_from_the_disk(tmp_path):
    path = tmp_path / "scan.png"
    cv2.imwrite(str(path), written().image)

    read = pipeline.Pipeline(RECIPE, LineHeightRecognizer()).read_pages(path)

    assert (read.media_type, read.page_count, len(read.pages)) == ("image/png", 1, 1)
    assert len(read.pages[0].text.split()) == 2


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(1, None, [1, 2, 3]), (2, 2, [2]), (2, 99, [2, 3]), (3, 3, [3]), (4, 9, [])],
)
def test_only_the_requested_pages_are_decoded(monkeypatch, first, last, expected):
    reader, document = reading_of(monkeypatch, *(written(number=n) for n in (1, 2, 3)))

    read = reader.read_pages(Path("x"), first, last)

    assert document.requested == expected
    assert [page.number for page in read.pages] == expected
    assert read.page_count == 3


def test_one_damaged_page_of_several_fails_alone(monkeypatch):
    broken = Rejected("corrupt", "Page 2 cannot be decoded.")
    reader, _ = reading_of(monkeypatch, written(1), broken, written(3))

    read = reader.read_pages(Path("x"))

    assert [page.status for page in read.pages] == ["done", "failed", "done"]
    why = Failure("corrupt", "Page 2 cannot be decoded.")
    assert (read.pages[1].number, read.pages[1].failure) == (2, why)


def test_the_warnings_of_document_and_pages_are_returned(monkeypatch):
    complaint = DocumentWarning("renderer_message", "An image is broken.", 2)
    reader, document = reading_of(monkeypatch, written(1), written(2, warnings=(complaint,)))

    read = reader.read_pages(Path("x"))

    assert read.warnings == document.warnings
    assert [page.warnings for page in read.pages] == [(), (complaint,)]


def test_a_document_whose_only_page_is_damaged_is_rejected(monkeypatch):
    reader, _ = reading_of(monkeypatch, Rejected("corrupt", "It cannot be decoded."))

    with pytest.raises(Rejected, match="cannot be decoded"):
        reader.read_pages(Path("x"))


def test_seconds_are_reported_by_stage_and_do_not_overlap(monkeypatch):
    now = iter(range(1000))
    monkeypatch.setattr(pipeline, "perf_counter", lambda: next(now))
    reader, _ = reading_of(monkeypatch, written(1), written(2))

    read = reader.read_pages(Path("x"))

    assert list(read.seconds) == ["decode", "clean", "segment", "recognize", "assemble"]
    assert read.seconds["clean"] == 2
    assert read.seconds["decode"] == 3


def read_with(monkeypatch, recipe, *content):
    reading_of(monkeypatch, *content)
    return pipeline.Pipeline(recipe, LineHeightRecognizer()).read_pages(Path("any")).pages


def test_codes_and_blankness_are_told_only_where_they_are_asked_for(monkeypatch):
    empty = Page(number=1, width=600, height=400, image=np.full((400, 600, 3), 255, np.uint8))

    (plain,) = read_with(monkeypatch, RECIPE, empty)
    asked = replace(RECIPE, codes=("any",), marks_blank=True)
    (told,) = read_with(monkeypatch, asked, empty)

    assert (plain.codes, plain.blank) == (None, None)
    assert (told.codes, told.blank, told.status) == ((), True, "done")


def test_a_page_with_text_or_a_code_or_a_part_that_is_missing_is_not_blank(monkeypatch):
    white = np.full((400, 600, 3), 255, np.uint8)
    empty = Page(number=1, width=600, height=400, image=white)
    warned = replace(empty, warnings=(DocumentWarning("renderer_message", "a stream ended early"),))
    torn = replace(empty, defect="the lower part is missing")
    lost = replace(empty, not_rendered=(Box(10, 10, 90, 90),))
    recipe = replace(RECIPE, codes=("any",), marks_blank=True)

    read = read_with(monkeypatch, recipe, written(), warned, torn, lost)

    assert [page.blank for page in read] == [False, False, False, False]
