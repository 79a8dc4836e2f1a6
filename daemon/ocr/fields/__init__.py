"""Fields of a page: what stands right of or below a label, what fits a pattern, the first date.

A page has for each field the value that fits best, or the reason why it has none;
`daemon.core.document_fields` chooses among the pages. Everything is taken from the published lines,
words and boxes, and for a field with `code` from the barcodes of the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from daemon.core import patterns
from daemon.core.document_fields import picked
from daemon.core.records import FieldValue, PageField
from daemon.ocr.fields import values
from daemon.ocr.fields.folding import narrow
from daemon.ocr.fields.labels import Hit, LabelledPage, goes_on_to_colon
from daemon.ocr.fields.pieces import LinePiece, joined, pieces_of, whole_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from daemon.core.options import FieldPlace, FieldRule
    from daemon.core.records import Code, FieldReason, PageText

    _Part = tuple[LinePiece, int, int]

MAX_CHARACTERS: Final = 400  # of a value; what a pattern matches beyond that is no field
_MAX_LABELS: Final = 64  # that the rank has room for


@dataclass(frozen=True, slots=True)
class _Candidate:
    piece: LinePiece
    start: int
    end: int
    value: str
    doubt: int


def find(page: PageText, rules: Mapping[str, FieldRule]) -> tuple[PageField, ...]:
    """Return the fields of a page, one for each rule that looks at it."""
    pages = (None, "last", page.number)
    wanted = {name: rule for name, rule in rules.items() if rule.page in pages}
    if not wanted:
        return ()
    from_codes = {name: rule for name, rule in wanted.items() if rule.code is not None}
    coded = {name: _from_code(name, rule, page.codes or ()) for name, rule in from_codes.items()}
    pieces = pieces_of(page)
    every_label = [label for rule in rules.values() for label in rule.labels]
    labelled = LabelledPage(pieces, every_label)
    lines = whole_lines(pieces)
    sides = _Sides(labelled, rules.values())
    return tuple(
        coded[name] if name in coded else _find(name, rule, labelled, lines, sides)
        for name, rule in wanted.items()
    )


def _from_code(name: str, rule: FieldRule, codes: Sequence[Code]) -> PageField:
    """Return the field that a code of the page has, the one that the rule picks."""
    assert rule.code is not None
    found = [each for code in codes for each in _values_of_code(code, rule.code, rule)]
    if not found:
        return PageField(name, reason="no_match")
    return PageField(name, picked(found, [each.value for each in found], rule))


def _values_of_code(code: Code, pattern: str, rule: FieldRule) -> Iterator[FieldValue]:
    """Yield the value of a code whose text the pattern matches: a group, or all of it."""
    if code.is_base64:
        return
    for start, end in _matches(pattern, code.text):
        text = code.text[start : min(end, start + MAX_CHARACTERS)]
        if rule.type == "text":
            yield FieldValue(text, text, code.box, None)
        else:
            typed = values.find(rule.type, narrow(text), rule.date_order)
            yield from (FieldValue(text, each.value, code.box, None) for each in typed[:1])


class _Sides:
    """On which side of its labels a page has the values, as labels tell that leave no doubt.

    Text is beside and below almost every label. But a date, or what fits a pattern, is often only
    one side of its label, and a label is no value: then the labels near it are alike.
    """

    def __init__(self, labelled: LabelledPage, rules: Iterable[FieldRule]) -> None:
        self._labelled = labelled
        self._votes: list[tuple[Hit, int]] = []
        for rule in rules:
            if rule.place == "auto":
                hits = (hit for label in rule.labels for hit in labelled.hits(label))
                self._votes += [(hit, self._vote(hit, rule)) for hit in hits]

    def places(self, hit: Hit) -> tuple[FieldPlace, ...]:
        """Return where the value of a label may be, the likelier place first."""
        near = (
            vote
            for other, vote in self._votes
            if other is not hit and self._labelled.is_near(hit, other)
        )
        balance = sum(near)
        if balance < 0 and not hit.is_answered:
            return ("below",)
        if balance > 0 and self._has_row_below(hit):
            return ("right",)
        return ("right", "below")

    def _vote(self, hit: Hit, rule: FieldRule) -> int:
        """Return 1 where the value is right of a label, -1 where it is below, 0 if that is open."""
        if hit.is_answered:
            return 1
        labelled = self._labelled
        if rule.pattern or rule.type != "text":
            right = any(_in_row(list(labelled.right_of(hit)), rule))
            below = any(_in_row(list(labelled.below(hit)), rule))
            if right != below:
                return 1 if right else -1
        beside, under = labelled.pieces_right_of(hit.piece)[:1], labelled.piece_below(hit)
        if not beside or under is None:
            return 0
        return labelled.is_label(under) - labelled.is_label(beside[0])

    def _has_row_below(self, hit: Hit) -> bool:
        """Tell whether what is below a label is a label, with its value right of it."""
        under = self._labelled.piece_below(hit)
        beside = self._labelled.pieces_right_of(under)[:1] if under else ()
        return any(not self._labelled.is_label(piece) for piece in beside)


def _find(
    name: str, rule: FieldRule, labelled: LabelledPage, lines: Sequence[LinePiece], sides: _Sides
) -> PageField:
    reason: FieldReason
    if rule.labels:
        hits = [(k, hit) for k, label in enumerate(rule.labels) for hit in labelled.hits(label)]
        found = [each for k, hit in hits for each in _beside(k, hit, rule, labelled, sides)]
        is_there = any(not _goes_on(hit, rule, labelled) for _, hit in hits)
        reason = "no_value" if is_there else "no_label"
    else:
        found = [(each.doubt, each) for line in lines for each in _without_label(line, rule)]
        reason = "no_match"
    if not found:
        return PageField(name, reason=reason)
    best = min(rank for rank, _ in found)
    equal = [each for rank, each in found if rank == best]
    chosen = picked(equal, [each.value for each in equal], rule)
    piece, start, end = chosen.piece, chosen.start, chosen.end
    value = FieldValue(
        piece.text[start:end], chosen.value, piece.box_of(start, end),
        piece.confidence_of(start, end), best,
    )  # fmt: skip
    return PageField(name, value)


def _goes_on(hit: Hit, rule: FieldRule, labelled: LabelledPage) -> bool:
    """Tell whether a label is the beginning of a longer one: words stand before the next value."""
    if goes_on_to_colon(hit):
        return True
    row = _in_row(list(labelled.right_of(hit)), rule)
    return bool(row) and not any(hit.reaches(each.piece, each.start) for each in row)


def _beside(
    number: int, hit: Hit, rule: FieldRule, labelled: LabelledPage, sides: _Sides
) -> Iterator[tuple[int, _Candidate]]:
    """Yield what a label has right of it or below it, with its rank."""
    if rule.type == "text" and not rule.pattern and goes_on_to_colon(hit):
        return
    places = sides.places(hit) if rule.place == "auto" else (rule.place,)
    for is_below, place in enumerate(places):
        parts = list(labelled.right_of(hit) if place == "right" else labelled.below(hit))
        for each in _in_row(parts, rule):
            if place == "right" and not hit.reaches(each.piece, each.start):
                continue
            rank = (is_below * 4 + each.doubt) * 2 + hit.follows
            rank = rank * _MAX_LABELS + min(number, _MAX_LABELS - 1)
            yield rank * 2 + hit.is_fuzzy, each


def _in_row(parts: Sequence[_Part], rule: FieldRule) -> list[_Candidate]:
    """Return the values in the parts of a row; those in doubt only where there is nothing else."""
    if rule.pattern is None and rule.type == "text":
        texts = (list(_values(part, rule)) for part in parts)
        return next((found[:1] for found in texts if found), [])
    found = [each for part in parts for each in _values(part, rule)]
    if not found and len(parts) > 1:
        start = parts[0][1]
        row = joined([piece for piece, _, _ in parts])
        found = list(_values((row, start, len(row.text)), rule))
    least = min((each.doubt for each in found), default=0)
    return [each for each in found if each.doubt == least]


def _without_label(line: LinePiece, rule: FieldRule) -> Iterator[_Candidate]:
    for each in _values((line, 0, len(line.text)), rule):
        if rule.pattern or rule.type != "amount" or not each.doubt:  # any number may be an amount
            yield each


def _values(part: _Part, rule: FieldRule) -> Iterator[_Candidate]:
    """Yield the values in a part of a piece: what fits the pattern, and is of the type."""
    piece, first, last = part
    if rule.pattern is None:
        for each in values.find(rule.type, piece.folded[first:last], rule.date_order):
            yield _candidate(piece, first + each.start, first + each.end, each, rule)
        return
    for start, end in _matches(rule.pattern, narrow(piece.text[first:last])):
        typed = values.find(rule.type, piece.folded[first + start : first + end], rule.date_order)
        for each in typed[:1]:
            begin, finish = first + start, first + end
            if rule.type != "text":
                begin, finish = begin + each.start, begin + each.end
            yield _candidate(piece, begin, finish, each, rule)


def _candidate(
    piece: LinePiece, start: int, end: int, value: values.Value, rule: FieldRule
) -> _Candidate:
    end = min(end, start + MAX_CHARACTERS)
    text = narrow(piece.text[start:end]) if rule.type == "text" else value.value
    return _Candidate(piece, start, end, text, value.doubt)


def _matches(pattern: str, text: str) -> Iterator[tuple[int, int]]:
    """Yield where a pattern matches: its group `value`, its first group, or all of it."""
    compiled = patterns.compiled(pattern)
    group = compiled.groupindex.get("value", min(compiled.groups, 1))
    for match in compiled.finditer(text):
        start, end = match.span(group)
        if 0 <= start < end and text[start:end].strip():
            yield start, end
