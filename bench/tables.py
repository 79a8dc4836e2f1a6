"""Outcomes of a bench of pages as tables: by source and language, and against turned pages."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.labelled import Condition
from bench.scores import ScoreTotals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from bench.engines import Memory

AS_WELL = 0.02  # F1 by which a turned page may read worse and yet as well

HEAD = (
    f"{'':34s} pages recall  rows   prec joined merged split    cer    wf1 CPU s/page"
    f" | first's over its: wf1   cer   CPU | CPU s/page by stage"
)


@dataclass(frozen=True)
class Outcome:
    """What a reader did on one page in one condition; `language` is None without a truth."""

    condition: Condition
    reader: str
    page: str
    language: str | None
    totals: ScoreTotals


def parts_of(outcome: Outcome, parts: Sequence[str] = ()) -> Iterator[str]:
    """Yield what a page counts to: its source, its language, the parts in its name, and all.

    A page's name is LANGUAGE_SOURCE_..., but its language is told by its text, as the scorer does.
    """
    yield "_".join(outcome.page.split("_")[1:2]) or outcome.page
    if outcome.language is not None:
        yield outcome.language
    yield from (part for part in parts if part in outcome.page)
    yield "all"


def summed(
    outcomes: Iterable[Outcome], groups: Callable[[Outcome], Iterable[str]]
) -> dict[str, dict[str, ScoreTotals]]:
    """Return totals_by_reader by group and reader, the readers in the order in which they came."""
    totals_by_reader: dict[str, dict[str, ScoreTotals]] = defaultdict(dict)
    for outcome in outcomes:
        for group in groups(outcome):
            totals_by_reader[group].setdefault(outcome.reader, ScoreTotals()).add(outcome.totals)
    return dict(sorted(totals_by_reader.items()))


def table(by_group: Mapping[str, Mapping[str, ScoreTotals]]) -> Iterator[str]:
    """Yield a line for each group and reader, each reader set against the first."""
    yield HEAD
    for group, by_reader in by_group.items():
        first = next(iter(by_reader.values()))
        for reader, totals in by_reader.items():
            figures = row(f"{group:14s} {reader}", totals)
            yield f"{figures} | {_ratios(first, totals)} | {_stages(totals)}"


def row(name: str, t: ScoreTotals) -> str:
    """Return a totals as one line of figures; dashes where the pages have no labelled lines."""
    found = f"{t.recall:6.3f} {t.in_rows:5.3f} {t.precision:6.3f}"
    lines = f"{found} {t.joined:6d} {t.merged:6d} {t.split:5d}"
    lines = lines if t.labelled else "     -     -      -      -      -     -"
    return f"{name:34s} {t.pages:5d} {lines} {t.cer:6.4f} {t.f1:6.4f} {t.cpu:10.3f}"


def _ratios(first: ScoreTotals, its: ScoreTotals) -> str:
    pairs = ((first.f1, its.f1), (first.cer, its.cer), (first.cpu, its.cpu))
    return f"{'':16s}" + " ".join(
        f"{ours / theirs if theirs else 0:5.2f}" for ours, theirs in pairs
    )


def _stages(totals: ScoreTotals) -> str:
    return " ".join(f"{stage} {s / totals.pages:.3f}" for stage, s in totals.seconds.items())


def as_upright(outcomes: Iterable[Outcome]) -> dict[str, tuple[int, int, float]]:
    """Return by reader how many turned pages, of how many, read as well as upright, and their F1.

    As well is an F1 of at least that of the page upright, in the same damage, less 0.02.
    """
    known = [outcome for outcome in outcomes if outcome.language is not None]
    upright = {
        (o.reader, o.page, o.condition.damage): o.totals for o in known if not o.condition.turn
    }
    found: dict[str, tuple[int, ScoreTotals]] = {}
    for o in known:
        stood = upright.get((o.reader, o.page, o.condition.damage))
        if o.condition.turn and stood is not None:
            well, total = found.get(o.reader, (0, ScoreTotals()))
            total.add(o.totals)
            found[o.reader] = well + (o.totals.f1 >= stood.f1 - AS_WELL), total
    return {reader: (well, total.pages, total.f1) for reader, (well, total) in found.items()}


def turned_lines(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """Yield for each reader how its turned pages read, where there are any."""
    for reader, (well, pages, f1) in as_upright(outcomes).items():
        share = f"{well} of {pages}, {well / pages:.3f}"
        yield f"{reader:20s} turned pages read as well as upright: {share}; F1 turned {f1:.4f}"


def memory_lines(memories: Mapping[str, Memory]) -> Iterator[str]:
    """Yield the resident set of each reader and the first's over it."""
    first = next(iter(memories.values()))
    for reader, held in memories.items():
        end = f"{held.end:7.0f}" if held.end else "      -"
        yield f"{reader:20s} {held.peak:7.0f} {end} {first.peak / held.peak:6.2f}"
