"""Where a label stands on a page, and what stands beside or below it.

A label is found without regard to case, punctuation and spaces, and with a character or two read
wrongly where it is long enough. It begins and ends where words do: "Total" is not found in
"Subtotal", nor in "Sub total", whose first word belongs to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from daemon.ocr.fields import values
from daemon.ocr.fields.folding import distance, errors_allowed, is_chinese, label_key
from daemon.ocr.fields.pieces import Extent, LinePiece

MORE_WORDS: Final = "*"  # at the end of a label: other words may follow
_HALF_OF_HITS: Final = 15  # of a label on a page that are looked at, from its beginning and its end
_WORD_GAP: Final = (
    0.8  # heights of the line, from which a gap separates a label from what is before
)
_SAME_PART: Final = (
    12.0  # heights of a label, within which others have their values on the same side
)
_MAX_DISTANCE_BELOW: Final = 2.5  # heights of the label, down to the value
_COLON_AFTER: Final = re.compile(r"^\W*?[:=]")
_OTHER_LABEL: Final = re.compile(r"^[^0-9:]{2,40}:(?![0-9])")  # "Name: ...", but no time
_BRACKETS: Final = re.compile(r"\([^()]*\)?")
_WORDS: Final = re.compile(r"[^\W\d_]{2,}")
_UNITS: Final = frozenset(
    [
        "rm",
        "usd",
        "eur",
        "gbp",
        "cny",
        "rmb",
        "myr",
        "jpy",
        "hkd",
        "sgd",
        "chf",
        "twd",
        "inr",
        "us",
        "hk",
    ]
)
_LABEL_BEFORE_COLON: Final = re.compile(r"^\s*[^\W\d][^:]{0,40}:")


@dataclass(frozen=True, slots=True)
class Hit:
    """A label in a piece, from `start` to `end` of its text.

    `is_fuzzy`: a character of it was read wrongly. `follows`: other words stand before it.
    `may_go_on`: other words may stand between it and its value.
    """

    piece: LinePiece
    start: int
    end: int
    is_fuzzy: bool
    follows: bool
    may_go_on: bool

    def reaches(self, piece: LinePiece, start: int) -> bool:
        """Tell whether nothing but signs, brackets and a currency is between it and a value.

        The value begins at `start` of a piece right of it, or of its own.
        """
        if self.may_go_on:
            return True
        end = start if piece is self.piece else len(self.piece.text)
        between = _BRACKETS.sub(" ", self.piece.folded[self.end : end])
        return all(word in _UNITS for word in _WORDS.findall(between))

    @property
    def is_answered(self) -> bool:
        """Whether a value may stand in the same piece, right of it."""
        return bool(values.find("text", self.piece.folded[self.end :], "dmy"))

    @property
    def is_header(self) -> bool:
        """Whether it may have its value below: no other word goes on with it."""
        after = self.piece.folded[self.end :]
        word = re.match(r"\W*", after)
        place = self.end + (word.end() if word else 0)
        if self.may_go_on or place >= len(self.piece.text) or "(" in after[: place - self.end]:
            return True
        return self.piece.gap_before(place) > _WORD_GAP * self.piece.extent.height


class LabelledPage:
    """The pieces of a page, and where the labels of all fields stand in them."""

    def __init__(self, pieces: Sequence[LinePiece], labels: Sequence[str]) -> None:
        self.pieces = [piece for piece in pieces if not piece.vertical]
        found = {label: list(_hits(label, self.pieces)) for label in dict.fromkeys(labels)}
        self._hits = {label: _first_and_last(hits) for label, hits in found.items()}
        self._hits = _without_parts_of_others(self._hits)
        self._extents = {id(piece): piece.extent for piece in self.pieces}
        self._starts = {
            id(hit.piece) for hits in self._hits.values() for hit in hits if not hit.follows
        }

    def hits(self, label: str) -> list[Hit]:
        """Return where a label stands."""
        return self._hits[label]

    def right_of(self, hit: Hit) -> Iterator[tuple[LinePiece, int, int]]:
        """Yield what stands right of a label, near to far: pieces, and which part of their text.

        The next label ends it.
        """
        end = self._next_label(hit)
        yield hit.piece, hit.end, end
        if end < len(hit.piece.text):
            return
        for piece in self.pieces_right_of(hit.piece):
            if self.is_label(piece):
                return
            yield piece, 0, len(piece.text)

    def pieces_right_of(self, piece: LinePiece) -> list[LinePiece]:
        """Return the pieces level with a piece and right of it, near to far."""
        own = self._extents[id(piece)]
        row = [
            (extent.left, other)
            for other in self.pieces
            if other is not piece
            and (extent := self._extents[id(other)]).left >= own.right - 0.3 * own.height
            and extent.is_level_with(own)
        ]
        return [other for _, other in sorted(row, key=lambda each: each[0])]

    def is_near(self, one: Hit, other: Hit) -> bool:
        """Tell whether two labels are in the same part of a page, above or beside each other."""
        first, second = self._extents[id(one.piece)], self._extents[id(other.piece)]
        return abs(first.top - second.top) <= _SAME_PART * max(first.height, second.height)

    def below(self, hit: Hit) -> Iterator[tuple[LinePiece, int, int]]:
        """Yield the piece below a label, unless that is a label itself."""
        piece = self.piece_below(hit)
        if piece is not None and not self.is_label(piece):
            yield piece, 0, len(piece.text)

    def piece_below(self, hit: Hit) -> LinePiece | None:
        """Return the piece next below a label, None where there is none, or the label goes on."""
        if not hit.is_header:
            return None
        own = hit.piece.extent_of(hit.start, hit.end)
        near: list[tuple[float, float, LinePiece]] = []
        for piece in self.pieces:
            extent = self._extents[id(piece)]
            down = extent.top - own.bottom
            is_near = -0.4 * own.height <= down <= _MAX_DISTANCE_BELOW * own.height
            if piece is not hit.piece and is_near and _overlap(extent, own):
                near.append((extent.top + extent.bottom, abs(extent.left - own.left), piece))
        return min(near, key=lambda each: each[:2])[2] if near else None

    def is_label(self, piece: LinePiece) -> bool:
        """Tell whether a piece begins with a label: one of the config, or words before a colon."""
        return id(piece) in self._starts or bool(_OTHER_LABEL.match(piece.folded.strip()))

    def _next_label(self, hit: Hit) -> int:
        """Return where the text after a label ends: at the next label of the piece, or with it."""
        starts = [
            other.start
            for hits in self._hits.values()
            for other in hits
            if other.piece is hit.piece and other.start >= hit.end
        ]
        return min(starts, default=len(hit.piece.text))


def goes_on_to_colon(hit: Hit) -> bool:
    """Tell whether a label is only the beginning of a longer one that ends with a colon."""
    after = _BRACKETS.sub(" ", hit.piece.folded[hit.end :])
    return not hit.may_go_on and bool(_LABEL_BEFORE_COLON.match(after))


def _first_and_last(hits: list[Hit]) -> list[Hit]:
    """Return the hits, of very many the first and the last ones: a page may consist of labels."""
    return hits if len(hits) <= 2 * _HALF_OF_HITS else hits[:_HALF_OF_HITS] + hits[-_HALF_OF_HITS:]


def _overlap(one: Extent, other: Extent) -> bool:
    return min(one.right, other.right) > max(one.left, other.left)


def _hits(label: str, pieces: Sequence[LinePiece]) -> Iterator[Hit]:
    wanted = label_key(label)
    for piece in pieces:
        for first, last, is_fuzzy in _places(wanted, piece):
            start, end = piece.key.places[first], piece.key.places[last] + 1
            before, after = piece.folded[:start], piece.folded[end:]
            has_colon = bool(_COLON_AFTER.match(after))
            follows = any(character.isalpha() for character in before)
            if follows and _continues(before) and not _stands_apart(piece, start, has_colon):
                continue
            yield Hit(piece, start, end, is_fuzzy, follows, label.endswith(MORE_WORDS))


def _continues(before: str) -> bool:
    """Tell whether a text goes on after its last character: that is a letter, not a number."""
    return before.rstrip()[-1:].isalpha() or before.rstrip()[-1:] in "-&/"


def _stands_apart(piece: LinePiece, start: int, has_colon: bool) -> bool:
    gap = piece.gap_before(start) > _WORD_GAP * piece.extent.height
    return gap and has_colon


def _places(wanted: str, piece: LinePiece) -> Iterator[tuple[int, int, bool]]:
    """Yield where a label begins and ends in the key of a piece, exact ones if there are any."""
    key, limit = piece.key, errors_allowed(wanted)
    exact = [
        (k, k + len(wanted) - 1, False)
        for k in _occurrences(wanted, key.text)
        if _is_bounded(piece, k, k + len(wanted))
    ]
    if exact or not limit or not _may_contain(wanted, key.text, limit):
        yield from exact
        return
    starts = [k for k in range(len(key.text)) if _is_boundary(piece, k)]
    ends = [*starts[1:], len(key.text)] if starts else []
    best: tuple[int, int, int] | None = None
    for start in starts:
        for end in ends:
            if abs(end - start - len(wanted)) <= limit:
                errors = distance(wanted, key.text[start:end], limit)
                if errors <= limit and (best is None or errors < best[0]):
                    best = errors, start, end - 1
    if best:
        yield best[1], best[2], True


def _occurrences(wanted: str, text: str) -> Iterator[int]:
    place = text.find(wanted)
    while place >= 0:
        yield place
        place = text.find(wanted, place + 1)


def _may_contain(wanted: str, text: str, errors: int) -> bool:
    """Tell whether one of `errors` + 1 parts of a label is in a text: otherwise it cannot be."""
    limits = [round(k * len(wanted) / (errors + 1)) for k in range(errors + 2)]
    return any(wanted[start:end] in text for start, end in pairwise(limits))


def _is_bounded(piece: LinePiece, start: int, end: int) -> bool:
    return _is_boundary(piece, start) and (end == len(piece.key.text) or _is_boundary(piece, end))


def _is_boundary(piece: LinePiece, place: int) -> bool:
    """Tell whether a word begins at a character of the key of a piece."""
    if place == 0:
        return True
    places, text = piece.key.places, piece.folded
    before, after = text[places[place - 1]], text[places[place]]
    return (
        places[place] - places[place - 1] > 1
        or is_chinese(before)
        or is_chinese(after)
        or before.isdecimal() != after.isdecimal()
    )


def _without_parts_of_others(hits: Mapping[str, list[Hit]]) -> dict[str, list[Hit]]:
    """Return the hits without those inside a longer label: "Date" in "Due date"."""
    spans: dict[int, set[tuple[int, int]]] = {}
    for hit in (each for found in hits.values() for each in found):
        spans.setdefault(id(hit.piece), set()).add((hit.start, hit.end))
    return {
        label: [
            hit
            for hit in found
            if not any(
                start <= hit.start and hit.end <= end and (start, end) != (hit.start, hit.end)
                for start, end in spans[id(hit.piece)]
            )
        ]
        for label, found in hits.items()
    }
