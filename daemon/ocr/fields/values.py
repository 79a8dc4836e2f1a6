"""Values in a text: amounts of money, numbers and dates, as they are printed and as they are read.

All functions take text that `folding.fold` has made, in which each character has its place, and
return spans of it. The recogniser takes letters for digits (O for 0, l for 1, S for 5): a number
may have such letters as long as half of it are digits.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from daemon.core.options import DateOrder
    from daemon.core.records import FieldType

_D: Final = "[0-9olisb]"
_LOOK_ALIKES: Final = str.maketrans("olisb", "01158")
_CODES: Final = "usd|eur|gbp|cny|rmb|myr|jpy|hkd|sgd|chf|twd|inr|aud|cad|rm"
_PREFIX: Final = rf"(?:(?:us|hk|nt|au|[acs])?\$|[€£¥₩₹]|{_CODES})"
_SUFFIX: Final = rf"(?:元|圆|€|£|\$|{_CODES})"
_CENTS: Final = rf"(?: ?[.,] ?{_D}{{1,2}})?(?!{_D})"
_NUMBER: Final = (
    rf"{_D}{{1,3}}(?:(?P<thousands>[,.' ]){_D}{{3}})(?:(?P=thousands){_D}{{3}})*{_CENTS}"
    rf"|{_D}{{1,15}}{_CENTS}"
)
# no part of a longer number, of a date, a time, a percentage, or of a word
_BEFORE: Final = r"(?<![a-z0-9])(?<![0-9][.,/:-])"
_AFTER: Final = r"(?![.,/:-]?[0-9])(?! ?%)"
_AMOUNT: Final = re.compile(
    rf"{_BEFORE}(?P<sign>-|\()?\s?(?P<prefix>{_PREFIX})?\.?\s?(?P<minus>-)?\s?"
    rf"(?P<number>{_NUMBER}){_AFTER}\s?(?P<suffix>{_SUFFIX})?(?![a-z])(?P<end>-|\))?"
)
_PLAIN_NUMBER: Final = re.compile(
    rf"{_BEFORE}(?P<sign>[-+])?"
    rf"(?P<number>[0-9]{_D}{{,15}}(?:[,.' ]{_D}{{3}})*(?:[.,]{_D}{{1,15}})?)(?!{_D})(?![a-z])"
)
_MONTHS: Final = (
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
)  # fmt: skip
_MONTH: Final = (
    r"(?P<name>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_YEAR: Final = rf"(?P<y>[12]{_D}{{3}})"
_SHORT_YEAR: Final = "(?P<y>[0-9]{2})"
_DAY: Final = rf"(?P<d>{_D}{{1,2}})"
_ORDINAL: Final = "(?:st|nd|rd|th)?"
_GAP: Final = "[ .,/'-]{0,2}"  # between a day, the name of a month and a year
_FIRST, _SECOND = rf"(?P<a>{_D}{{1,2}})", rf"(?P<b>{_D}{{1,2}})"  # day and month, or the reverse
_MONTH_NUMBER: Final = rf"(?P<m>{_D}{{1,2}})"
_SEPARATOR, _SAME = r" ?(?P<separator>[/.,-]) ?", " ?(?P=separator) ?"
_ALONE: Final = "(?<![a-z0-9])(?<![0-9][/.-])"
_END: Final = r"(?:(?![0-9]|[.,/-][0-9])|(?=[0-9]{2}:[0-9]{2}))"  # a time may follow directly
_SHORT_END: Final = "(?![0-9:]|[.,/-][0-9])"
# with the doubt of each: a year of two digits, or no separator, may be something else
_DATES: Final = tuple(
    (doubt, re.compile(pattern))
    for doubt, pattern in (
        (0, rf"(?<![0-9]){_YEAR} ?年 ?{_MONTH_NUMBER} ?月 ?{_DAY} ?日?(?![0-9])"),
        (0, rf"{_ALONE}{_YEAR}{_SEPARATOR}{_MONTH_NUMBER}{_SAME}{_DAY}(?![0-9])"),
        (0, rf"{_ALONE}{_FIRST}{_SEPARATOR}{_SECOND}{_SAME}{_YEAR}{_END}"),
        (0, rf"{_ALONE}{_DAY}{_ORDINAL}{_GAP}(?:of )?{_MONTH}{_GAP}{_YEAR}{_END}"),
        (0, rf"(?<![a-z]){_MONTH}{_GAP}{_DAY}{_ORDINAL}[ .,/'-]{{1,2}}{_YEAR}{_END}"),
        (1, rf"{_ALONE}{_DAY}{_GAP}{_MONTH}{_GAP}{_SHORT_YEAR}(?![0-9:])"),
        (1, rf"{_ALONE}{_FIRST}(?P<s>[/-]){_SECOND}(?P=s)'?{_SHORT_YEAR}{_SHORT_END}"),
        (2, rf"{_ALONE}{_FIRST}\.{_SECOND}\.{_SHORT_YEAR}{_SHORT_END}"),
        (2, rf"{_ALONE}(?P<y>(?:19|20)[0-9]{{2}})(?P<m>0[1-9]|1[0-2])(?P<d>[0-3][0-9])(?![0-9])"),
    )
)
_YEARS: Final = (1800, 2200)  # others are misread
_CENTURY_PIVOT: Final = 70  # a year of two digits below is of this century


@dataclass(frozen=True, slots=True)
class Value:
    """A value at `start` to `end` of a text, normalised; a lower `doubt` is more certain."""

    start: int
    end: int
    value: str
    doubt: int = 0


def find(kind: FieldType, text: str, order: DateOrder) -> list[Value]:
    """Return the values of a kind in a text, from left to right; the whole text for "text".

    Amounts and numbers are decimal numbers with a point, dates are those of ISO 8601. An amount
    that has neither a currency nor two decimals has the doubt 1.
    """
    match kind:
        case "amount":
            return list(_amounts(text))
        case "number":
            return list(_numbers(text))
        case "date":
            return _dates(text, order)
        case "text":
            return _trimmed(text)


def _trimmed(text: str) -> list[Value]:
    found = re.search(r"[^\s:.\-–—=_#|*]", text)
    if found is None:
        return []
    end = len(text.rstrip(" _|:…·"))
    end = end if end > found.start() else len(text.rstrip())
    return [Value(found.start(), end, text[found.start() : end])]


def _amounts(text: str) -> Iterator[Value]:
    for found in _AMOUNT.finditer(text):
        number = found["number"]
        value = _money(number)
        if value is None:
            continue
        is_negative = "-" in (found["sign"], found["minus"], found["end"]) or (
            found["sign"] == "(" and found["end"] == ")"
        )
        has_cents = re.search(r"[.,] ?.{2}$", number) is not None
        is_sure = has_cents or found["prefix"] or found["suffix"]
        if not is_sure and any(map(str.isalpha, number)):
            continue
        start, end = found.start(), found.end()
        if not is_negative:  # a bracket that only opens or closes is no part of the amount
            start += found["sign"] is not None
            end -= found["end"] is not None
        start += len(text[start:end]) - len(text[start:end].lstrip())
        yield Value(start, end, "-" * is_negative + value, 0 if is_sure else 1)


def _money(number: str) -> str | None:
    """Return an amount as a decimal number; one or two digits at its end are cents."""
    if not _is_mostly_digits(number):
        return None
    number = number.translate(_LOOK_ALIKES)
    cents = re.search(r" ?[.,] ?([0-9]{1,2})$", number)
    whole = re.sub("[^0-9]", "", number[: cents.start()] if cents else number)
    return f"{int(whole)}.{cents[1]}" if cents else str(int(whole))


def _numbers(text: str) -> Iterator[Value]:
    for found in _PLAIN_NUMBER.finditer(text):
        number = found["number"]
        if not _is_mostly_digits(number):
            continue
        value = _plain(number.translate(_LOOK_ALIKES))
        yield Value(found.start(), found.end(), "-" * (found["sign"] == "-") + value)


def _plain(number: str) -> str:
    """Return a number with a decimal point: `1,234.5`, `1.234,5`, `1 234` and `12,5` are known.

    A comma before three digits separates thousands, a single point is a decimal one.
    """
    separators = re.findall("[,.' ]", number)
    if not separators:
        return number
    last = separators[-1]
    whole, _, rest = number.rpartition(last)
    is_thousands = last in "' " or separators.count(last) > 1 or (last == "," and len(rest) == 3)
    if is_thousands and not (last in ",." and len(set(separators)) > 1):
        return re.sub("[^0-9]", "", number)
    return f"{re.sub('[^0-9]', '', whole)}.{rest}"


def _dates(text: str, order: DateOrder) -> list[Value]:
    found: list[Value] = []
    for doubt, pattern in _DATES:
        for match in pattern.finditer(text):
            if any(match.start() < each.end and each.start < match.end() for each in found):
                continue
            if (value := _date(match, order)) is not None:
                found.append(Value(match.start(), match.end(), value, doubt))
    return sorted(found, key=lambda each: each.start)


def _date(match: re.Match[str], order: DateOrder) -> str | None:
    """Return the date of a match as YYYY-MM-DD, None where there is no such day."""
    groups = match.groupdict()
    parts = [part for key in ("y", "m", "d", "a", "b") if (part := groups.get(key))]
    if not _is_mostly_digits("".join(parts)):
        return None
    year = int(groups["y"].translate(_LOOK_ALIKES))
    if year < 100:
        year += 2000 if year < _CENTURY_PIVOT else 1900
    if groups.get("a"):
        first, second = (int(groups[key].translate(_LOOK_ALIKES)) for key in "ab")
        days = [(second, first), (first, second)]  # month, day; the other order if it must be
        days = days[::-1] if order == "mdy" else days
    elif groups.get("name"):
        days = [(_MONTHS.index(groups["name"][:3]) + 1, int(groups["d"].translate(_LOOK_ALIKES)))]
    else:
        days = [tuple(int(groups[key].translate(_LOOK_ALIKES)) for key in "md")]  # type: ignore[list-item]
    if not _YEARS[0] <= year <= _YEARS[1]:
        return None
    for month, day in days:
        try:
            return datetime.date(year, month, day).isoformat()
        except ValueError:
            continue
    return None


def _is_mostly_digits(number: str) -> bool:
    letters = sum(character in "olisb" for character in number)
    return sum(character.isdecimal() for character in number) >= max(1, letters)
