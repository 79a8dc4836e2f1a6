"""The structure of a page: headings, paragraphs, lists, told by lines and their boxes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.core.records import Block, Box, Direction, PageText, TextLine
from daemon.core.structure import (
    Heading,
    HeadingLevels,
    ListItem,
    Paragraph,
    elements,
    joined,
    regular,
    tables,
)
from tests.support.page_texts import SIZE, line, lines, page, spanned, table

FULL = "The archive is open to every reader who has asked in writing, quietly and"
FULL_ZH = "本馆收藏本市的信件和地图，工作日对读者开放，来访前请提前书面申请"


def found(*blocks: Block, **changes: object) -> list[object]:
    return list(elements(page(*blocks, **changes)))


def test_rows_of_running_text_are_joined_and_others_are_line_breaks() -> None:
    running = lines(FULL, "for a good reason.")
    address = lines("Harbour & Lane", "14 Quay Street", "Port Ellery")

    assert found(running) == [Paragraph(f"{FULL} for a good reason.")]
    assert found(address) == [Paragraph("Harbour & Lane\n14 Quay Street\nPort Ellery")]


def test_rows_of_chinese_are_joined_without_a_space() -> None:
    assert found(lines(FULL_ZH, "贵重资料只能在馆内查阅。")) == [
        Paragraph(f"{FULL_ZH}贵重资料只能在馆内查阅。")
    ]


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("memory-", "efficient", "memory-efficient"), ("pages 3 -", "and 4", "pages 3 - and 4"),
        ("one", "two", "one two"), ("发票", "号码", "发票号码"), ("发票", "No. 5", "发票 No. 5"),
    ],
)  # fmt: skip
def test_a_hyphen_at_the_end_of_a_row_stays(first: str, second: str, together: str) -> None:
    assert joined(first, second) == together


def test_an_indented_row_begins_a_paragraph() -> None:
    block = lines(FULL, "ends here quickly.", (40, FULL), "and goes on, quietly.")

    assert [each.text.split()[-1] for each in found(block)] == ["quickly.", "quietly."]  # type: ignore[attr-defined]


@pytest.mark.parametrize("scale", [1.12, 1.17, 1.3, 1.5])
@pytest.mark.parametrize(("title", "text"), [("Opening hours", FULL), ("开放时间", FULL_ZH)])
def test_a_larger_row_above_a_paragraph_is_a_heading(scale: float, title: str, text: str) -> None:
    size = round(scale * SIZE)
    block = lines(text, text, text, top=100 + 2 * size)

    first, _ = found(Block((line(title, size=size), *block.lines)))

    assert isinstance(first, Heading)
    assert first.text == title


@pytest.mark.parametrize(
    "text", ["Dear Sir,", "Total:", "It is open.", "17.50", "- open", "lower case", "一共17.50元。"]
)
def test_what_does_not_read_as_a_title_is_no_heading(text: str) -> None:
    block = lines(FULL, FULL, top=150)

    assert not any(
        isinstance(each, Heading) for each in found(Block((line(text, size=30), *block.lines)))
    )


def test_a_short_row_of_the_same_size_close_to_others_is_no_heading() -> None:
    assert not any(isinstance(each, Heading) for each in found(lines("Quay Street", FULL, FULL)))


def test_levels_follow_the_sizes_of_the_whole_document() -> None:
    def titled(text: str, size: int) -> Block:
        return replace(lines(text, size=size), kind="heading")

    body = lines(FULL, FULL, FULL, FULL, top=300)
    pages = [
        page(titled("Second quiz", 36), body),
        page(titled("First quiz", 50), body, titled("Third quiz", 29)),
        page(titled("Another quiz", 35), body),
    ]

    levels = HeadingLevels(pages)

    texts = {
        each.text: each.level
        for one in pages
        for each in elements(one, levels)
        if isinstance(each, Heading)
    }
    assert texts == {"First quiz": 1, "Second quiz": 2, "Another quiz": 2, "Third quiz": 3}


@pytest.mark.parametrize("mark", ["• ", "- ", "– ", "* ", "· ", "■ ", "•"])
def test_rows_with_bullets_are_items_and_hang(mark: str) -> None:
    block = lines(f"{mark}{FULL}", (24, "well."), f"{mark}Closed", (48, f"{mark}on Mondays"))

    assert found(block) == [
        ListItem(f"{FULL} well.", None, 0), ListItem("Closed", None, 0),
        ListItem("on Mondays", None, 1),
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["{}. ", "{}) ", "({}) ", "{}、", "（{}）"])
@pytest.mark.parametrize("first", [1, 9, 41])
def test_rows_with_numbers_that_follow_each_other_are_items(form: str, first: int) -> None:
    block = lines(*(f"{form.format(first + step)}开放" for step in range(3)))

    assert found(block) == [ListItem("开放", first + step) for step in range(3)]


@pytest.mark.parametrize(
    "rows",
    [
        ("3. March is wet", "5. May is dry"), ("- on its own, it is a dash",),
        ("1.5 litres", "2.5 litres"), ("-5 degrees", "-6 degrees"), ("2026. A year", "2027. One"),
        ("a) first", "b) second"), ("一、开放", "二、关闭"),
    ],
)  # fmt: skip
def test_other_marks_stay_in_the_text(rows: tuple[str, ...]) -> None:
    texts = [each.text for each in found(lines(*rows)) if isinstance(each, Paragraph)]

    assert "\n".join(texts) == "\n".join(rows)


def test_an_item_whose_bullet_was_not_read_is_one_all_the_same() -> None:
    block = lines("• Open on Monday.", (24, "Closed on Sunday."), "• Late")

    texts = [each.text for each in found(block) if isinstance(each, ListItem)]

    assert texts == ["Open on Monday.", "Closed on Sunday.", "Late"]


def test_a_bullet_that_was_read_twice_is_one() -> None:
    block = lines("* Open", "* Closed")
    ghost = line("*", 104, 110, size=10)
    alone = Block((ghost, *block.lines[:1], line("*", 104, 146, size=10), line("Late", 130, 136)))

    assert found(alone) == [ListItem("Open", None), ListItem("Late", None)]


def turned(block: Block, turn: int, shown: PageText, direction: Direction) -> Block:
    """The block on a page that is turned counterclockwise by `turn`."""

    def box(at: Box) -> Box:
        match turn:
            case 90:
                return Box(at.top, shown.height - at.right, at.bottom, shown.height - at.left)
            case 180:
                return Box(
                    shown.width - at.right, shown.height - at.bottom,
                    shown.width - at.left, shown.height - at.top,
                )  # fmt: skip
            case 270:
                return Box(shown.width - at.bottom, at.left, shown.width - at.top, at.right)
        return at

    def moved(each: TextLine) -> TextLine:
        words = tuple(replace(word, box=box(word.box)) for word in each.words)
        return replace(each, box=box(each.box), words=words, direction=direction)

    return replace(block, lines=tuple(map(moved, block.lines)))


@pytest.mark.parametrize(
    ("orientation", "direction", "turn"),
    [
        (0, "horizontal", 0), (90, "horizontal", 90), (180, "horizontal", 180),
        (270, "horizontal", 270), (0, "rotated_90", 270), (0, "rotated_180", 180),
        (0, "rotated_270", 90), (0, "vertical", 270), (90, "rotated_90", 0),
    ],
)  # fmt: skip
def test_a_page_that_lies_otherwise_has_the_same_structure(
    orientation: int, direction: Direction, turn: int
) -> None:
    block = lines("1. Open quietly", "2. Closed", FULL, "to all.")
    blank = page()
    sides = (blank.height, blank.width) if turn in (90, 270) else (blank.width, blank.height)
    shown = replace(blank, width=sides[0], height=sides[1], orientation=orientation)

    lying = replace(shown, blocks=(turned(block, turn, shown, direction),))

    assert elements(lying) == elements(page(block))


def test_tables_come_in_order_with_their_pages() -> None:
    pages = [page(table(["a"]), table(["b"])), page(number=2), page(table(["c"]), number=3)]

    assert [(number, each.cells[0].text) for number, each in tables(pages)] == [
        (1, "a"), (1, "b"), (3, "c"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "cells",
    [
        [(0, 0, 2, 1, "a"), (1, 0, 1, 1, "b")],  # they overlap
        [(0, 0, 1, 3, "a"), (1, 0, 1, 1, "b")],  # outside
        [(-1, 0, 1, 1, "a"), (1, 0, 1, 1, "b")],
        [(0, 0, 0, 1, "a"), (1, 0, 1, 1, "b")],
    ],
)
def test_a_table_that_cannot_be_keeps_its_texts(
    cells: list[tuple[int, int, int, int, str]],
) -> None:
    (block,) = page(spanned(2, 2, *cells)).blocks
    assert block.table is not None

    made = regular(block.table)

    assert [(cell.row, cell.column, cell.text) for cell in made.cells] == [(0, 0, "a"), (1, 0, "b")]
    assert (made.rows, made.columns) == (2, 1)


def test_a_table_of_a_million_rows_is_as_large_as_its_cells() -> None:
    (block,) = page(spanned(1_000_000, 1, (0, 0, 1_000_000, 1, "a"))).blocks
    assert block.table is not None

    assert regular(block.table).rows == 1
