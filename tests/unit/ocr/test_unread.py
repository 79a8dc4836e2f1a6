"""What looks like text and is not published: where it is listed, and when a page is partial."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.records import Box, Code, Failure, PageText, TextLine, UnreadRegion
from daemon.ocr.assemble import unread
from daemon.ocr.assemble.frame import CoordinateFrame
from daemon.ocr.records import LineCrop
from tests.unit.ocr.assembling import clean, page, reading

FRAME = CoordinateFrame(page(), clean())


def line(left, top, right, bottom):
    image = np.full((bottom - top, right - left), 255, np.uint8)
    return LineCrop(Box(left, top, right, bottom), image)


def row(number, characters, height=20):
    """A line of about `characters` characters, in a row of its own."""
    top = 40 * number
    return line(0, top, characters * height, top + height)


def rejected(*lines, text="rubbish", confidence=0.3):
    return [(each, reading(text, confidence)) for each in lines]


def found(missing, published=(), layer=(), frame=FRAME):
    return unread.find(missing, published, layer, frame)


def test_a_page_without_rejected_readings_lacks_nothing():
    nothing = found([], [row(0, 20)])

    assert (nothing.regions, nothing.share, nothing.failure) == ((), 0.0, None)


def test_an_empty_page_lacks_nothing():
    assert found([]) == unread.UnreadText()


def test_a_region_has_the_box_of_the_line_on_the_page_as_shown():
    half = CoordinateFrame(page(), clean(zoom=0.5, shift=(7.0, 3.0)))

    [region] = found(rejected(line(10, 20, 110, 40)), frame=half).regions

    assert region == UnreadRegion(Box(27, 43, 227, 83), "low_confidence")


@pytest.mark.parametrize(
    ("height", "text", "reason"),
    [
        (20, "rubbish", "low_confidence"),
        (20, "", "not_legible"),
        (20, "  ", "not_legible"),
        (9, "rubbish", "low_confidence"),
        (8, "rubbish", "too_small"),
        (8, "", "too_small"),
        (3, "", "too_small"),
    ],
)
def test_the_reason_is_the_size_of_the_line_or_else_its_reading(height, text, reason):
    [region] = found(rejected(line(0, 0, 300, height), text=text)).regions

    assert region.reason == reason


def test_a_line_on_its_side_is_too_small_by_its_shorter_side():
    [region] = found(rejected(line(0, 0, 8, 300))).regions

    assert region.reason == "too_small"


@pytest.mark.parametrize(
    ("width", "height", "count"), [(20, 20, 0), (29, 20, 0), (30, 20, 1), (20, 29, 0), (20, 30, 1)]
)
def test_a_single_mark_is_not_listed(width, height, count):
    assert len(found(rejected(line(0, 0, width, height)), [row(9, 20)]).regions) == count


@pytest.mark.parametrize(
    ("text", "count"), [("4u6", 1), ("的.", 1), ("o", 0), ("", 0), ("..", 0), ("一", 0)]
)
@pytest.mark.parametrize("height", [70, 90, 120])
def test_a_short_word_alone_on_a_page_is_listed_whatever_its_shape(text, count, height):
    alone = found(rejected(line(0, 0, 90, height), text=text))

    assert len(alone.regions) == count
    assert bool(alone.failure) == bool(count)


def test_a_photograph_alone_on_a_page_is_no_word():
    picture = line(0, 0, 90, 90)
    picture.image[:] = np.linspace(0, 255, 90).astype(np.uint8)

    assert not found(rejected(picture, text="Ma")).regions


@pytest.mark.parametrize(
    ("published", "count"),
    [
        ([], 1),
        ([line(0, 0, 400, 40)], 0),
        ([line(0, 0, 110, 40)], 1),  # 55 % of it
        ([line(0, 0, 130, 40)], 0),  # 65 %
        ([line(0, 0, 70, 40), line(70, 0, 140, 40)], 0),
        ([line(0, 60, 400, 100)], 1),
    ],
)
def test_what_published_lines_cover_is_not_missing(published, count):
    assert len(found(rejected(line(0, 10, 200, 30)), published).regions) == count


@given(
    missing=st.lists(st.integers(2, 60), max_size=5), read=st.lists(st.integers(2, 60), max_size=5)
)
def test_the_share_is_that_of_the_length_in_characters(missing, read):
    rows = [row(k, length) for k, length in enumerate([*missing, *read])]

    unpublished = found(rejected(*rows[: len(missing)]), rows[len(missing) :])

    assert unpublished.length == pytest.approx(sum(missing))
    assert unpublished.share == pytest.approx(sum(missing) / max(1, sum(missing) + sum(read)))


@pytest.mark.parametrize("height", [10, 20, 80])
def test_the_size_of_the_letters_does_not_change_the_share(height):
    rows = [row(0, 10, height), row(4, 30, 20)]

    assert found(rejected(rows[0]), rows[1:]).share == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("missing", "read", "is_partial"),
    [
        ([10], [], True),
        ([10], [90], True),
        ([9], [91], False),
        ([5, 5], [90], True),
        ([4], [36], False),  # too little for a warning
        ([2], [], True),  # nothing is published of a page that is not empty
        ([5], [], True),
    ],
)
def test_a_page_that_lacks_a_tenth_of_its_text_and_some_characters_is_partial(
    missing, read, is_partial
):
    rows = [row(k, length) for k, length in enumerate([*missing, *read])]

    failure = found(rejected(*rows[: len(missing)]), rows[len(missing) :]).failure

    assert (failure is not None) is is_partial


def test_the_text_layer_is_text_of_the_page():
    layer = [TextLine("two of its letters are as long as high " * 5, None, Box(0, 0, 9, 9), ())]
    missing = rejected(row(3, 10))

    assert found(missing).failure
    assert found(missing, layer=layer).share == pytest.approx(10 / (10 + 195 / 2))
    assert found(missing, layer=layer).failure is None


def test_the_sentence_says_how_many_places_how_much_and_what_helps():
    one = found(rejected(row(0, 10)), [row(1, 30)]).failure
    small = found(rejected(row(0, 40, 8), row(1, 40, 8), row(2, 10)), [row(3, 10)]).failure

    assert one.kind == small.kind == "unread"
    assert one.message == (
        "a place that looks like text could not be read, 25 % of the text; "
        "read them in the original, or scan it sharper"
    )
    assert small.message == (
        "3 places that look like text could not be read, 90 % of the text; "
        "scan it at a higher resolution"
    )


@pytest.mark.parametrize(("rows", "count"), [(2, 0), (5, 0), (14, 1)])
def test_a_dot_leader_is_not_listed_and_a_line_of_letters_is(rows, count):
    image = np.full((20, 300), 255, np.uint8)
    image[18 - rows : 18, ::6] = 0
    leader = LineCrop(Box(0, 0, 300, 20), image)

    assert len(found(rejected(leader, text="......"), [row(9, 20)]).regions) == count


@pytest.mark.parametrize(
    ("width", "text", "count"), [(38, "", 0), (40, "", 1), (38, "lt", 1), (40, " ", 1)]
)
def test_a_mark_in_which_no_character_is_seen_is_listed_from_twice_its_height(width, text, count):
    assert len(found(rejected(line(0, 0, width, 20), text=text), [row(9, 20)]).regions) == count


@pytest.mark.parametrize(("height", "count"), [(69, 0), (71, 1)])
def test_a_tall_single_character_is_not_listed(height, count):
    assert len(found(rejected(line(0, 0, 20, height)), [row(9, 20)]).regions) == count


def test_what_looks_like_text_within_a_code_is_the_code():
    code = Code("SEPARATOR", "QR Code", Box(100, 100, 300, 300))
    inside, beside = Box(90, 95, 310, 200), Box(280, 100, 600, 140)
    failure = Failure("unread", "1 place that looks like text could not be read")
    page = PageText(
        number=1, width=700, height=400, dpi=None, rotation=0, skew=0.0, text_source="ocr",
        status="partial", text="", confidence=None, blocks=(), failure=failure, codes=(code,),
        unread=(UnreadRegion(inside, "low_confidence"),),
    )  # fmt: skip
    both = replace(page, unread=(*page.unread, UnreadRegion(beside, "not_legible")))

    done, partial = unread.outside_codes(page), unread.outside_codes(both)

    assert (done.status, done.failure, done.unread) == ("done", None, ())
    assert (partial.status, partial.failure) == ("partial", failure)
    assert [region.box for region in partial.unread] == [beside]
    assert unread.outside_codes(replace(both, codes=())).unread == both.unread
