"""What moments ask of the config: made up, second by second, as the field's writers have them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import yaml

from daemon.cli.recommend import Moment, Recommendation, files_of, recommend, snippet
from daemon.config.sections import Watch

IGNORED = Watch().ignore


def paused(name: str, *times: float, whole: bool = True) -> list[Moment]:
    """A file that changes at these times and is still between them."""
    lacks = "" if whole else "has no %%EOF"
    found = []
    for at in times:
        found += [
            Moment(at, "changed", name, 9), Moment(at, "event", name, detail="closed"),
            Moment(at + 0.3, "still", name, 9, lacks),
        ]  # fmt: skip
    return found


def recommended(
    moments: Sequence[Moment], kind: str = "ext4", *, is_silent: bool = False
) -> Recommendation:
    recommendation = recommend(moments, IGNORED, kind, is_silent=is_silent)
    assert recommendation is not None
    return recommendation


def several(count: int, *times: float, whole: bool = True) -> list[Moment]:
    return [m for n in range(count) for m in paused(f"{n}.pdf", *times, whole=whole)]


def test_the_longest_pause_of_a_file_that_looked_whole_decides() -> None:
    recommendation = recommended([*several(4, 1.0, 3.0), *paused("long.tif", 10.0, 13.8, 14.0)])

    assert recommendation.quiet_seconds == 6.0
    assert "was 3.8 s (one was closed 3 times), with a margin of half of it" in " ".join(
        recommendation.reasons
    )


def test_a_pause_of_a_file_that_lacks_its_end_costs_no_quiet_time() -> None:
    recommendation = recommended(several(5, 1.0, 46.0, whole=False))

    assert (recommendation.quiet_seconds, recommendation.incomplete_seconds) == (2.0, 90.0)


@pytest.mark.parametrize(("count", "quiet"), [(4, 5.0), (5, 2.0)])
def test_few_files_are_no_reason_to_go_below_the_default(count: int, quiet: float) -> None:
    assert recommended(several(count, 1.0)).quiet_seconds == quiet


def test_what_is_recommended_goes_together() -> None:
    """Relations that the config refuses otherwise."""
    recommendation = recommended(several(5, 1.0, 101.0))
    section = yaml.safe_load(snippet(recommendation, IGNORED))["watch"]

    watch = Watch(**section)
    assert watch.quiet_seconds == 150.0
    assert watch.quiet_seconds <= min(watch.rescan_seconds, watch.incomplete_seconds)


@pytest.mark.parametrize(
    ("drafts", "patterns"),
    [
        ({"a.pdf.writing": "a.pdf"}, ("*.writing",)),
        ({"tmp_a.pdf": "a.pdf", "tmp_b.pdf": "b.pdf"}, ("tmp_*",)),
        ({"a.pdf.part": "a.pdf", ".a": "b.pdf"}, ()),
        ({"1.pdf": "invoice.pdf"}, ()),
    ],
)
def test_drafts_are_ignored_by_a_pattern_where_one_tells_them_from_documents(
    drafts: dict[str, str], patterns: tuple[str, ...]
) -> None:
    moments = [
        moment
        for draft, final in drafts.items()
        for moment in (*paused(draft, 1.0, 9.0), Moment(9.5, "renamed", draft, 9, final))
    ]

    recommendation = recommended(moments)

    assert recommendation.ignore == patterns
    assert recommendation.quiet_seconds == (1.0 if "1.pdf" not in drafts else 12.0)


def test_a_lock_file_beside_the_documents_is_ignored() -> None:
    lock = [Moment(1.0, "changed", "a.lck"), Moment(5.0, "gone", "a.lck")]

    assert recommended([*lock, *several(5, 2.0)]).ignore == ("*.lck",)


def test_attributes_touched_later_are_no_pause() -> None:
    touched = Moment(11.0, "touched", "a.pdf", 9)

    assert recommended([*paused("a.pdf", 1.0), touched, *several(5, 1.0)]).quiet_seconds == 2.0


@pytest.mark.parametrize(
    ("heard", "is_silent", "mode"),
    [(True, False, "auto"), (False, False, "scan"), (False, True, "auto"), (True, True, "auto")],
)
def test_the_mode_is_what_the_events_prove(heard: bool, is_silent: bool, mode: str) -> None:
    moments = [m for m in several(5, 1.0) if heard or m.kind != "event"]

    assert recommended(moments, is_silent=is_silent).mode == mode


def test_events_that_come_before_the_listing_or_after_a_rename_are_counted() -> None:
    moments = [
        Moment(0.9, "event", "a.tmp", detail="created"), Moment(1.0, "changed", "a.tmp", 9),
        Moment(1.1, "renamed", "a.tmp", 9, "a.pdf"), Moment(1.5, "event", "a.tmp", detail="closed"),
    ]  # fmt: skip

    (file,) = files_of(moments)

    assert (file.names, len(file.events), file.closes) == (["a.tmp", "a.pdf"], 2, 1)


def test_a_daemon_that_takes_files_away_is_told() -> None:
    taken = [Moment(2.0, "gone", "0.pdf"), Moment(2.4, "taken", "0.pdf", detail="moved")]

    assert "A daemon claimed 1 file meanwhile" in " ".join(recommended([*several(5, 1.0), *taken]).reasons)


def test_of_nothing_written_nothing_is_recommended() -> None:
    assert recommend([Moment(1.0, "gone", "old.pdf")], IGNORED, "ext4", is_silent=False) is None
