"""Plug-in for OCRmyPDF: its pages are read with the pipeline of the daemon.

    ocrmypdf --plugin daemon.ocrmypdf -l chi_sim+eng scan.pdf searchable.pdf

OCRmyPDF splits a PDF, draws its pages and puts the text back; for each page it calls the functions
of `OcrDaemonEngine` with a picture, in a thread or in a worker process (pluginspec.py of OCRmyPDF
17 has the contract). Each process loads the networks once, when it reads its first page.
"""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ocrmypdf import OcrEngine, OcrOptions, OrientationConfidence, hookimpl
from ocrmypdf.exceptions import BadArgsError, InputFileError
from ocrmypdf.imageops import calculate_downsample, downsample_image
from pydantic import BaseModel

from daemon import __version__
from daemon.core.errors import DaemonError, Misconfigured
from daemon.core.records import Document, PageText

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable

    from ocrmypdf import PageContext
    from ocrmypdf.pdfinfo import PdfInfo
    from PIL.Image import Image

    from daemon.core.options import Recipe
    from daemon.core.records import Page
    from daemon.ocr.pipeline import Pipeline

T = TypeVar("T")
log = logging.getLogger(__name__)

LANGUAGES = frozenset({"chi_sim", "chi_tra", "eng"})
_READ_PIXELS = 120_000_000  # of a page that is read; larger pictures take gigabytes
# of a picture whose orientation or skew is wanted; OCRmyPDF has --max-image-mpixels
_MAX_MEGAPIXELS = 1000.0
_FONT = "f-0-0"  # the name that Tesseract gives it, by which OCRmyPDF finds it
_MAX_THREADS = 2  # of one page; more are hardly faster
# in the units of OCRmyPDF, where 14 is the default of --rotate-pages-threshold: the pipeline turns
# a page only where it reads surely then, and there is nothing to be chosen between
_SURE, _UNSURE = 15.0, 0.0


class EngineOptions(BaseModel):
    """The options of the plug-in, `options.ocr_daemon` in OCRmyPDF."""

    config: str | None = None
    threads: int = 1


@hookimpl
def register_options() -> dict[str, type[BaseModel]]:
    """Name the options of the plug-in."""
    return {"ocr_daemon": EngineOptions}


@hookimpl
def add_options(parser: ArgumentParser) -> None:
    """Add the options to the command line."""
    group = parser.add_argument_group("ocr-daemon", "Reading with the networks of ocr-daemon")
    group.add_argument(
        "--ocr-daemon-config",
        metavar="FILE",
        help="config.yaml whose model, detector, segmenter and preprocess are used "
        "[default: those that come with ocr-daemon]",
    )


@hookimpl
def check_options(options: OcrOptions) -> None:
    """Refuse an invalid config, and choose the renderer that keeps each word at its place.

    That is "sandwich" in OCRmyPDF: the engine itself writes the PDF with the text.
    """
    if not _is_chosen(options):
        return
    try:
        _recipe(options.ocr_daemon.config)
    except Misconfigured as error:
        raise BadArgsError(str(error)) from error
    if options.pdf_renderer == "auto":
        options.pdf_renderer = "sandwich"


@hookimpl
def validate(pdfinfo: PdfInfo, options: OcrOptions) -> None:
    """Give the cores that have no page of their own to the pages that there are."""
    cores = options.jobs or len(os.sched_getaffinity(0))
    options.ocr_daemon.threads = max(1, min(cores // max(1, len(pdfinfo)), _MAX_THREADS))


@hookimpl
def filter_ocr_image(page: PageContext, image: Image) -> Image | None:
    """Return a very large picture smaller; None leaves the others to OCRmyPDF's own limits."""
    if image.width * image.height <= _READ_PIXELS or not _is_chosen(page.options):
        return None
    return downsample_image(image, calculate_downsample(image, max_pixels=_READ_PIXELS))


@hookimpl
def get_ocr_engine(options: OcrOptions | None) -> OcrDaemonEngine | None:
    """Return the engine; None where the command line asks for another one."""
    return OcrDaemonEngine() if _is_chosen(options) else None


def _is_chosen(options: OcrOptions | None) -> bool:
    return options is None or options.ocr_engine == "auto"


class OcrDaemonEngine(OcrEngine):
    """Reads the pictures of pages; raises InputFileError for one that cannot be read."""

    @staticmethod
    def version() -> str:
        """Return the version of ocr-daemon."""
        return __version__

    @staticmethod
    def creator_tag(options: OcrOptions) -> str:
        """Return what the metadata of the PDF name as the program that read it."""
        del options
        return f"ocr-daemon {__version__}"

    def __str__(self) -> str:
        return f"ocr-daemon {__version__}"

    @staticmethod
    def languages(options: OcrOptions) -> set[str]:
        """Return the languages that are read, all at once, whichever are asked for."""
        del options
        return set(LANGUAGES)

    @staticmethod
    def get_orientation(input_file: Path, options: OcrOptions) -> OrientationConfidence:
        """Return by how many degrees the page lies turned to the left."""
        rotation = _of_page(input_file, options, lambda pipeline, page: pipeline.rotation_of(page))
        if rotation is None:
            return OrientationConfidence(0, _UNSURE)
        return OrientationConfidence(-rotation % 360, _SURE)

    @staticmethod
    def get_deskew(input_file: Path, options: OcrOptions) -> float:
        """Return by how many degrees the page must be turned counterclockwise."""
        from daemon.ocr import preprocess

        steps = replace(_recipe(options.ocr_daemon.config).preprocessing, deskew=True, dewarp=False)
        return _of_page(input_file, options, lambda _, page: preprocess.clean(page, steps).skew)

    @staticmethod
    def generate_hocr(
        input_file: Path, output_hocr: Path, output_text: Path, options: OcrOptions
    ) -> None:
        """Write the text of a page as hOCR, and as plain text."""
        from daemon.outbox import hocr

        page = _read(input_file, options)
        # OCRmyPDF looks for lines in paragraphs only, not in headings and cells of tables
        plain = tuple(replace(block, kind="text", table=None) for block in page.blocks)
        document = Document("done", None, (replace(page, blocks=plain),), {}, 1)
        output_hocr.write_bytes(b"".join(hocr.render(document, input_file.name)))
        output_text.write_text(page.text, encoding="utf-8")

    @staticmethod
    def generate_pdf(
        input_file: Path, output_pdf: Path, output_text: Path, options: OcrOptions
    ) -> None:
        """Write the text of a page as a PDF of invisible words, and as plain text."""
        from daemon.ocr.render import searchable_pdf

        page = _read(input_file, options)
        output_pdf.write_bytes(searchable_pdf.text_only(page, _FONT))
        output_text.write_text(page.text, encoding="utf-8")


@dataclass(slots=True)
class _Process:
    """The pipeline of this process, and what it was loaded for."""

    loaded_for: tuple[int, str | None, int] | None = None
    pipeline: Pipeline | None = None


_process = _Process()
_loading = threading.Lock()


def _pipeline(options: OcrOptions) -> Pipeline:
    """Return the pipeline of this process; that of its parent has threads that are not here."""
    from daemon.engine.worker import load_pipeline

    own: EngineOptions = options.ocr_daemon
    wanted = (os.getpid(), own.config, own.threads)
    with _loading:
        if _process.pipeline is None or _process.loaded_for != wanted:
            _process.pipeline = load_pipeline(_recipe(own.config), own.threads)
            _process.loaded_for = wanted
        return _process.pipeline


def _recipe(config: str | None) -> Recipe:
    """Return the recipe of a config; of the defaults where none is named, wherever we are."""
    from daemon.config.load import load

    recipe = load(Path(config) if config else None, touch_folders=False).recipe
    return replace(recipe, limits=replace(recipe.limits, page_megapixels=_MAX_MEGAPIXELS))


def _read(picture: Path, options: OcrOptions) -> PageText:
    """Return the text of a picture, and warn of what could not be read.

    OCRmyPDF makes some pictures symbolic links, which the pipeline does not follow.
    """
    pipeline = _pipeline(options)
    try:
        (page,) = pipeline.read_pages(picture.resolve()).pages
    except DaemonError as error:
        raise InputFileError(f"ocr-daemon cannot read a page: {error}") from error
    if page.failure is not None:
        log.warning("%s", page.failure.message)
    elif page.unread:
        regions = "1 region looks" if len(page.unread) == 1 else f"{len(page.unread)} regions look"
        log.warning("%s like text and could not be read", regions)
    return page


def _of_page(picture: Path, options: OcrOptions, value: Callable[[Pipeline, Page], T]) -> T:
    """Return what `value` makes of the only page of a picture."""
    from daemon.ocr import pages

    pipeline = _pipeline(options)
    recipe = pipeline.recipe
    try:
        with pages.open_document(
            picture.resolve(), recipe.limits, recipe.rendering, in_gray=True
        ) as source:
            return value(pipeline, source.page(1))
    except DaemonError as error:
        raise InputFileError(f"ocr-daemon cannot read a page: {error}") from error
