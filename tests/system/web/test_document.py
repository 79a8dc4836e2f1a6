"""The document page in a real browser: image and text, copying, deleting."""

from __future__ import annotations

import pytest
from selenium.webdriver import ActionChains, Keys

from tests.support.running_daemon import Workspace
from tests.support.samples import images, pdfs
from tests.support.samples.pictures import text_page
from tests.support.web.browsing import Browser, brought

BOOK = pdfs.pdf_of_images(
    [text_page([f"Chapter {name}"]) for name in ("one", "two", "three")], dpi=200
)


def test_a_duplicate_shows_the_text_of_the_earlier_document(page: Browser) -> None:
    content = images.png(text_page(["Seen before"]))
    brought(page, "seen.png", content)
    brought(page.open("/"), "seen again.png", content)

    assert page.text("#lines").strip() == "Seen before"
    assert page.text(".head .notice a") == "seen.png"


def test_pointing_at_a_word_highlights_its_box_in_the_image(page: Browser) -> None:
    brought(page, "pointed.png", images.png(text_page(["First of all", "Second line"])))
    word = page.one("#l-0-1 .word")

    ActionChains(page.driver).move_to_element(word).perform()

    key = word.get_attribute("data-word")
    page.wait(
        lambda: page.all(f'.boxes g.current[data-line="0-1"] [data-word="{key}"].current'), "box"
    )
    assert len(page.all(".boxes g.current")) == 1


def test_pointing_at_a_box_highlights_its_line_in_the_text(page: Browser) -> None:
    brought(page, "boxed.png", images.png(text_page(["Over the picture", "Under it"])))

    ActionChains(page.driver).move_to_element(page.one('.boxes [data-word="0-0-2"]')).perform()

    page.wait(lambda: page.text(".row.current") == "Over the picture", "its line")
    assert page.text(".row .word.current") == "picture"


def test_a_box_covers_the_ink_of_its_line(page: Browser) -> None:
    image = text_page(["Where is it"], height=800)
    brought(page, "place.png", images.png(image))
    page.wait(
        lambda: page.run("return document.querySelector('.page-image img').naturalWidth"), "picture"
    )

    box = page.run(
        "const [b, i] = ['.boxes .line', '.page-image img'].map("
        "(each) => document.querySelector(each).getBoundingClientRect());"
        "return [(b.left - i.left) / i.width, (b.top - i.top) / i.height,"
        " (b.right - i.left) / i.width, (b.bottom - i.top) / i.height]"
    )

    rows, columns = (image < 128).any(axis=1).nonzero()[0], (image < 128).any(axis=0).nonzero()[0]
    ink = [columns[0] / 1000, rows[0] / 800, columns[-1] / 1000, rows[-1] / 800]
    assert box == pytest.approx(ink, abs=0.02)


def test_the_arrow_keys_move_through_the_lines(page: Browser) -> None:
    brought(page, "walked.png", images.png(text_page(["Step one", "Step two", "Step three"])))
    page.run("document.querySelector('.row').focus()")

    ActionChains(page.driver).send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN).perform()

    assert page.run("return document.activeElement.innerText") == "Step three"
    assert page.one(".boxes g.current").get_attribute("data-line") == "0-2"


def test_a_long_document_shows_one_page_at_a_time(page: Browser) -> None:
    brought(page, "book.pdf", BOOK, "application/pdf")
    assert "Chapter one" in page.text("#lines")

    page.one('.page-nav a[rel="next"]').click()

    page.wait(lambda: "Chapter two" in page.text("#lines"), "the second page")
    assert page.text(".of") == "Page 2 of 3"
    assert len(page.all(".page-image img")) == 1


def test_the_text_of_the_page_is_copied(page: Browser) -> None:
    brought(page, "copied.png", images.png(text_page(["Copy me", "please"])))
    origin = {"origin": page.site, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    page.driver.execute_cdp_cmd("Browser.grantPermissions", origin)

    page.one('[data-copy="page-text"]').click()

    page.wait(lambda: page.text("#announce") == "Copied.", "it says so")
    clipboard = "navigator.clipboard.readText().then(arguments[0])"
    assert page.driver.execute_async_script(clipboard) == "Copy me\nplease"


def test_a_result_is_deleted_after_confirmation_and_the_original_is_kept(
    page: Browser, workspace: Workspace
) -> None:
    content = images.png(text_page(["Soon forgotten"]))
    brought(page, "forgotten.png", content)
    page.one(".actions a.danger").click()

    page.wait(lambda: page.all(".card button.danger"), "the question")
    page.one(".card button.danger").click()

    page.wait(lambda: page.all("#list"), "the list")
    assert not [name for name in workspace.answers() if name.endswith("forgotten.png.json")]
    assert content in {path.read_bytes() for path in workspace.archive.rglob("*") if path.is_file()}
