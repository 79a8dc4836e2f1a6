"""The key `fields`: what is wanted from a kind of paper, as sections or in a short form.

`total: last amount right of "Total" or "合计"` is short for
`total: {type: amount, pick: last, place: right, label: [Total, 合计]}`, and `/RE2/` for a pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from daemon.core import patterns
from daemon.core.options import FieldRule

MAX_LABELS: Final = 32
MAX_SHOWN: Final = 40  # characters of an invalid pattern in a message
Problem = tuple[str, object, str]  # key, value, remedy

_SHORT: Final = re.compile(
    r"(?:(?P<pick>first|last|largest)\b\s*)?(?:(?P<type>text|amount|number|date)\b\s*)?"
    r"(?:(?P<place>right of|below|beside)\s+(?P<labels>\"[^\"]+\"(?:\s+or\s+\"[^\"]+\")*)\s*)?"
    r"(?:/(?P<pattern>.+)/)?"
)
_PLACES: Final = {"right of": "right", "below": "below", "beside": "auto"}
_EXPLANATION: Final = (
    'is no short form of a field; write for example: amount right of "Total" or "Amount due", '
    "first date, /[A-Z]{2}[0-9]{6}/, or a section with label, pattern or type"
)


class _OrShortForm:
    """Lets a field also be a text in the short form."""

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_read_short_form, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [handler(schema), {"type": "string"}]}


FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Fields = Annotated[dict[FieldName, Annotated[FieldRule, _OrShortForm()]], Field(max_length=64)]


def _read_short_form(value: object) -> object:
    """Return the section that a text in the short form stands for, and anything else as it is."""
    if not isinstance(value, str):
        return value
    found = _SHORT.fullmatch(value.strip())
    if found is None or not value.strip():
        raise PydanticCustomError("field", _EXPLANATION)
    groups = {key: text for key, text in found.groupdict().items() if text}
    if place := groups.pop("place", None):
        groups["place"] = _PLACES[place]
        labels = re.findall(r"\"([^\"]+)\"", groups.pop("labels"))
        return {**groups, "label": tuple(labels)}
    return groups


def problems(fields: Mapping[str, FieldRule], *, reads_codes: bool) -> Iterator[Problem]:
    """Yield what is wrong with the fields: keys that contradict each other, invalid patterns."""
    for name, rule in fields.items():
        if rule.code is not None and not reads_codes:
            remedy = "needs codes; say codes: [any], or their formats"
            yield f"fields.{name}.code", rule.code, remedy
        for key, value, remedy in _problems(rule):
            yield f"fields.{name}{key and f'.{key}'}", value, remedy


def _problems(rule: FieldRule) -> Iterator[Problem]:
    labels = rule.labels
    if not labels and not rule.pattern and not rule.code and rule.type == "text":
        remedy = "say what is wanted: a label, a pattern, a code or a type"
        yield "", "no label, pattern, code or type", remedy
    if len(labels) > MAX_LABELS:
        yield "label", len(labels), f"must have {MAX_LABELS} entries or less"
    for label in labels:
        if not any(character.isalnum() for character in label):
            yield "label", repr(label), "must have a letter or a digit"
    if rule.place != "auto" and not labels:
        yield "place", rule.place, "needs a label; set `label`, or remove `place`"
    if rule.pick == "largest" and rule.type == "text":
        yield "pick", rule.pick, "needs a type that has sizes: amount, number or date"
    if rule.code is not None and (labels or rule.pattern is not None):
        yield "code", rule.code, "cannot be combined with label or pattern: a code has no label"
    for key, pattern in (("pattern", rule.pattern), ("code", rule.code)):
        if pattern is not None and (problem := patterns.problem_of(pattern)):
            shown = pattern if len(pattern) <= MAX_SHOWN else f"{pattern[:MAX_SHOWN]}..."
            yield key, shown, problem
