"""The story of a page, and of a document as a worker reads it."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from daemon.core import failpoints, malloc
from daemon.core.errors import Rejected
from daemon.core.records import Failure, PageCount, PagesRead, PageText
from daemon.ocr import assemble, layout, orientation, pages, preprocess, segment
from daemon.ocr.recognizer import Recognizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from daemon.core.options import Recipe
    from daemon.core.records import Page, Stamp, TextLine
    from daemon.ocr.records import CleanPage, Line, Reading, Rules
    from daemon.ocr.segment import TextDetector

    Found = tuple[list[Line], list[Reading]]


class Stages:
    """Seconds by stage, summed up over pages: wall seconds, or those of the given clock."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self.seconds: dict[str, float] = {}
        self._clock = clock or perf_counter

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Add the seconds spent within to `stage`, also where an error ends it."""
        start = self._clock()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + self._clock() - start


@dataclass(frozen=True, slots=True)
class View:
    """A page turned one way: its lines and rules, and the readings of a few lines by place."""

    clean: CleanPage
    lines: list[Line]
    rules: Rules
    known: dict[int, Reading]


class Pipeline:
    """A recogniser kept warm and the recipe that says how pages are read.

    `detector` finds lines where the recipe lets it: on all pages, or where they else read badly.
    """

    def __init__(
        self, recipe: Recipe, recognizer: Recognizer, detector: TextDetector | None = None
    ) -> None:
        self.recipe = recipe
        self.recognizer = recognizer
        self.detector = detector

    @classmethod
    def load(cls, recipe: Recipe) -> Pipeline:
        """Return a pipeline with the networks of `recipe`; Misconfigured where they do not fit."""
        return cls(recipe, Recognizer.load(recipe.weights), _detector(recipe))

    def with_recipe(self, recipe: Recipe) -> Pipeline:
        """Return a pipeline of the same networks that reads by another recipe of these weights."""
        self.detector = self.detector or _detector(recipe)
        return Pipeline(recipe, self.recognizer, self.detector)

    def read_page(self, page: Page, stages: Stages | None = None) -> PageText:
        """Return the text of one page: what its text layer has, and what is read of its image."""
        timed = stages or Stages()
        if page.text_layer is not None and not page.image.size:
            return assemble.page_from_text_layer(page)
        view = self._upright(page, timed)
        lines, readings = self._read_lines(view, assemble.layer_lines(page), timed)
        if page.text_layer and not lines:
            return assemble.page_from_text_layer(page)
        with timed("assemble"):
            placed = assemble.placing(page, view.clean, lines, readings, view.rules)
            parts = layout.arrange(placed.found, placed.rules, placed.height)
            return assemble.page_text(page, view.clean, placed, parts)

    def _upright(self, page: Page, timed: Stages) -> View:
        """Return the page as it stands; turned only where its lines read badly as it lies.

        A text layer that says enough tells how its page stands, whatever pictures look like.
        """
        view = self._view(page, 0, timed)
        told = orientation.is_told(assemble.layer_lines(page))
        if (
            told
            or not self.recipe.preprocessing.auto_rotate
            or orientation.is_sure(view.known.values())
        ):
            return view
        views = [view, *(self._view(page, turn, timed) for turn in orientation.TURNS)]
        return views[orientation.most_telling([view.known.values() for view in views])]

    def _view(self, page: Page, turn: int, timed: Stages) -> View:
        with timed("clean"):
            clean = preprocess.clean(page, self.recipe.preprocessing, turn)
        with timed("segment"):
            lines, rules = self._find(clean)
        with timed("recognize"):
            places = orientation.sample(lines)
            readings = self.recognizer.read([lines[place] for place in places])
        return View(clean, lines, rules, dict(zip(places, readings, strict=True)))

    def _find(self, clean: CleanPage) -> tuple[list[Line], Rules]:
        """Return lines and rules of a page, by the finder that looks first."""
        if self.recipe.segmenter == "dbnet" and self.detector:
            return segment.detect_lines(clean, self.detector), segment.find_rules(clean)
        return segment.find(clean)

    def _read_lines(self, view: View, layer: Sequence[TextLine], timed: Stages) -> Found:
        """Return the legible lines of a view: by the other finder too, where they read badly.

        `layer` is what a text layer says beside them.
        """
        with timed("recognize"):
            readings = self._readings(view)  # batches inside, order kept
        found = _legible(view.lines, readings, layer)
        if self.recipe.segmenter != "auto" or not self.detector or not _is_doubtful(view, readings):
            return found
        malloc.trim()  # the network takes more than anything before it
        with timed("segment"):
            lines = segment.detect_lines(view.clean, self.detector)
        with timed("recognize"):
            other = _legible(lines, self.recognizer.read(lines), layer)
        return max(found, other, key=lambda each: orientation.evidence(each[1]))

    def _readings(self, view: View) -> list[Reading]:
        """Return the readings of all lines of a view."""
        rest = [place for place in range(len(view.lines)) if place not in view.known]
        read = self.recognizer.read([view.lines[place] for place in rest])
        readings = view.known | dict(zip(rest, read, strict=True))
        return [readings[place] for place in range(len(view.lines))]

    def count_pages(self, path: Path, stamp: Stamp | None = None) -> PageCount:
        """Open a document and count its pages; errors as for `read_pages`."""
        recipe, stages = self.recipe, Stages()
        with stages("decode"):
            document = pages.open_document(path, recipe.limits, recipe.rendering, stamp)
            with document as source:
                media_type, count = source.media_type, source.page_count
        return PageCount(media_type, count, stages.seconds)

    def read_pages(
        self, path: Path, first: int = 1, last: int | None = None, stamp: Stamp | None = None
    ) -> PagesRead:
        """Read pages `first` to `last` (1-based, inclusive, None or too large is the last one).

        Raises Rejected for a document that cannot be read, Deferred for a file that does not bear
        `stamp`; of several pages one that cannot be read is a failed page, and the others are read.
        """
        recipe = self.recipe
        stages = Stages()
        with ExitStack() as held:
            with stages("decode"):
                document = pages.open_document(
                    path, recipe.limits, recipe.rendering, stamp, in_gray=True
                )
                source = held.enter_context(document)
            count = source.page_count
            last = count if last is None else min(last, count)
            read = tuple(self._read(source, n, stages) for n in range(first, last + 1))
        precision = self.recognizer.precision
        return PagesRead(source.media_type, count, read, stages.seconds, precision)

    def _read(self, source: pages.Source, number: int, stages: Stages) -> PageText:
        failpoints.reach("worker.page", str(number))
        try:
            with stages("decode"):
                page = preprocess.grayed(source.page(number))
        except Rejected as rejected:
            if source.page_count == 1:
                raise
            return PageText.unread(number, Failure(rejected.reason, rejected.message))
        try:
            return self.read_page(page, stages)
        finally:
            malloc.trim()


def _detector(recipe: Recipe) -> TextDetector | None:
    network, sha256 = recipe.network, recipe.detector.sha256
    return segment.TextDetector.load(network, sha256) if network else None


def _legible(
    lines: Sequence[Line], readings: Sequence[Reading], layer: Sequence[TextLine]
) -> Found:
    kept = assemble.legible(readings, layer)
    return [lines[k] for k in kept], [readings[k] for k in kept]


def _is_doubtful(view: View, readings: Sequence[Reading]) -> bool:
    """Tell whether another finder may see more: lines read badly, or there are none but ink."""
    if not view.lines:
        return not segment.is_blank(view.clean)
    return not orientation.is_sure(readings)
