"""Templates for the names of outputs: what they give, what is safe, and what is refused."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core import name_template
from daemon.core.name_template import base_name, filled, folder_problems, problems, safe

VALUES = {"date": "2026-03-17", "invoice": "2041", "sender": "Harbour & Lane", "stem": "scan"}


@pytest.mark.parametrize(
    ("template", "values", "expected"),
    [
        ("{date} {invoice} {stem}", VALUES, "2026-03-17 2041 scan"),
        ("{date:%Y}-{date:%m} {sender}", VALUES, "2026-03 Harbour & Lane"),
        ("{date} {order} {stem}", VALUES, "2026-03-17 scan"),
        ("{order} {stem}", VALUES, "scan"),
        ("{order}_{stem}_{order}", VALUES, "scan"),
        ("{date} - {order} - {stem}", VALUES, "2026-03-17 - scan"),
        ("{order|none} {stem}", VALUES, "none scan"),
        ("{order:%Y} {stem}", VALUES, "scan"),
        ("{order|undated:%Y} {stem}", VALUES, "undated scan"),
        ("No {order}", VALUES, "No "),
        ("{{{stem}}}", VALUES, "{scan}"),
        ("{sender:%Y} {stem}", VALUES, "scan"),
    ],
)
def test_a_template_is_filled_and_what_is_missing_leaves_no_gap(template, values, expected) -> None:
    assert filled(template, values) == expected


@pytest.mark.parametrize(
    ("name", "folder", "expected"),
    [
        ("{invoice}", "{date:%Y}/{sender}", "2026/Harbour & Lane/2041"),
        (None, "{sender}", "Harbour & Lane/scan.pdf"),
        ("{order}", None, "scan"),
        ("{stem}", "{order}/{date:%Y}", "unsorted/2026/scan"),
        ("{stem}", "{order|other}", "other/scan"),
    ],
)
def test_the_path_of_the_outputs_has_a_part_for_each_folder(name, folder, expected) -> None:
    assert base_name(name, folder, VALUES, "scan.pdf") == expected


def test_a_document_of_which_nothing_is_known_has_a_name() -> None:
    assert base_name("{order}", "{order}", {"stem": "..."}, "x") == "unsorted/document"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a/b", "a-b"), ("../../etc/passwd", "-..-etc-passwd"), ("..", ""), (".hidden", "hidden"),
        ("a\\b:c*?\"<>|d", "a-b-c-d"), ("two\nlines\x00", "two lines"), ("CON", "CON_"),
        ("nul.txt", "nul.txt_"), ("trailing. .", "trailing"), ("~$lock", "$lock"),
        ("e\u0301", "é"), ("right\u202eleft", "right left"), ("发票 2041", "发票 2041"),
        ("é" * 100, "é" * 75), ("发" * 100, "发" * 50),
    ],
)  # fmt: skip
def test_a_part_of_a_path_is_safe_on_any_system(text: str, expected: str) -> None:
    assert safe(text) == expected


@given(st.text(max_size=400), st.text(max_size=400))
def test_whatever_the_values_are_no_path_leaves_the_folder(first: str, second: str) -> None:
    path = base_name("{a} {b}", "{a}/{b}", {"a": first, "b": second, "stem": first}, "usual")

    parts = path.split("/")
    assert len(parts) == 3
    for part in parts:
        assert part
        assert part not in (".", "..")
        assert not part.startswith((".", "~"))
        assert len(part.encode()) <= name_template._MAX_NAME_BYTES + 1
        assert unicodedata.is_normalized("NFC", part)
        assert not any(unicodedata.category(each).startswith("C") for each in part)
        assert "/" not in part


@pytest.mark.parametrize(
    ("template", "remedy"),
    [
        ("{invoce}", "did you mean {invoice}?"),
        ("{total}", "define it in fields, or known are"),
        ("{stem", "is no template"),
        ("{}", "is no name of a value"),
        ("{stem!r}", "is no name of a value"),
        ("{stem.__class__}", "is no name of a value"),
        ("{invoice:%Y}", "which is no date"),
        ("{date:%Q}", "is no form of a date"),
    ],
)
def test_a_template_that_no_document_can_fill_is_refused(template: str, remedy: str) -> None:
    assert remedy in next(problems(template, ["invoice", "date"], ["date"]))


@pytest.mark.parametrize("template", ["/a", "a//b", "a/../b", "../a", "./a", "a/", "a/" * 9 + "a"])
def test_a_folder_that_is_no_relative_path_is_refused(template: str) -> None:
    assert list(folder_problems(template))


def test_a_good_template_has_no_problem() -> None:
    template = "{date:%Y}/{invoice|none} {stem} {page_count}/{first_heading}"

    assert [*problems(template, ["invoice", "date"], ["date"]), *folder_problems(template)] == []
