"""Fields of a document, chosen among those of its pages."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from daemon.core.records import DocumentField

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from daemon.core.options import FieldRule
    from daemon.core.records import FieldReason, FieldValue, PageText

T = TypeVar("T")


def of_document(
    pages: Iterable[PageText], rules: Mapping[str, FieldRule]
) -> tuple[DocumentField, ...]:
    """Return the fields of a document: for each rule the best of its pages, or why it has none."""
    found: dict[str, list[tuple[int, FieldValue]]] = {name: [] for name in rules}
    reasons: dict[str, set[FieldReason | None]] = {name: set() for name in rules}
    last = 0
    for page in pages:
        last = page.number
        if page.status == "failed":
            for name in rules:
                reasons[name].add("not_read")
        for each in page.fields[: len(rules)]:
            if each.name in rules and each.found:
                found[each.name].append((page.number, each.found))
            elif each.name in rules:
                reasons[each.name].add(each.reason)
    return tuple(
        _of_document(name, rule, found[name], reasons[name], last) for name, rule in rules.items()
    )


def _of_document(
    name: str,
    rule: FieldRule,
    found: Sequence[tuple[int, FieldValue]],
    reasons: set[FieldReason | None],
    last: int,
) -> DocumentField:
    if rule.page is not None:
        wanted = last if rule.page == "last" else rule.page
        found = [each for each in found if each[0] == wanted]
    if not found:
        known: tuple[FieldReason, ...] = ("not_read", "no_value")
        default: FieldReason = "no_label" if rule.labels else "no_match"
        reason = next((each for each in known if each in reasons), default)
        return DocumentField(name, rule.type, reason=reason)
    best = min(value.rank for _, value in found)
    equal = [each for each in found if each[1].rank == best]
    page, value = picked(equal, [each[1].value for each in equal], rule)
    return DocumentField(name, rule.type, value, page)


def picked(found: Sequence[T], values: Sequence[str], rule: FieldRule) -> T:
    """Return the first, the last or the largest of what was found, at least one.

    It is in reading order. A value that a number cannot be made of, which no worker of ours
    returns, is the smallest.
    """
    match rule.pick:
        case "first":
            return found[0]
        case "last":
            return found[-1]
        case "largest":
            sizes = [_size(value, rule) for value in values]
            return found[max(range(len(found)), key=lambda k: sizes[k])]


def _size(value: str, rule: FieldRule) -> tuple[Decimal, str]:
    if rule.type not in ("amount", "number"):
        return Decimal(0), value
    try:
        number = Decimal(value)
    except ArithmeticError:
        return Decimal("-Infinity"), value
    return (number if number.is_finite() else Decimal("-Infinity")), ""
