"""Plain text, hOCR and ALTO outputs, rendered from records."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from lxml import etree, html

from daemon.core.records import (
    Block,
    BlockKind,
    Box,
    Cell,
    Document,
    Failure,
    PageText,
    Table,
    TextLine,
    Word,
)
from daemon.outbox import alto, hocr, text
from daemon.supervisor.outputs import _formatted

SCHEMAS = Path(__file__).parent
ALTO = {"a": alto.NAMESPACE}
HTML = {"h": "http://www.w3.org/1999/xhtml"}


class _Beside(etree.Resolver):
    """Finds what a schema imports beside it: no test asks the network."""

    def resolve(self, url: str, public: str, context: object) -> object:
        return self.resolve_filename(str(SCHEMAS / Path(url).name), context)


def official() -> etree.XMLSchema:
    """Return the schema of ALTO 4.4 as its board publishes it, unchanged."""
    parser = etree.XMLParser()
    parser.resolvers.add(_Beside())
    return etree.XMLSchema(etree.parse(str(SCHEMAS / "alto-4-4.xsd"), parser))


SCHEMA = official()


def line(said: str, top: int = 0, *, confidence: float | None = 0.9) -> TextLine:
    """A line of words that are parted by spaces, ten pixels a character."""
    words, place = [], 0
    for part in said.split(" "):
        box = Box(10 * place, top, 10 * (place + len(part)), top + 20)
        words.append(Word(part, confidence, box))
        place += len(part) + 1
    return TextLine(said, confidence, Box.around(word.box for word in words), tuple(words))


def page(number: int = 1, *blocks: Block, said: str = "", **changes: object) -> PageText:
    values = {
        "number": number, "width": 800, "height": 600, "dpi": 200.0, "rotation": 0, "skew": 0.0,
        "text_source": "ocr", "status": "done", "text": said, "confidence": 0.9, "blocks": blocks,
    }  # fmt: skip
    return PageText(**(values | changes))  # type: ignore[arg-type]


TABLE = Block(
    (line("Tea 2", 100), line("17.50", 130)),
    "table",
    Table(
        1, 3,
        (
            Cell(0, 0, 1, 2, Box(0, 90, 90, 125), (0,), "Tea 2"),
            Cell(0, 2, 1, 1, Box(90, 90, 200, 155), (1,), "17.50"),
        ),
    ),
)  # fmt: skip
CHINESE = TextLine(
    "发票号码 2041", 0.8, Box(0, 40, 130, 60),
    (
        Word("发票", 0.8, Box(0, 40, 40, 60)), Word("号码", 0.8, Box(40, 40, 80, 60)),
        Word("2041", 0.8, Box(90, 40, 130, 60)),
    ),
)  # fmt: skip
FULL = page(
    1,
    Block((line("Running title", 0),), "header"),
    Block((line("INVOICE", 20),), "heading"),
    Block((CHINESE, line("typed", 70, confidence=None))),
    TABLE,
    Block((line("- 1 -", 580),), "footer"),
    said="all of it",
)
FAILED = PageText.not_read(2, Failure("corrupt", "page 2 is torn", 2))
DOCUMENT = Document("partial", "application/pdf", (FULL, FAILED), {}, 1)
NAMES = ["a.pdf", 'we "quote" <b>&amp;\\.pdf', "\x1b[2J\udcff\x00.pdf", "发票.pdf"]


def test_the_nth_page_of_a_text_comes_after_n_less_one_form_feeds() -> None:
    pages = (page(1, said="one\ntwo"), FAILED, page(3, said="thr\fee"))

    content = text.render(Document("done", None, pages, {}, 1))

    assert content == b"one\ntwo\n\f\fthr ee\n"


def test_half_a_surrogate_pair_becomes_a_question_mark() -> None:
    assert text.render(Document("done", None, (page(said="a\ud83d"),), {}, 1)) == b"a?\n"


@pytest.mark.parametrize("name", NAMES)
def test_alto_keeps_its_schema_whatever_the_file_is_called(name: str) -> None:
    SCHEMA.assertValid(etree.fromstring(b"".join(alto.render(DOCUMENT, name))))


def test_no_character_that_xml_forbids_reaches_a_file() -> None:
    word = Word("a\x00\x0b\ufffe\ud800b<&", 0.5, Box(0, 0, 9, 9))
    hostile = page(1, Block((TextLine(word.text, 0.5, word.box, (word,)),)))
    document = Document("done", None, (hostile,), {}, 1)

    strings = etree.fromstring(b"".join(alto.render(document, "a"))).findall(".//a:String", ALTO)
    words = etree.fromstring(b"".join(hocr.render(document, "a"))).findall(
        ".//h:span[@id]/h:span", HTML
    )

    assert [strings[0].get("CONTENT"), words[0].text] == ["ab<&", "ab<&"]


def test_a_confidence_that_is_no_number_is_left_out() -> None:
    word = Word("a", float("nan"), Box(0, 0, 9, 9))
    odd = page(1, Block((TextLine("a", word.confidence, word.box, (word,)),)))
    document = Document("done", None, (odd,), {}, 1)

    rendered = [b"".join(alto.render(document, "a")), b"".join(hocr.render(document, "a"))]

    assert not any(said in each for each in rendered for said in (b"nan", b"WC=", b"; x_wconf"))


def test_alto_has_a_space_where_the_line_has_one() -> None:
    layout = etree.fromstring(b"".join(alto.render(DOCUMENT, "a")))
    found = layout.find(".//a:TextLine[@ID='line_1_3_1']", ALTO)

    said = [each.get("CONTENT", " ") for each in found]

    assert said == ["发票", "号码", " ", "2041"]


def test_alto_has_headers_and_footers_in_the_margins_and_a_block_for_each_cell() -> None:
    layout = etree.fromstring(b"".join(alto.render(DOCUMENT, "a")))

    def said(path: str) -> list[str]:
        blocks = layout.findall(path, ALTO)
        return [" ".join(s.get("CONTENT") for s in b.iterfind(".//a:String", ALTO)) for b in blocks]

    assert said(".//a:TopMargin") == ["Running title"]
    assert said(".//a:BottomMargin") == ["- 1 -"]
    assert said(".//a:ComposedBlock[@TYPE='table']/a:TextBlock") == ["Tea 2", "17.50"]
    assert said(".//a:TextBlock[@TAGREFS='heading']") == ["INVOICE"]


def test_boxes_confidences_and_languages_are_those_of_the_records() -> None:
    layout = etree.fromstring(b"".join(alto.render(DOCUMENT, "a")))
    block = layout.find(".//a:TextBlock[@ID='block_1_3']", ALTO)
    first, *_, last = block.iterfind(".//a:String", ALTO)

    assert [first.get(k) for k in ("HPOS", "VPOS", "WIDTH", "HEIGHT", "WC")] == [
        "0", "40", "40", "20", "0.8000",
    ]  # fmt: skip
    assert last.get("WC") is None
    assert block.get("LANG") == "zh"


@pytest.mark.parametrize("name", NAMES)
def test_hocr_is_well_formed_and_says_which_file_it_is_of(name: str) -> None:
    tree = etree.fromstring(b"".join(hocr.render(DOCUMENT, name)))

    pages = tree.findall(".//h:div[@class='ocr_page']", HTML)

    assert [p.get("title").split("; ", 1)[1] for p in pages] == [
        "bbox 0 0 800 600; ppageno 0; scan_res 200 200", "bbox 0 0 0 0; ppageno 1",
    ]  # fmt: skip


def test_hocr_reads_in_a_browser_as_the_lines_do() -> None:
    tree = html.document_fromstring(b"".join(hocr.render(DOCUMENT, "a")))

    found = tree.iterfind(".//span[@class='ocr_line']")
    lines = ["".join(each.itertext()).strip() for each in found]

    assert lines == [
        "Running title", "INVOICE", "发票号码 2041", "typed", "Tea 2", "17.50", "- 1 -",
    ]  # fmt: skip


def test_hocr_has_the_spans_of_cells_and_the_confidence_of_words() -> None:
    tree = html.document_fromstring(b"".join(hocr.render(DOCUMENT, "a")))

    cells = [(cell.get("colspan"), cell.get("title")) for cell in tree.iter("td")]
    word = tree.find(".//span[@id='word_1_3_1_1']")

    assert cells == [("2", "bbox 0 90 90 125"), (None, "bbox 90 90 200 155")]
    assert word.get("title") == "bbox 0 40 40 60; x_wconf 80"


@pytest.mark.parametrize(
    ("orientation", "skew", "angle"), [(90, 0.0, "90"), (0, 2.5, "357.5"), (270, -1.0, "271")]
)
def test_turned_text_says_by_how_many_degrees_counterclockwise(
    orientation: int, skew: float, angle: str
) -> None:
    turned = page(1, Block((line("a"),)), orientation=orientation, skew=skew)
    document = Document("done", None, (turned,), {}, 1)

    found = etree.fromstring(b"".join(alto.render(document, "a"))).find(".//a:Page", ALTO)

    assert found.get("ROTATION") == angle
    assert f"textangle {angle}".encode() in b"".join(hocr.render(document, "a"))


def test_an_output_kind_that_nobody_renders_is_a_bug_and_not_alto() -> None:
    document = Document("done", "image/png", (), {}, 1)

    with pytest.raises(AssertionError, match="picture"):
        _formatted("picture", document, "scan.png")


DIRECTIONS = (
    ("horizontal", 0), ("vertical", 0), ("rotated_90", 270), ("rotated_180", 180),
    ("rotated_270", 90),
)  # fmt: skip


def directed(direction: str, said: str = "a", top: int = 0) -> TextLine:
    return replace(line(said, top), direction=direction)  # type: ignore[arg-type]


@pytest.mark.parametrize(("direction", "counterclockwise"), DIRECTIONS)
@pytest.mark.parametrize("orientation", [0, 90, 180, 270])
@pytest.mark.parametrize("skew", [0.0, 2.5])
def test_a_turned_line_says_its_own_angle_on_the_page_as_shown(
    direction: str, counterclockwise: int, orientation: int, skew: float
) -> None:
    turned = page(1, Block((directed(direction),)), orientation=orientation, skew=skew)
    document = Document("done", None, (turned,), {}, 1)
    expected = (orientation - skew + counterclockwise) % 360

    layout = etree.fromstring(b"".join(alto.render(document, "a")))
    block = layout.find(".//a:TextBlock", ALTO)
    title = (
        html.document_fromstring(b"".join(hocr.render(document, "a"))).find(".//span").get("title")
    )

    inherited = layout.find(".//a:Page", ALTO).get("ROTATION", "0")  # where the block has none
    assert float(block.get("ROTATION", inherited)) == expected
    angle = dict(each.split(" ", 1) for each in title.split("; ")).get("textangle", "0")
    assert float(angle) == expected


def test_a_vertical_line_runs_from_top_to_bottom() -> None:
    document = Document("done", None, (page(1, Block((directed("vertical", "天地"),))),), {}, 1)

    found = etree.fromstring(b"".join(alto.render(document, "a"))).find(".//a:TextLine", ALTO)
    span = html.document_fromstring(b"".join(hocr.render(document, "a"))).find(
        ".//span[@class='ocr_line']"
    )

    assert found.get("BASEDIRECTION") == "ttb"
    assert span.get("style") == "writing-mode: vertical-rl"


def test_lines_that_are_turned_differently_are_in_blocks_of_their_own() -> None:
    lines = (
        directed("horizontal", "one"), directed("horizontal", "two", 30),
        directed("rotated_90", "side", 60), directed("horizontal", "three", 90),
    )  # fmt: skip
    document = Document("done", None, (page(1, Block(lines)),), {}, 1)

    layout = etree.fromstring(b"".join(alto.render(document, "a")))

    SCHEMA.assertValid(layout)
    assert [
        (block.get("ROTATION"), [s.get("CONTENT") for s in block.iterfind(".//a:String", ALTO)])
        for block in layout.iterfind(".//a:TextBlock", ALTO)
    ] == [(None, ["one", "two"]), ("270", ["side"]), (None, ["three"])]


def test_a_turned_heading_of_a_table_keeps_the_schema_and_its_cell() -> None:
    turned = tuple(replace(each, direction="rotated_270") for each in TABLE.lines)
    document = Document("done", None, (page(1, replace(TABLE, lines=turned)),), {}, 1)

    layout = etree.fromstring(b"".join(alto.render(document, "a")))

    SCHEMA.assertValid(layout)
    assert [b.get("ROTATION") for b in layout.iterfind(".//a:TextBlock", ALTO)] == ["90", "90"]


def test_a_seal_is_a_tagged_block_and_a_float() -> None:
    seal = Block((line("甲乙公司"),), "seal")
    document = Document("done", None, (page(1, Block((line("text", 40),)), seal),), {}, 1)

    layout = etree.fromstring(b"".join(alto.render(document, "a")))
    areas = html.document_fromstring(b"".join(hocr.render(document, "a"))).iterfind(".//div/div")

    SCHEMA.assertValid(layout)
    tagged = layout.findall(".//a:PrintSpace/a:TextBlock[@TAGREFS='seal']", ALTO)
    assert [block.find(".//a:String", ALTO).get("CONTENT") for block in tagged] == ["甲乙公司"]
    assert [area.get("class") for area in areas] == ["ocr_carea", "ocr_float"]


@pytest.mark.parametrize("kind", get_args(BlockKind))
def test_no_kind_of_block_is_left_out(kind: BlockKind) -> None:
    block = TABLE if kind == "table" else Block((line("17.50"),), kind)
    document = Document("done", None, (page(1, block),), {}, 1)

    for rendered in (b"".join(alto.render(document, "a")), b"".join(hocr.render(document, "a"))):
        assert b"17.50" in rendered
