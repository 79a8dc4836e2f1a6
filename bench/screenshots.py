"""Screenshots of the web page for docs/images/, taken from the running program.

    python -m bench.screenshots [--out DIR]

A daemon reads the drawn pages of `bench.drawn_pages` in a temporary folder, and a Chromium opens
the pages of the web process.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from selenium.webdriver import ActionChains, Keys

from bench import drawn_pages
from tests.support.running_daemon import Workspace, until
from tests.support.samples import pdfs
from tests.support.web.browsing import Browser, web_of

TALLEST = 1500
FIELDS = {
    "invoice": {"label": ["Invoice no.", "No."], "pattern": "[0-9]{3,}"},
    "date": 'date beside "Invoice date" or "Date"',
    "total": 'last amount right of "Total due" or "Total"',
    "customer": 'right of "Customer" or "Bill to"',
}  # those of docs/fields.md


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        web = {"port": 0, "requests_per_minute": 0}
        workspace = Workspace(Path(folder), web=web, fields=FIELDS)
        with workspace.running(), web_of(workspace) as site:
            _fill(workspace)
            for name, picture in _pictures(site):
                _save(out / f"web-{name}.png", picture)


def _fill(workspace: Workspace) -> None:
    files = {
        "letters/fax from the library.jpg": drawn_pages.fax(),
        "ferry timetable.jpg": drawn_pages.timetable(),
        "locked contract.pdf": pdfs.pdf_encrypted(user_password="x"),
        "annual report.pdf": drawn_pages.report(),
        "开放时间通知.jpg": drawn_pages.notice(),
        "invoice 2041.jpg": drawn_pages.invoice(),
    }
    for name, content in files.items():
        workspace.drop(name, content)
        workspace.answer(f"{name}.json")


def _uploads() -> list[tuple[str, bytes]]:
    """Return the files to upload: the same words, each with another grain."""
    return [
        (name, drawn_pages.invoice(seed))
        for seed, name in enumerate(("receipt", "reminder", "quote"))
    ]


def _pictures(site: str) -> Iterator[tuple[str, bytes]]:
    with _browser(site) as browser:
        yield "list", _screenshot(_drawn(browser.open("/")))
        browser.bring([(f"{name}.jpg", "image/jpeg", content) for name, content in _uploads()])
        until(lambda: "Reading" in browser.text("#progress"), what="one is being read")
        yield "progress", _screenshot(browser)
        until(
            lambda: browser.text("#finished").count("Done") == len(_uploads()), what="all are read"
        )
        yield "search", _screenshot(_drawn(browser.open("/?q=volumes")))
        _open(browser, "invoice 2041.jpg")
        _point(browser, "Rebinding, half leather")
        yield "document", _screenshot(browser)
        _open(browser, "fax")
        yield "uncertain", _screenshot(browser)
        _correct(browser, "are ready to be fetched. The spines of volumes 3 and 7")
        yield "corrected", _screenshot(browser)
        browser.theme(dark=True)
        _open(browser, "timetable")
        _point(browser, "Saint Brice")
        yield "dark", _screenshot(browser)
    with _browser(site, language="zh-CN,zh") as browser:
        yield "chinese-list", _screenshot(_drawn(browser.open("/")))
        _open(browser, "通知")
        yield "chinese", _screenshot(browser)
    with _browser(site, width=360, height=780) as browser:
        yield "phone", _screenshot(_drawn(browser.open("/")))
        _open(browser, "invoice 2041.jpg")
        yield "phone-document", _screenshot(browser)


@contextmanager
def _browser(
    site: str, *, language: str = "en-US,en", width: int = 1280, height: int = 860
) -> Iterator[Browser]:
    browser = Browser(site, language=language, width=width, height=height)
    try:
        yield browser
    finally:
        browser.end()


def _open(browser: Browser, name: str) -> None:
    browser.open(f"/?q={name}")
    browser.one("#list .title a").click()
    until(lambda: browser.run("return document.querySelector('.page-image img')?.naturalWidth"))
    browser.one("#find").clear()
    browser.run("document.getElementById('find').dispatchEvent(new Event('input'))")


def _point(browser: Browser, text: str) -> None:
    row = next(each for each in browser.all(".row") if each.text == text)
    ActionChains(browser.driver).move_to_element(
        row.find_element("css selector", ".word")
    ).perform()


def _drawn(browser: Browser) -> Browser:
    """Wait for the thumbnails of the list; those far below the window are not loaded."""
    images = "return [...document.images].every((each) => each.complete)"
    until(lambda: browser.run(images), what="the thumbnails")
    return browser


def _correct(browser: Browser, text: str) -> None:
    """Correct the third line of the fax, with the keyboard."""
    browser.all(".row")[2].click()
    ActionChains(browser.driver).send_keys(Keys.ENTER).perform()
    browser.one(".editor textarea").send_keys(Keys.CONTROL, "a")
    browser.one(".editor textarea").send_keys(text, Keys.ENTER)
    until(lambda: browser.all(".row.corrected"), what="the correction is kept")


def _screenshot(browser: Browser) -> bytes:
    """Return a screenshot of the page, up to `TALLEST` pixels high."""
    width, before = browser.run("return [innerWidth, innerHeight]")
    browser.resize(width, TALLEST)
    height = browser.run("return document.body.getBoundingClientRect().bottom")
    browser.resize(width, min(max(int(height), 600), TALLEST))
    time.sleep(0.4)  # for transitions
    picture: bytes = browser.driver.get_screenshot_as_png()
    browser.resize(width, before)
    return picture


def _save(path: Path, picture: bytes) -> None:
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    reduced = image.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE)
    reduced.save(path, optimize=True)
    print(f"{path}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
