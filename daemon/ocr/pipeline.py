"""The page pipeline: how a page, and a range of pages of a document, is read by a worker."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TYPE_CHECKING

from daemon.core import failpoints, malloc
from daemon.core.errors import Rejected
from daemon.core.records import Failure, PageCount, PagesRead, PageText
from daemon.ocr import (
    assemble,
    blank,
    directions,
    fields,
    layout,
    legibility,
    orientation,
    pages,
    plausibility,
    preprocess,
    segment,
)
from daemon.ocr.assemble import gaps, joining, unread
from daemon.ocr.assemble.frame import CoordinateFrame
from daemon.ocr.recognizer import Recognizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from daemon.core.options import Recipe
    from daemon.core.records import Code, Page, Stage, Stamp, TextLine
    from daemon.ocr.assemble import ReadLines
    from daemon.ocr.assemble.unread import UnreadText
    from daemon.ocr.records import CleanPage, LineCrop, RecognizedLine, RulingLines, Seal
    from daemon.ocr.segment import TextDetector

    LinesAndReadings = tuple[list[LineCrop], list[RecognizedLine]]


class StageTimer:
    """Seconds per stage, summed over pages: wall-clock seconds, or those of the given clock."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self.seconds: dict[Stage, float] = {}
        self._clock = clock or perf_counter

    @contextmanager
    def __call__(self, stage: Stage) -> Iterator[None]:
        """Add the seconds spent in the block to `stage`, also when it raises."""
        start = self._clock()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + self._clock() - start


@dataclass(frozen=True, slots=True)
class OrientedPage:
    """A page in one orientation: its lines, ruling lines and the readings of a sample by index."""

    clean: CleanPage
    lines: list[LineCrop]
    rules: RulingLines
    sampled: dict[int, RecognizedLine] = field(default_factory=dict)


class Pipeline:
    """Loaded networks and the recipe by which pages are read.

    `detector` sees every page, unless the recipe wants lines of the ink alone.
    """

    def __init__(
        self, recipe: Recipe, recognizer: Recognizer, detector: TextDetector | None = None
    ) -> None:
        self.recipe = recipe
        self.recognizer = recognizer
        self.detector = detector

    @classmethod
    def load(cls, recipe: Recipe) -> Pipeline:
        """Load the networks of `recipe`; raises Misconfigured where they do not fit."""
        return cls(recipe, Recognizer.load(recipe.weights), _load_detector(recipe))

    def with_recipe(self, recipe: Recipe) -> Pipeline:
        """Return a pipeline with the same networks and another recipe for the same weights."""
        self.detector = self.detector or _load_detector(recipe)
        return Pipeline(recipe, self.recognizer, self.detector)

    def read_page(
        self, page: Page, timer: StageTimer | None = None, seals: Sequence[Seal] = ()
    ) -> PageText:
        """Return the text of one page, from its text layer and from its image.

        `seals` are the stamps that were taken off the page.
        """
        timer = timer or StageTimer()
        text = self._read_without_seals(page, timer)
        text = self._add_seals(text, page, seals, timer) if seals else text
        return self._with_fields(text, timer)

    def _with_fields(self, text: PageText, timer: StageTimer) -> PageText:
        if not self.recipe.fields:
            return text
        with timer("assemble"):
            return replace(text, fields=fields.find(text, self.recipe.fields))

    def _read_without_seals(self, page: Page, timer: StageTimer) -> PageText:
        if page.text_layer is not None and not page.image.size:
            return self._page_of_text_layer(page, timer)
        oriented = self._find_orientation(page, timer)
        layer = assemble.layer_lines(page)
        with timer("recognize"):
            known = legibility.legible_sample(
                oriented.lines, oriented.sampled, self.recognizer.read, segment.as_column
            )
        if known is not None:
            return self._read_lines(page, replace(oriented, sampled=known), layer, timer)
        likely, others = legibility.likeliest(oriented.lines)
        noisy = replace(oriented, lines=likely, sampled={})
        text = self._read_lines(page, noisy, layer, timer, others)
        return replace(text, status="partial", failure=legibility.failure(len(oriented.lines)))

    def _read_lines(
        self,
        page: Page,
        oriented: OrientedPage,
        layer: Sequence[TextLine],
        timer: StageTimer,
        untried: Sequence[LineCrop] = (),
    ) -> PageText:
        """Return the text of the lines of a page; those that are `untried` are listed as unread."""
        with timer("recognize"):
            found, readings = orientation.read_in_directions(
                oriented.lines, oriented.sampled, self.recognizer.read, segment.as_column
            )
            readings = plausibility.weighed(found, readings)
        if untried:
            readings = legibility.without_specks(readings)
        read = assemble.split_legible(found, readings, layer)
        read = self._second_pass(page, oriented, read, timer)
        rejected = [*read.rejected, *((line, legibility.UNREAD) for line in untried)]
        if page.text_layer and not read.lines:
            frame = CoordinateFrame(page, oriented.clean)
            missing = unread.find(rejected, read.lines, layer, frame)
            return self._page_of_text_layer(page, timer, missing)
        with timer("assemble"):
            lines, readings = joining.join_sentences(
                oriented.clean.gray, read.lines, read.readings, oriented.rules
            )
            lines, readings = _split_at_cells(lines, readings, oriented.rules)
            placed = assemble.place_lines(page, oriented.clean, lines, readings, oriented.rules)
            blocks = layout.analyze(
                placed.boxes_and_texts, placed.rules, placed.height, placed.vertical
            )
            missing = unread.find(rejected, read.lines, layer, placed.frame)
            return assemble.page_text(page, oriented.clean, placed, blocks, missing)

    @property
    def _active_detector(self) -> TextDetector | None:
        """The detector, None where the recipe wants the lines of the ink alone."""
        return None if self.recipe.segmenter == "opencv" else self.detector

    def _second_pass(
        self, page: Page, oriented: OrientedPage, read: ReadLines, timer: StageTimer
    ) -> ReadLines:
        """Return the lines with those that the detector finds on a second pass, legible or not.

        It sees rejected lines enlarged, and the page without its lines amplified.
        """
        detector, clean = self._active_detector, oriented.clean
        if detector is None:
            return read
        with timer("segment"):
            regions = {
                k: read.rejected[k][0] for k in unread.candidates_for_second_pass(read.rejected)
            }
            found = {k: segment.find_lines_within(clean, regions[k], detector) for k in regions}
            explained = {k for k in regions if segment.is_explained(clean, regions[k], found[k])}
        with timer("recognize"):
            readings = {k: self._read_each(lines) for k, lines in found.items()}
            read = assemble.with_second_pass(read, readings, explained)
        with timer("segment"):
            boxes = assemble.text_boxes(page, clean, read)
            faint = segment.find_faint_lines(clean, boxes, oriented.rules, detector)
        with timer("recognize"):
            return assemble.with_faint_lines(read, self._read_each(faint))

    def _read_each(self, lines: Sequence[LineCrop]) -> list[tuple[LineCrop, RecognizedLine]]:
        readings = plausibility.weighed(lines, self.recognizer.read(lines)) if lines else []
        return list(zip(lines, readings, strict=True))

    def _add_seals(
        self, text: PageText, page: Page, seals: Sequence[Seal], timer: StageTimer
    ) -> PageText:
        with timer("segment"):
            lines = [segment.seal_lines(seal) for seal in seals]
        with timer("recognize"):
            read = [
                (of_seal, plausibility.weighed(of_seal, self.recognizer.read(of_seal)))
                for of_seal in lines
            ]
        with timer("assemble"):
            return assemble.add_seals(text, page, seals, read)

    @staticmethod
    def _page_of_text_layer(
        page: Page, timer: StageTimer, missing: UnreadText | None = None
    ) -> PageText:
        """Return the text layer of a page in reading order: each direction by itself.

        `missing` is what else was seen on the page.
        """
        with timer("assemble"):
            placed = assemble.place_text_layer(page)
            blocks = [
                layout.analyze(part.boxes_and_texts, part.rules, part.height) for part in placed
            ]
            return assemble.page_of_text_layer(page, placed, blocks, missing)

    def rotation_of(self, page: Page) -> int | None:
        """Return the clockwise rotation, in degrees, that makes a page upright; None without text.

        It is 0 where the recipe turns no pages.
        """
        oriented, rotation = self._find_rotation(page, StageTimer())
        return rotation if oriented.lines else None

    def _find_orientation(self, page: Page, timer: StageTimer) -> OrientedPage:
        """Return the page upright, with its lines; some of them may have been read."""
        oriented, rotation = self._find_rotation(page, timer)
        return self._prepare(page, rotation, timer) if rotation else oriented

    def _find_rotation(self, page: Page, timer: StageTimer) -> tuple[OrientedPage, int]:
        """Return the page as it lies, and the rotation that makes it upright.

        A text layer that is long enough determines the orientation, whatever is seen in pictures.
        """
        oriented = self._prepare(page, 0, timer)
        is_upright = orientation.is_upright_text_layer(assemble.layer_lines(page))
        if is_upright or not self.recipe.preprocessing.auto_rotate:
            return oriented, 0
        with timer("recognize"):
            rotation, sampled = orientation.find_rotation(
                oriented.lines, self.recognizer.read, segment.as_column
            )
        return replace(oriented, sampled=oriented.sampled | sampled), rotation

    def _prepare(self, page: Page, rotation: int, timer: StageTimer) -> OrientedPage:
        with timer("clean"):
            clean = preprocess.clean(page, self.recipe.preprocessing, rotation)
        with timer("segment"):
            lines, rules = self._segment(clean)
            has_columns = not self._active_detector or any(line.is_tall for line in lines)
            columns = segment.find_columns(clean) if has_columns else []
        with timer("recognize"):
            columns, readings = self._read_columns(columns)
        lines = [*columns, *segment.without_columns(lines, columns)]
        return OrientedPage(clean, lines, rules, readings)

    def _read_columns(
        self, columns: Sequence[LineCrop]
    ) -> tuple[list[LineCrop], dict[int, RecognizedLine]]:
        """Return those that are vertical text, and their readings by index."""
        columns = legibility.legible_columns(columns, self.recognizer.read)
        readings = self.recognizer.read(columns) if columns else []
        indexes = directions.vertical_indexes(columns, readings)
        return [columns[k] for k in indexes], dict(enumerate(readings[k] for k in indexes))

    def _segment(self, clean: CleanPage) -> tuple[list[LineCrop], RulingLines]:
        """Return lines and ruling lines of a page, by the segmenter of the recipe."""
        detector = self._active_detector
        if self.recipe.segmenter == "dbnet" and detector:
            return segment.detect_lines(clean, detector), segment.find_ruling_lines(clean)
        return segment.find_lines_and_rules(clean, detector)

    def count_pages(self, path: Path, stamp: Stamp | None = None) -> PageCount:
        """Open a document and count its pages; errors as for `read_pages`."""
        recipe, timer = self.recipe, StageTimer()
        with timer("decode"):
            document = pages.open_document(path, recipe.limits, recipe.rendering, stamp)
            with document as source:
                media_type, count = source.media_type, source.page_count
        return PageCount(media_type, count, timer.seconds)

    def read_pages(
        self, path: Path, first: int = 1, last: int | None = None, stamp: Stamp | None = None
    ) -> PagesRead:
        """Read pages `first` to `last` (1-based, inclusive; None or too large means the last page).

        Raises Rejected for a document that cannot be read, and Deferred for a file that does not
        have `stamp`. If one of several pages cannot be read, it is returned as a failed page and
        the others are read.
        """
        recipe = self.recipe
        timer = StageTimer()
        with ExitStack() as stack:
            with timer("decode"):
                document = pages.open_document(
                    path, recipe.limits, recipe.rendering, stamp,
                    in_gray=True, with_picture=bool(recipe.codes),
                )  # fmt: skip
                source = stack.enter_context(document)
            count = source.page_count
            last = count if last is None else min(last, count)
            read = tuple(self._read_or_fail(source, n, timer) for n in range(first, last + 1))
        precision = self.recognizer.precision
        return PagesRead(
            source.media_type, count, read, timer.seconds, precision, tuple(source.warnings)
        )

    def _read_or_fail(self, source: pages.PageSource, number: int, timer: StageTimer) -> PageText:
        failpoints.reach("worker.page", str(number))
        try:
            with timer("decode"):
                shown = source.page(number)
                page, seals = preprocess.separate_seals(replace(shown, picture=None))
            codes = self._find_codes(shown, timer)
            is_blank = self._looks_blank(shown, timer)
            del shown
        except Rejected as rejected:
            if source.page_count == 1:
                raise
            return PageText.not_read(number, Failure(rejected.reason, rejected.message))
        try:
            read = self.read_page(page, timer, seals)
            text = read if codes is None else unread.outside_codes(replace(read, codes=codes))
            return _told_blank(text, is_blank and not seals) if is_blank is not None else text
        finally:
            malloc.trim()

    def _looks_blank(self, page: Page, timer: StageTimer) -> bool | None:
        """Tell whether nothing is seen on a page; None where that is not asked."""
        if not self.recipe.marks_blank:
            return None
        is_whole = not (page.text_layer or page.defect or page.not_rendered or page.warnings)
        with timer("clean"):
            return is_whole and blank.is_blank(page)

    def _find_codes(self, page: Page, timer: StageTimer) -> tuple[Code, ...] | None:
        """Return the codes on a page; None where none are looked for."""
        if not self.recipe.codes:
            return None
        from daemon.ocr import codes  # its library is loaded only where codes are looked for

        with timer("codes"):
            return codes.find(page, self.recipe.codes) if page.shown.size else ()


def _told_blank(text: PageText, is_blank: bool) -> PageText:
    """Return a page that is told to be blank, or not to be: one with a letter or a code is not.

    What was listed as unread on a blank page is what shows through from the other side.
    """
    if not is_blank or text.codes or any(map(str.isalnum, text.text)):
        return replace(text, blank=False)
    return replace(text, blank=True, status="done", failure=None, unread=())


def _load_detector(recipe: Recipe) -> TextDetector | None:
    network, sha256 = recipe.network, recipe.detector.sha256
    return segment.TextDetector.load(network, sha256) if network else None


def _split_at_cells(
    lines: Sequence[LineCrop], readings: Sequence[RecognizedLine], rules: RulingLines
) -> LinesAndReadings:
    """Return the lines, those cut that go on in another cell of a table."""
    wide = [gaps.find(*each, rules) for each in zip(lines, readings, strict=True)]
    pieces = [gaps.cut(*each) for each in zip(lines, readings, wide, strict=True)]
    points = layout.split_points(
        [[(line.box, reading.text) for line, reading in parts] for parts in pieces], rules
    )
    parts = [
        part
        for line, reading, found, chosen in zip(lines, readings, wide, points, strict=True)
        for part in gaps.cut(line, reading, [found[k - 1] for k in chosen])
    ]
    return [line for line, _ in parts], [reading for _, reading in parts]
