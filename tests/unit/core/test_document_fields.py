"""The fields of a document: which page's value is chosen, and why there is none."""

from __future__ import annotations

import pytest

from daemon.core.document_fields import of_document
from daemon.core.options import FieldRule
from daemon.core.records import Box, Failure, FieldReason, FieldValue, PageField, PageText

BOX = Box(1, 2, 3, 4)


def page(
    number: int, value: str | None, rank: int = 0, reason: FieldReason = "no_label"
) -> PageText:
    found = None if value is None else FieldValue(value, value, BOX, 0.9, rank)
    field = PageField("it", found, None if found else reason)
    return PageText(
        number=number, width=9, height=9, dpi=None, rotation=0, skew=0.0, text_source="ocr",
        status="done", text="", confidence=None, blocks=(), fields=(field,),
    )  # fmt: skip


def chosen(*pages: PageText, **rule: object) -> tuple[str | None, int | None]:
    (it,) = of_document(pages, {"it": FieldRule(**rule)})  # type: ignore[arg-type]
    return (it.found.value if it.found else None), it.page


@pytest.mark.parametrize(
    ("pick", "expected"), [("first", ("9.00", 1)), ("last", ("2.00", 3)), ("largest", ("11.00", 2))]
)
def test_the_page_is_chosen_as_the_config_says(pick: str, expected: tuple[str, int]) -> None:
    pages = [page(1, "9.00"), page(2, "11.00"), page(3, "2.00")]

    assert chosen(*pages, type="amount", pick=pick) == expected


def test_a_value_that_fits_better_wins_whatever_its_page() -> None:
    assert chosen(page(1, "a", 5), page(2, "b", 1), page(3, "c", 5)) == ("b", 2)


@pytest.mark.parametrize(
    ("wanted", "expected"), [(2, ("b", 2)), ("last", ("c", 3)), (9, (None, None))]
)
def test_only_the_page_that_is_named_counts(wanted: object, expected: object) -> None:
    pages = [page(1, "a"), page(2, "b"), page(3, "c")]

    assert chosen(*pages, page=wanted) == expected


def test_the_last_page_has_none_although_an_earlier_one_has() -> None:
    assert chosen(page(1, "a"), page(2, None), page="last") == (None, None)


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [(["no_label", "no_value"], "no_value"), (["no_label"], "no_label"), ([], "no_label")],
)
def test_the_reason_is_the_nearest_to_a_value(reasons, expected) -> None:
    pages = [page(k, None, reason=reason) for k, reason in enumerate(reasons, 1)]

    (it,) = of_document(pages, {"it": FieldRule(label="Total")})

    assert it.reason == expected


def test_a_page_that_could_not_be_read_may_have_had_it() -> None:
    pages = [page(1, None), PageText.not_read(2, Failure("timeout", "too slow"))]

    (it,) = of_document(pages, {"it": FieldRule(label="Total")})

    assert (it.found, it.reason) == (None, "not_read")


def test_what_a_worker_returns_beside_the_rules_is_ignored() -> None:
    assert of_document([page(1, "a")], {"other": FieldRule(label="x")})[0].found is None


def test_a_value_that_is_no_number_is_never_the_largest() -> None:
    pages = [page(1, "nan"), page(2, "1.00"), page(3, "x")]

    assert chosen(*pages, type="amount", pick="largest") == ("1.00", 2)
