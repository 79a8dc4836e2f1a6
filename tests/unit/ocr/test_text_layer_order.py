"""Text layers are read in the order of a person, whatever the order in which they were drawn."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from daemon.core.options import Limits, Recipe, Rendering, Weights
from daemon.core.records import PageText
from daemon.ocr import pages
from daemon.ocr.pipeline import Pipeline
from tests.support import samples
from tests.support.samples import shown_text

LEFT = [
    "The committee reviewed the annual",
    "report and the figures that were",
    "sent by the treasurer in March.",
    "All members agreed that the costs",
    "had been kept under control.",
]
RIGHT = [
    "It approved the budget for the",
    "coming fiscal year. The chair then",
    "thanked the staff for the work",
    "and closed the meeting at nine",
    "in the evening of the same day.",
]
TABLE = [
    ["Item", "Qty", "Price", "Sum"],
    ["Pencil", "12", "0.50", "6.00"],
    ["Ruler", "3", "1.20", "3.60"],
    ["Paper", "500", "0.02", "10.00"],
]


def read(tmp_path: Path, content: bytes, **more) -> PageText:
    path = tmp_path / "page.pdf"
    path.write_bytes(samples.pdf_of_content(content, **more))
    pipeline = Pipeline(Recipe(weights=Weights(file=Path("none"))), None)
    with pages.open_document(path, Limits(), Rendering()) as source:
        return pipeline.read_page(source.page(1))


def column(lines, x, top=760, size=11, pitch=15) -> list[bytes]:
    return [shown_text(line, x, top - pitch * k, size) for k, line in enumerate(lines)]


# --- columns ------------------------------------------------------------------------------------


def row_by_row():
    return [b for pair in zip(column(LEFT, 50), column(RIGHT, 320), strict=True) for b in pair]


def in_one_run():
    """Both columns in the same text object, with a jump across the gutter."""
    return [
        f"BT /F 11 Tf 50 {760 - 15 * k} Td ({a}) Tj 270 0 Td ({b}) Tj ET\n".encode()
        for k, (a, b) in enumerate(zip(LEFT, RIGHT, strict=True))
    ]


def word_by_word():
    import pymupdf

    font, content = pymupdf.Font("helv"), []
    for lines, left in ((LEFT, 50.0), (RIGHT, 320.0)):
        for k, line in enumerate(lines):
            x = left
            for word in line.split():
                content.append(shown_text(word, round(x, 2), 760 - 15 * k, 11))
                x += font.text_length(word + " ", fontsize=11)
    random.Random(7).shuffle(content)
    return content


def shuffled():
    content = column(LEFT, 50) + column(RIGHT, 320)
    random.Random(3).shuffle(content)
    return content


def right_first():
    return column(RIGHT, 320) + column(LEFT, 50)


@pytest.mark.parametrize("drawn", [row_by_row, in_one_run, word_by_word, shuffled, right_first])
def test_columns_are_read_one_after_the_other(drawn, tmp_path):
    text = read(tmp_path, b"".join(drawn())).text

    assert text.split() == " ".join(LEFT + RIGHT).split()


@pytest.mark.parametrize("gutter", [14, 20, 40])
def test_a_narrow_gutter_separates_columns_drawn_in_one_run(gutter, tmp_path):
    import pymupdf

    font = pymupdf.Font("helv")
    step = max(font.text_length(line, fontsize=11) for line in LEFT) + gutter
    content = [
        f"BT /F 11 Tf 50 {760 - 15 * k} Td ({a}) Tj {step:.1f} 0 Td ({b}) Tj ET\n".encode()
        for k, (a, b) in enumerate(zip(LEFT * 2, RIGHT * 2, strict=True))
    ]

    assert read(tmp_path, b"".join(content)).text.split() == " ".join(LEFT * 2 + RIGHT * 2).split()


# --- lines, headers, footers --------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_shuffled_lines_are_put_in_order(seed, tmp_path):
    lines = [f"{word} line of the letter to our members." for word in ["First", "Second", "Third"]]
    content = column(lines, 60)
    random.Random(seed).shuffle(content)

    assert read(tmp_path, b"".join(content)).text.split("\n") == lines


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_a_footer_that_is_drawn_first_comes_last(rotate, tmp_path):
    footer = shown_text("Page 1 of 1", 260, 30, 9)
    page = read(tmp_path, footer + b"".join(column(LEFT, 60)), page=b"/Rotate %d" % rotate)

    assert page.text.endswith("Page 1 of 1")
    assert page.text.startswith(LEFT[0])
    assert page.orientation == (360 - rotate) % 360
    assert {line.direction for block in page.blocks for line in block.lines} == {"horizontal"}


def test_a_justified_line_is_not_cut(tmp_path):
    content = shown_text("Words of a line set wide apart", 60, 700, 11, state="").replace(
        b"Tm (", b"Tm 8 Tw ("
    )

    page = read(tmp_path, content)

    assert len(page.blocks[0].lines) == 1
    assert page.text == "Words of a line set wide apart"


def test_dots_that_lead_to_a_number_are_one_line(tmp_path):
    content = shown_text("Contents . . . . . . . . . . . . 17", 60, 700, 11, state="").replace(
        b"Tm (", b"Tm 14 Tw ("
    )

    assert len(read(tmp_path, content).blocks[0].lines) == 1


# --- spaces -------------------------------------------------------------------------------------


def test_letters_set_one_by_one_are_words(tmp_path):
    import pymupdf

    font, x, content = pymupdf.Font("helv"), 60.0, b""
    for letter in "Total amount due":
        if letter != " ":
            content += shown_text(letter, round(x, 2), 700)
        x += font.text_length(letter, fontsize=12)

    assert read(tmp_path, content).text == "Total amount due"


@pytest.mark.parametrize("pitch", [8, 9, 11])
def test_letters_set_at_a_pitch_are_one_word(pitch, tmp_path):
    content = b"".join(shown_text(c, 60 + pitch * k, 700, 11) for k, c in enumerate("Name:"))

    assert read(tmp_path, content).text == "Name:"


# --- tables -------------------------------------------------------------------------------------


def cells(order: str) -> bytes:
    places = [(r, c) for r in range(4) for c in range(4)]
    if order == "by columns":
        places.sort(key=lambda place: place[::-1])
    elif order == "shuffled":
        random.Random(5).shuffle(places)
    return b"".join(shown_text(TABLE[r][c], 60 + 90 * c, 700 - 20 * r) for r, c in places)


LINES = {
    "none": b"",
    "strokes": b"".join(
        [b"%d 640 m %d 714 l S " % (x, x) for x in range(52, 420, 90)]
        + [b"52 %d m 412 %d l S " % (y, y) for y in range(634, 720, 20)]
    ),
    "thin bars": b"".join(
        [b"%d 634 0.7 80 re f " % x for x in range(52, 420, 90)]
        + [b"52 %d 360 0.7 re f " % y for y in range(634, 720, 20)]
    ),
    "boxes": b"".join(
        b"%d %d 90 20 re S " % (52 + 90 * c, 634 + 20 * r) for r in range(4) for c in range(4)
    ),
    "one path": b"".join(b"52 %d m 412 %d l " % (y, y) for y in range(634, 720, 20))
    + b"".join(b"%d 634 m %d 714 l " % (x, x) for x in range(52, 420, 90))
    + b"S ",
}


@pytest.mark.parametrize("order", ["by rows", "by columns", "shuffled"])
@pytest.mark.parametrize("lines", LINES.values(), ids=LINES.keys())
def test_a_table_has_its_cells_by_rows(lines, order, tmp_path):
    page = read(tmp_path, lines + cells(order))

    (block,) = page.blocks
    assert block.kind == "table"
    assert page.text == "\n".join("\t".join(row) for row in TABLE)


@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_ruling_lines_are_found_on_rotated_pages(rotate, tmp_path):
    names = [["Name", "Town"], ["Ann Lee", "Ulm"], ["Bo Ek", "Rome"]]
    words = b"".join(
        shown_text(names[r][c], 60 + 90 * c, 700 - 20 * r) for r in range(3) for c in range(2)
    )
    boxes = b"".join(
        b"%d %d 90 20 re S " % (52 + 90 * c, 654 + 20 * r) for r in range(3) for c in range(2)
    )

    page = read(tmp_path, boxes + words, page=b"/Rotate %d" % rotate)

    (block,) = page.blocks
    assert block.table is not None
    assert [cell.text for cell in block.table.cells] == [name for row in names for name in row]
    assert all(0 <= cell.box.left < cell.box.right <= page.width for cell in block.table.cells)
    assert all(0 <= cell.box.top < cell.box.bottom <= page.height for cell in block.table.cells)


def test_white_lines_divide_nothing(tmp_path):
    names = [["Name", "Town"], ["Ann Lee", "Ulm"], ["Bo Ek", "Rome"]]
    words = b"".join(
        shown_text(names[r][c], 60 + 90 * c, 700 - 20 * r) for r in range(3) for c in range(2)
    )
    boxes = b"".join(
        b"1 G %d %d 90 20 re S " % (52 + 90 * c, 654 + 20 * r) for r in range(3) for c in range(2)
    )

    assert all(block.table is None for block in read(tmp_path, boxes + words).blocks)


# --- other directions ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("matrix", "direction"),
    [(b"0 1 -1 0", "rotated_270"), (b"0 -1 1 0", "rotated_90"), (b"-1 0 0 -1", "rotated_180")],
)
def test_a_note_in_the_margin_is_read_by_its_own_direction(matrix, direction, tmp_path):
    note = b"q BT /F 9 Tf " + matrix + b" 560 400 Tm (Printed on recycled paper) Tj ET Q\n"

    page = read(tmp_path, note + b"".join(column(LEFT + RIGHT, 60)))

    lines = [line for block in page.blocks for line in block.lines]
    assert [line.direction for line in lines] == ["horizontal"] * 10 + [direction]
    assert page.text.split("\n")[:10] == LEFT + RIGHT
    assert page.text.endswith("\n\nPrinted on recycled paper")
    assert page.orientation == 0


POEM = ["床前明月光疑是地上霜", "举头望明月低头思故乡", "春眠不觉晓处处闻啼鸟"]
VERTICAL_FONT = (
    b"<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-V/DescendantFonts["
    b"<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light"
    b"/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 4>>"
    b"/FontDescriptor<</Type/FontDescriptor/FontName/STSong-Light/Flags 4/ItalicAngle 0"
    b"/FontBBox[-25 -254 1000 880]/Ascent 880/Descent -120/CapHeight 880/StemV 93>>>>]>>"
)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_columns_of_vertical_chinese_are_read_from_the_right(order, tmp_path):
    content = b"".join(
        b"BT /V 20 Tf 1 0 0 1 %d 780 Tm <%s> Tj ET\n"
        % (500 - 30 * k, POEM[k].encode("utf-16-be").hex().encode())
        for k in order
    )

    page = read(tmp_path, content, objects=[VERTICAL_FONT], fonts=b"/V 5 0 R")

    assert page.text.split() == POEM
    assert page.orientation == 0
    assert {line.direction for block in page.blocks for line in block.lines} == {"vertical"}
