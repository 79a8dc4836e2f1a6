"""Selections of pages, as people and programs write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.page_selection import MAX_PAGE, PageSelection

ranges = st.tuples(st.integers(1, 60), st.integers(1, 60)).map(lambda pair: tuple(sorted(pair)))


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        ("1", [1]),
        ("2-4", [2, 3, 4]),
        ("4-", [4, 5]),
        ("-2", [1, 2]),
        (" 5 , 1 - 2", [1, 2, 5]),
        ("1,1,1-3,2", [1, 2, 3]),
        ("3-900", [3, 4, 5]),
        ("6,7-", []),
    ],
)
def test_a_selection_has_these_pages_of_five(text: str, pages: list[int]) -> None:
    found = PageSelection.parse(text).within(5)

    assert [page for first, last in found for page in range(first, last + 1)] == pages


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        "1,",
        "0",
        "0-2",
        "3-2",
        "a",
        "1-2-3",
        "-",
        "1 2",
        "+1",
        "1.5",
        "٣",
        "9" * 8,
        "1," * 200,
    ],
)
def test_what_is_no_selection_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(ValueError, match=r"1-3,7,10-|fewer"):
        PageSelection.parse(text)


@given(st.lists(ranges, min_size=1, max_size=8))
def test_a_selection_is_the_union_of_its_ranges(chosen: list[tuple[int, int]]) -> None:
    selection = PageSelection.parse(",".join(f"{first}-{last}" for first, last in chosen))

    pages = [page for first, last in selection.within(MAX_PAGE) for page in range(first, last + 1)]
    assert pages == sorted({page for first, last in chosen for page in range(first, last + 1)})
    assert PageSelection.parse(str(selection)) == selection
