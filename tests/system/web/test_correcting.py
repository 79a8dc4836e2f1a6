"""Reading a document in a real browser: finding words, zooming, correcting lines, neighbours."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

import requests
from selenium.webdriver import ActionChains, Keys

from tests.support.running_daemon import Workspace
from tests.support.samples import images, pdfs
from tests.support.samples.pictures import text_page
from tests.support.web.browsing import Browser, brought, web_of

MARKS = "return [...CSS.highlights.get(arguments[0])].map((each) => each.toString())"


def answer_of(workspace: Workspace, name: str) -> tuple[Path, dict[str, Any]]:
    """Return the sidecar of an upload."""
    [(place, answer)] = [
        (place, answer)
        for place, answer in workspace.answers().items()
        if place.endswith(f"{name}.json")
    ]
    return workspace.outbox / place, answer


def correct(page: Browser, row: str, text: str) -> None:
    """Correct a line with the keyboard alone."""
    page.run("document.querySelector(arguments[0]).focus()", row)
    ActionChains(page.driver).send_keys(Keys.ENTER).perform()
    editing = page.one(".editor textarea")
    editing.send_keys(Keys.CONTROL, "a")
    editing.send_keys(text, Keys.ENTER)


def test_a_corrected_line_is_kept_and_the_result_stays_as_it_was_read(
    page: Browser, workspace: Workspace
) -> None:
    brought(page, "wrong.png", images.png(text_page(["First line", "Second line"])))
    place, answer = answer_of(workspace, "wrong.png")
    before = place.read_bytes()

    correct(page, "#l-0-1", "Second <b>corrected</b> line")

    page.wait(lambda: page.all(".row.corrected"), "the corrected line")
    assert page.text("#announce") == "The correction is saved."
    assert page.run("return document.activeElement.id") == "l-0-1"
    page.driver.refresh()
    assert page.text(".row.corrected") == "Second <b>corrected</b> line"
    assert page.text(".as-read") == "was read as Second line"
    assert page.barriers() == []
    assert place.read_bytes() == before
    digest = answer["source"]["sha256"]
    records = workspace.outbox / f".ocr-daemon/corrections/{digest}.jsonl"
    assert records.read_text().count("\n") == 1
    told = requests.get(f"{page.site}/documents/{answer['processing']['claim']}/corrections")
    [corrected] = told.json()["corrections"]
    assert corrected["text"] == "Second <b>corrected</b> line"
    assert (corrected["read"], corrected["page"]) == ("Second line", 1)
    assert workspace.command("verify").returncode == 0


def test_a_correction_is_restored_to_what_was_read(page: Browser) -> None:
    brought(page, "undone.png", images.png(text_page(["As it was"])))
    correct(page, "#l-0-0", "As it never was")
    page.wait(lambda: page.all(".row.corrected"), "the correction")

    page.one("#l-0-0").click()
    page.one(".button.correct").click()
    page.one('.editor [data-action="withdraw"]').click()

    page.wait(lambda: not page.all(".row.corrected"), "it is as it was read")
    assert page.text("#l-0-0") == "As it was"
    page.driver.refresh()
    assert page.text("#lines").strip() == "As it was"


def test_an_editor_is_left_with_escape_and_nothing_is_sent(page: Browser) -> None:
    brought(page, "left.png", images.png(text_page(["Leave me alone"])))
    page.run("document.querySelector('#l-0-0').focus()")
    ActionChains(page.driver).send_keys(Keys.F2, "other", Keys.ESCAPE).perform()

    assert page.all(".editor") == []
    assert page.run("return document.activeElement.id") == "l-0-0"
    page.driver.refresh()
    assert page.text("#lines").strip() == "Leave me alone"


def test_a_correction_of_a_page_that_was_read_again_is_refused(page: Browser) -> None:
    brought(page, "stale.png", images.png(text_page(["Read just now"])))
    page.run("document.querySelector('#l-0-0').dataset.read = 'Read before'")

    correct(page, "#l-0-0", "Too late")

    page.wait(lambda: "was read again" in page.text(".editor .reason"), "why")
    assert any("409" in error for error in page.errors())  # the browser notes the refusal
    assert page.one(".editor textarea").get_attribute("value") == "Too late"


def test_the_corrected_text_is_copied_and_both_can_be_downloaded(page: Browser) -> None:
    brought(page, "both.png", images.png(text_page(["Keep this", "Mend this"])))
    correct(page, "#l-0-1", "Mended")
    page.wait(lambda: page.all(".row.corrected"), "the correction")
    assert page.one("#page-text").get_attribute("value") == "Keep this\nMended"
    page.wait(lambda: "1 corrected line" in page.text(".head"), "the head says so")
    page.one(".head .menu summary").click()
    assert page.text(".head .menu ul").split("\n")[:2] == [
        "Text as it was read",
        "Text with corrections",
    ]

    address = page.driver.current_url.partition("?")[0]

    assert requests.get(f"{address}/text", timeout=20).text == "Keep this\nMend this"
    assert requests.get(f"{address}/text?corrected=1", timeout=20).text == "Keep this\nMended"


def test_corrected_lines_are_downloaded_to_train_with(page: Browser) -> None:
    content = images.png(text_page(["Train with this", "Not with this"]))
    brought(page, "trained.png", content)
    correct(page, "#l-0-0", "Trained with this")
    page.wait(lambda: page.all(".row.corrected"), "the correction")
    address = page.driver.current_url.partition("?")[0]

    archive = requests.get(f"{address}/corrected-lines.tar", timeout=60).content

    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        [crop, labels] = tar.getmembers()
        table, image = tar.extractfile(labels), tar.extractfile(crop)
        assert table
        assert image
        assert table.read().decode() == f"{crop.name}\tTrained with this\ten\tprint\n"
        assert image.read().startswith(b"\xff\xd8\xff")
    digest = hashlib.sha256(content).hexdigest()
    everything = requests.get(f"{page.site}/corrected-lines.tar", timeout=60).content
    with tarfile.open(fileobj=io.BytesIO(everything)) as tar:
        assert any(digest[:16] in name for name in tar.getnames())
    assert page.open("/").one('.foot a[href="/corrected-lines.tar"]').is_displayed()


def test_a_correction_is_found_by_the_search_and_survives_a_lost_index(
    page: Browser, workspace: Workspace
) -> None:
    brought(page, "index.png", images.png(text_page(["Misread surname"])))
    correct(page, "#l-0-0", "Vandermeulen")
    page.wait(lambda: page.all(".row.corrected"), "the correction")
    page.open("/?q=vandermeulen")
    assert page.text("#list .title") == "index.png"

    state = workspace.state
    for path in state.glob("search.sqlite3*"):
        path.rename(path.with_name(f"lost {path.name}"))
    with web_of(workspace) as other:
        found = requests.get(f"{other}/?q=vandermeulen", timeout=20).text

    assert "index.png" in found


def test_words_are_found_on_the_image_and_in_the_text(page: Browser) -> None:
    brought(page, "found.png", images.png(text_page(["The cat sat", "on a CATalogue", "of dogs"])))

    page.one("#find").send_keys("cat")

    assert page.run(MARKS, "found") == ["cat", "CAT"]
    assert page.text("#find-count") == "1 of 2"
    boxes = page.run(
        "return [...document.querySelectorAll('.boxes .hit')].map((each) => each.dataset.word)"
    )
    assert boxes == ["0-0-1", "0-1-2"]
    ActionChains(page.driver).send_keys(Keys.ENTER).perform()
    assert page.text("#find-count") == "2 of 2"
    assert page.run(MARKS, "found-now") == ["CAT"]
    page.one("#find").send_keys(Keys.CONTROL, "a")
    page.one("#find").send_keys("elephants")
    assert page.text("#find-count") == "Not on this page"
    assert page.all(".boxes .hit") == []


def test_the_words_of_the_search_are_found_in_the_document(page: Browser) -> None:
    brought(page, "carried.png", images.png(text_page(["Lighthouse keeper wanted"])))
    page.open("/?q=lighthouse+wanted")

    page.one("#list .title a").click()

    page.wait(lambda: page.all("#find"), "the document")
    assert page.run(MARKS, "found") == ["Lighthouse", "wanted"]


def test_pages_with_matches_are_linked(page: Browser) -> None:
    texts = ("Apples and pears", "Only plums", "Pears again")
    book = pdfs.pdf_of_images([text_page([text]) for text in texts], dpi=200)
    brought(page, "orchard.pdf", book, "application/pdf")

    page.one("#find").send_keys("PEARS")

    page.wait(lambda: page.text("#found-pages") == "Pages with matches: 1 3", "the pages")
    page.all("#found-pages a")[1].click()
    page.wait(lambda: "Pears again" in page.text("#lines"), "page 3")
    assert page.run(MARKS, "found") == ["Pears"]


def test_the_image_is_enlarged_by_buttons_and_keys(page: Browser) -> None:
    brought(page, "large.png", images.png(text_page(["Look closer"])))
    width = "return document.querySelector('.page-image').getBoundingClientRect().width"
    before = page.run(width)

    page.one("#zoom-in").click()
    page.run("document.getElementById('viewport').focus()")
    ActionChains(page.driver).send_keys("+").perform()

    assert page.text("#zoom-level") == "150 %"
    assert abs(page.run(width) - 1.5 * before) < 3
    assert page.overhang() == 0
    ActionChains(page.driver).send_keys("0").perform()
    assert page.run(width) == before


def test_previous_and_next_document_follow_the_list(page: Browser, workspace: Workspace) -> None:
    for name in ("n1.png", "n2.png", "n3.png"):
        workspace.drop(f"row/{name}", images.png(text_page([f"Neighbourhood {name[:2]}"])))
        workspace.answer(f"row/{name}.json")
    page.open("/?q=neighbourhood&sort=name")
    page.wait(lambda: len(page.all("#list .title")) == 3, "all are listed")
    page.all("#list .title a")[1].click()
    page.wait(lambda: page.text("h1") == "n2.png", "the one in the middle")

    page.one('a[rel="next"]').click()
    page.wait(lambda: page.text("h1") == "n3.png", "the next one")
    assert not page.all('.back a[rel="next"]')
    page.one('a[rel="prev"]').click()
    page.wait(lambda: page.text("h1") == "n2.png", "back again")
    page.one(".back a").click()

    page.wait(lambda: page.all("#list"), "the list")
    assert page.driver.current_url.endswith("/?q=neighbourhood&sort=name")


def test_a_document_is_read_and_corrected_on_a_phone(page: Browser) -> None:
    page.resize(360, 780)
    brought(page, "pocket.png", images.png(text_page(["Small screen"])))
    page.one("#l-0-0").click()

    page.one(".button.correct").click()

    assert page.overhang() == 0
    assert page.barriers() == []
    page.one('.editor [data-action="cancel"]').click()
    assert page.all(".editor") == []
