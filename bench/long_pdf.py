"""A PDF of very many pages against a short one: `python -m bench.long_pdf [--pages N]`.

For each kind of PDF, CPU seconds of a page in a PDF of `--pages` pages divided by those in one of
20 pages, and the memory that the long one takes at most:

    decode     opening the file for each task and decoding the pages, as workers do, without OCR;
               the tasks are those that the daemon makes (daemon/engine/document_job.py)
    sidecar    the JSON sidecar; text, hocr, alto, markdown, docx: these outputs
    pdf, pdfa  the searchable PDF, and the PDF/A

Kinds are text, pictures (scans), and both with a damaged cross-reference table, which is repaired
whenever the file is opened. `--sample` pages are decoded, spread over the document. With `--ocr`,
`read` is the whole path with recognition.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("OMP_NUM_THREADS", "1")

if TYPE_CHECKING:
    from daemon.core.options import Recipe
    from daemon.core.records import Document, PageText

SHORT = 20  # pages
KINDS = ("text", "scan")
LINES, WORDS = 30, 8  # of a page


def make_pdf(path: Path, kind: str, pages: int) -> None:
    """Write a PDF of simple pages, all different."""
    import cv2
    import numpy as np
    import pymupdf

    document = pymupdf.open()
    for number in range(1, pages + 1):
        page = document.new_page(width=612, height=792)
        if kind == "text":
            lines = (f"page {number} line {k} with some words of plain text" for k in range(LINES))
            page.insert_text((72, 72), list(lines), lineheight=1.6)
        else:
            image = np.full((1100, 850), 255, np.uint8)
            for k in range(6):
                place = (60, 120 + 60 * k)
                cv2.putText(image, f"page {number} line {k}", place, 0, 1.0, (0,), 2)
            page.insert_image(page.rect, stream=cv2.imencode(".jpg", image)[1].tobytes())
    document.save(path)


def without_xref(path: Path) -> Path:
    """Return a copy whose cross-reference table cannot be found."""
    data = path.read_bytes()
    damaged = path.with_stem(f"{path.stem}-damaged")
    damaged.write_bytes(data[: data.rindex(b"startxref")] + b"startxref\n7\n%%EOF\n")
    return damaged


def tasks_of(path: Path, recipe: Recipe) -> Iterator[tuple[int, int]]:
    """Yield the ranges of pages that the daemon gives to its workers."""
    from daemon.core.records import Claim, PageCount, Stamp
    from daemon.core.tasks import CountPages, Outcome
    from daemon.engine.document_job import DocumentJob
    from daemon.ocr import pages

    claim = Claim("token", path.name, path, Stamp.of(path), "")
    job = DocumentJob(claim, 3, recipe, 4)
    began = time.process_time()
    with pages.open_document(path, recipe.limits, recipe.rendering) as source:
        count = PageCount("application/pdf", source.page_count, {})
    count = PageCount(count.media_type, count.page_count, {"decode": time.process_time() - began})
    job.add_outcome(Outcome(job.next_task(), count))
    while job.has_pending:
        task = job.next_task()
        assert not isinstance(task, CountPages), "it is counted"
        yield task.first, min(task.last, count.page_count)


def decode(path: Path, recipe: Recipe, sample: int) -> float:
    """Return CPU seconds per page of tasks that have about `sample` pages."""
    from daemon.ocr import pages

    tasks = list(tasks_of(path, recipe))
    chosen = tasks[:: max(1, len(tasks) * (tasks[0][1] - tasks[0][0] + 1) // sample)]
    began, read = time.process_time(), 0
    for first, last in chosen:
        with pages.open_document(path, recipe.limits, recipe.rendering, in_gray=True) as source:
            for number in range(first, last + 1):
                source.page(number)
                read += 1
    return (time.process_time() - began) / read


def read_whole(path: Path, recipe: Recipe, sample: int) -> float:
    """Return CPU seconds per page with recognition."""
    from daemon.ocr.pipeline import Pipeline

    pipeline = Pipeline.load(recipe)
    pipeline.read_pages(path, 1, 1)
    tasks = list(tasks_of(path, recipe))
    chosen = tasks[:: max(1, len(tasks) * (tasks[0][1] - tasks[0][0] + 1) // sample)]
    began = time.process_time()
    pages = sum(len(pipeline.read_pages(path, first, last).pages) for first, last in chosen)
    return (time.process_time() - began) / pages


def page_text(number: int) -> PageText:
    """Return a page with as much text as a letter has."""
    from daemon.core.records import Block, Box, PageText, TextLine, Word

    lines = []
    for k in range(LINES):
        top = 100 + 40 * k
        words = tuple(
            Word(f"word{n}", 0.99, Box(100 + 80 * n, top, 170 + 80 * n, top + 30))
            for n in range(WORDS)
        )
        text = " ".join(word.text for word in words)
        lines.append(TextLine(text, 0.99, Box.around(word.box for word in words), words))
    return PageText(
        number=number, width=850, height=1100, dpi=100.0, rotation=0, skew=0.0, text_source="ocr",
        status="done", text="\n".join(line.text for line in lines), confidence=0.99,
        blocks=(Block(tuple(lines)),),
    )  # fmt: skip


def outputs(path: Path, recipe: Recipe, pages: int) -> dict[str, float]:
    """Return CPU seconds per page of each output of a document."""
    from daemon.core.records import Claim, Document, Stamp
    from daemon.core.structure import HeadingLevels
    from daemon.core.tasks import RenderTask
    from daemon.ocr.render import docx, pdfa, searchable_pdf
    from daemon.outbox import alto, hocr, markdown, text
    from daemon.outbox.sidecar import Provenance, Sidecar

    read = tuple(page_text(number) for number in range(1, pages + 1))
    document: Document = Document("done", "application/pdf", read, {}, 1)
    claim = Claim("0" * 32, path.name, path, Stamp.of(path), "0" * 64)
    at = "2026-01-01T00:00:00Z"
    by = Provenance("model", "0" * 64, "torch", "float32", "0" * 64, at, at, 1.0)
    target = path.with_name("searchable.pdf")
    task = RenderTask(
        claim.id, path, claim.stamp, "searchable_pdf", read, target, 3600.0, recipe
    )  # fmt: skip

    def searchable() -> None:
        with path.open("rb") as file:
            searchable_pdf.write(file, task)

    def archived() -> None:
        with path.open("rb") as file:
            pdfa.write(file, task)

    steps: dict[str, Callable[[], object]] = {
        "sidecar": lambda: deque(Sidecar(claim, document, by), 0),
        "text": lambda: text.render(document),
        "hocr": lambda: deque(hocr.render(document, path.name), 0),
        "alto": lambda: deque(alto.render(document, path.name), 0),
        "markdown": lambda: deque(markdown.render(read, HeadingLevels(read)), 0),
        "docx": lambda: docx.write(target.with_suffix(".docx"), read, 0.0),
        "pdf": searchable,
        "pdfa": archived,
    }
    spent = {}
    for name, step in steps.items():
        began = time.process_time()
        step()
        spent[name] = (time.process_time() - began) / pages
    return spent


def measured(step: Callable[[], object]) -> tuple[object, float]:
    """Return what a step returns in a process of its own, and the MB that this takes at most."""
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)

    def run() -> None:
        result = step()
        send.send((result, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))

    process = context.Process(target=run)
    process.start()
    send.close()
    result, megabytes = receive.recv()
    process.join()
    return result, megabytes


def compare(folder: Path, recipe: Recipe, arguments: argparse.Namespace) -> None:
    """Print a line for each kind and step."""
    read = read_whole if arguments.ocr else decode
    name = "read" if arguments.ocr else "decode"
    for kind in KINDS:
        paths = {pages: folder / f"{kind}{pages}.pdf" for pages in (SHORT, arguments.pages)}
        for pages, path in paths.items():
            make_pdf(path, kind, pages)
        for damage in ("", ", damaged"):
            files = {pages: without_xref(p) if damage else p for pages, p in paths.items()}
            found = {
                pages: measured(lambda p=p: read(p, recipe, arguments.sample))  # type: ignore[misc]
                for pages, p in files.items()
            }
            _print(f"{name}, {kind}{damage}", found, arguments.pages)
    made = {
        pages: measured(lambda p=p, n=pages: outputs(p, recipe, n))  # type: ignore[misc]
        for pages, p in paths.items()
    }
    for step in made[SHORT][0]:  # type: ignore[attr-defined]
        found = {
            pages: (result[step], memory)  # type: ignore[index]
            for pages, (result, memory) in made.items()
        }
        _print(step, found, arguments.pages)


def _print(name: str, found: dict[int, tuple[object, float]], pages: int) -> None:
    (short, little), (long, much) = found[SHORT], found[pages]
    ratio = float(long) / max(float(short), 1e-9)  # type: ignore[arg-type]
    print(
        f"{name:24} {ratio:5.2f} times a page of {SHORT} ({1000 * float(short):.2f} ms), "  # type: ignore[arg-type]
        f"{much:.0f} MB at most, {little:.0f} MB with {SHORT}",
        flush=True,
    )


def main() -> None:
    """Compare a long PDF with a short one."""
    parser = argparse.ArgumentParser(prog="python -m bench.long_pdf", description=__doc__)
    parser.add_argument("--pages", type=int, default=2000)
    parser.add_argument("--sample", type=int, default=100, help="pages that are decoded")
    parser.add_argument("--ocr", action="store_true", help="measure the whole path")
    arguments = parser.parse_args()
    from bench.path import write_config
    from daemon.config.load import load

    with tempfile.TemporaryDirectory(prefix="long-pdf-") as name:
        folder = Path(name)
        compare(folder, load(write_config(folder)).recipe, arguments)


if __name__ == "__main__":
    main()
