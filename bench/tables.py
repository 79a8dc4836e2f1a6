"""Tables of the page benchmark: by source and language, and turned against upright pages."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.labelled import Condition
from bench.scores import ScoreTotals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from bench.reader_process import ResidentMemory

AS_WELL = 0.02  # largest loss of F1 of a turned page that reads as well as upright

HEAD = (
    f"{'':34s} pages recall  rows   prec joined merged split    cer    wf1 CPU s/page"
    f" | first over this: wf1   cer   CPU | CPU s/page by stage"
)
PICTURES_HEAD = (
    f"{'':34s} pictures good recall excess  order CPU s/picture"
    f" | first over this: recall excess order CPU"
)


@dataclass(frozen=True)
class PageResult:
    """The scores of a reader on one page in one condition; `language` is None without truth."""

    condition: Condition
    reader: str
    page: str
    language: str | None
    totals: ScoreTotals
    category: str | None = None


def groups_of(result: PageResult, parts: Sequence[str] = ()) -> Iterator[str]:
    """Yield the groups of a page: its source, its language, the parts in its name, and all.

    The name of a page is LANGUAGE_SOURCE_..., but the language is that of its text, as in the
    scorer. A picture has a category in place of the source.
    """
    yield result.category or "_".join(result.page.split("_")[1:2]) or result.page
    if result.language is not None:
        yield result.language
    yield from (part for part in parts if part in result.page)
    yield "all"


def summed(
    results: Iterable[PageResult], groups: Callable[[PageResult], Iterable[str]]
) -> dict[str, dict[str, ScoreTotals]]:
    """Return totals by group and reader, readers in the order of `results`."""
    totals: dict[str, dict[str, ScoreTotals]] = defaultdict(dict)
    for result in results:
        for group in groups(result):
            totals[group].setdefault(result.reader, ScoreTotals()).add(result.totals)
    return dict(sorted(totals.items()))


def table(by_group: Mapping[str, Mapping[str, ScoreTotals]]) -> Iterator[str]:
    """Yield a row for each group and reader, with the ratio of the first reader to each."""
    yield HEAD
    for group, by_reader in by_group.items():
        first = next(iter(by_reader.values()))
        for reader, totals in by_reader.items():
            figures = row(f"{group:14s} {reader}", totals)
            yield f"{figures} | {_ratios(first, totals)} | {_stages(totals)}"


def pictures_table(by_group: Mapping[str, Mapping[str, ScoreTotals]]) -> Iterator[str]:
    """Yield a row for each group and reader with the scores of pictures, as `table`."""
    yield PICTURES_HEAD
    for group, by_reader in by_group.items():
        first = next(iter(by_reader.values()))
        for reader, totals in by_reader.items():
            ratios = (
                (first.found_anywhere, totals.found_anywhere),
                (first.read_in_excess, totals.read_in_excess),
                (first.in_order, totals.in_order),
                (first.cpu, totals.cpu),
            )
            divided = " ".join(f"{ours / theirs if theirs else 0:5.2f}" for ours, theirs in ratios)
            yield f"{pictures_row(f'{group:16s} {reader}', totals)} | {'':16s} {divided}"


def pictures_row(name: str, t: ScoreTotals) -> str:
    """Return totals of pictures as a row of figures."""
    scores = f"{t.found_anywhere:6.3f} {t.read_in_excess:6.3f} {t.in_order:6.3f}"
    return f"{name:34s} {t.pages:8d} {t.good:4d} {scores} {t.cpu:13.3f}"


def row(name: str, t: ScoreTotals) -> str:
    """Return totals as a row of figures, dashes if the pages have no labelled lines."""
    found = f"{t.recall:6.3f} {t.in_rows:5.3f} {t.precision:6.3f}"
    lines = f"{found} {t.joined:6d} {t.merged:6d} {t.split:5d}"
    lines = lines if t.labelled else "     -     -      -      -      -     -"
    return f"{name:34s} {t.pages:5d} {lines} {t.cer:6.4f} {t.f1:6.4f} {t.cpu:10.3f}"


def _ratios(first: ScoreTotals, other: ScoreTotals) -> str:
    pairs = ((first.f1, other.f1), (first.cer, other.cer), (first.cpu, other.cpu))
    return f"{'':16s}" + " ".join(
        f"{ours / theirs if theirs else 0:5.2f}" for ours, theirs in pairs
    )


def _stages(totals: ScoreTotals) -> str:
    return " ".join(f"{stage} {s / totals.pages:.3f}" for stage, s in totals.seconds.items())


def as_upright(results: Iterable[PageResult]) -> dict[str, tuple[int, int, float]]:
    """Return by reader the turned pages that read as well as upright, all of them, and their F1.

    As well means an F1 of at least that of the upright page with the same damage, minus 0.02.
    """
    known = [result for result in results if result.language is not None]
    upright = {
        (o.reader, o.page, o.condition.damage): o.totals for o in known if not o.condition.turn
    }
    found: dict[str, tuple[int, ScoreTotals]] = {}
    for o in known:
        before = upright.get((o.reader, o.page, o.condition.damage))
        if o.condition.turn and before is not None:
            well, total = found.get(o.reader, (0, ScoreTotals()))
            total.add(o.totals)
            found[o.reader] = well + (o.totals.f1 >= before.f1 - AS_WELL), total
    return {reader: (well, total.pages, total.f1) for reader, (well, total) in found.items()}


def turned_lines(results: Iterable[PageResult]) -> Iterator[str]:
    """Yield a line for each reader with turned pages."""
    for reader, (well, pages, f1) in as_upright(results).items():
        share = f"{well} of {pages}, {well / pages:.3f}"
        yield f"{reader:20s} turned pages read as well as upright: {share}; F1 turned {f1:.4f}"


def memory_lines(memories: Mapping[str, ResidentMemory]) -> Iterator[str]:
    """Yield the resident set of each reader, and that of the first divided by it."""
    first = next(iter(memories.values()))
    for reader, held in memories.items():
        end = f"{held.end:7.0f}" if held.end else "      -"
        yield f"{reader:20s} {held.peak:7.0f} {end} {first.peak / held.peak:6.2f}"
