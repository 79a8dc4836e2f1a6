"""The list in a real browser: reasons to wait, thumbnails, selection, filters, preferences."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from selenium.webdriver import ActionChains, Keys

from tests.support.running_daemon import Workspace, until
from tests.support.samples import images, pdfs
from tests.support.samples.pictures import text_page
from tests.support.web.browsing import Browser, brought


def picture(text: str) -> bytes:
    return images.png(text_page([text]))


def landed(workspace: Workspace, name: str, text: str) -> None:
    workspace.drop(name, picture(text))
    workspace.answer(f"{name}.json")


def listed(page: Browser) -> list[str]:
    return [each.text for each in page.all("#list .title")]


def pick(page: Browser, name: str) -> None:
    """Select a row by its name, with the space bar."""
    row = next(each for each in page.all("#list .item") if name in each.text)
    box = row.find_element("css selector", ".pick input")
    page.run("arguments[0].focus()", box)
    ActionChains(page.driver).send_keys(Keys.SPACE).perform()


def actions(page: Browser) -> list[str]:
    return [each.text for each in page.all(".bar-actions button") if each.is_displayed()]


@pytest.fixture
def downloads(page: Browser, tmp_path: Path) -> Iterator[Path]:
    """The folder that the browser saves files in."""
    allow = {"behavior": "allow", "downloadPath": str(tmp_path)}
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", allow)
    yield tmp_path
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "default"})


def test_a_file_that_is_not_complete_says_so_and_then_is_read(
    page: Browser, workspace: Workspace
) -> None:
    whole = images.jpeg(text_page(["Whole in the end"]))
    workspace.drop("cut.jpg", b"")
    page.wait(lambda: "was cut off" in page.text("#list"), "why it waits")
    assert "0 bytes" in page.text("#list .item.waiting .why")

    workspace.drop("cut.jpg", whole)

    page.wait(lambda: "Done" in page.text("#list .item"), "it is read")


def test_a_document_has_a_thumbnail_of_its_first_page(page: Browser, workspace: Workspace) -> None:
    landed(workspace, "thumb.png", "Small picture")
    page.open("/?q=small+picture")
    page.wait(lambda: listed(page) == ["thumb.png"], "it is listed")

    page.wait(
        lambda: page.run("return document.querySelector('.thumbnail img')?.naturalWidth"), "drawn"
    )

    assert page.run("return document.querySelector('.thumbnail img').naturalWidth") == 240


def test_selected_texts_are_downloaded_as_a_zip(
    page: Browser, workspace: Workspace, downloads: Path
) -> None:
    for name in ("zip one", "zip two", "zip three"):
        landed(workspace, f"zips/{name}.png", f"Packed {name}")
    page.open("/?q=packed")
    page.wait(lambda: len(listed(page)) == 3, "all are listed")
    for name in ("zip one", "zip three"):
        pick(page, name)
    assert page.text("#selected-count") == "2 selected"
    assert actions(page) == ["Texts (zip)", "All result files (zip)", "Delete results"]

    page.one('.bar-actions [value="text"]').click()

    [saved] = until(lambda: list(downloads.glob("*.zip")), what="the download")
    content = until(lambda: zipfile.is_zipfile(saved) and saved.read_bytes(), what="all of it")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {name: archive.read(name).decode() for name in archive.namelist()} == {
            "zips/zip one.png.txt": "Packed zip one",
            "zips/zip three.png.txt": "Packed zip three",
        }


def test_a_selection_outlives_the_refresh_of_the_list(page: Browser, workspace: Workspace) -> None:
    landed(workspace, "stays.png", "Selection stays")
    page.open("/?q=selection")
    page.wait(lambda: listed(page) == ["stays.png"], "it is listed")
    pick(page, "stays.png")

    landed(workspace, "arrives.png", "Selection grows")

    page.wait(lambda: len(listed(page)) == 2, "the list has the new one")
    assert page.text("#selected-count") == "1 selected"
    chosen = page.run(
        "return [...document.querySelectorAll('.item:has(input:checked) .title')]"
        ".map((each) => each.innerText)"
    )
    assert chosen == ["stays.png"]


def test_many_failed_files_are_retried_at_once(page: Browser, workspace: Workspace) -> None:
    for n in (1, 2):
        workspace.drop(f"retried/{n}.pdf", pdfs.pdf_encrypted(user_password=str(n)))
        workspace.answer(f"retried/{n}.pdf.json")
    before = claims(workspace, "retried/")
    page.open("/?q=retried&status=failed")
    page.wait(lambda: len(page.all("#list .retry")) == 2, "both can be retried")
    page.one("#select-page").click()
    assert actions(page)[0] == "Retry"

    page.one('.bar-actions [value="retry"]').click()

    until(lambda: not claims(workspace, "retried/") & before, what="both are answered anew")


def claims(workspace: Workspace, start: str) -> set[str]:
    return {
        answer["processing"]["claim"]
        for place, answer in workspace.answers().items()
        if place.startswith(start)
    }


def test_many_results_are_deleted_after_one_question(page: Browser, workspace: Workspace) -> None:
    for n in (1, 2):
        landed(workspace, f"dropped {n}.png", f"Unwanted {n}")
    page.open("/?q=unwanted")
    page.wait(lambda: len(listed(page)) == 2, "both")
    page.wait(lambda: len(page.all(".item[data-delete]")) == 2, "both are finished")
    page.one("#select-page").click()

    page.one('.bar-actions [value="delete"]').click()
    page.wait(lambda: page.all(".card button.danger"), "the question")
    assert page.barriers() == []
    page.one(".card button.danger").click()

    page.wait(lambda: page.all(".documents"), "the list")
    assert page.driver.current_url.endswith("/?q=unwanted")
    assert not [place for place in workspace.answers() if place.startswith("dropped")]


def test_everything_that_was_found_can_be_selected(page: Browser, workspace: Workspace) -> None:
    for n in range(31):
        workspace.drop(f"many/{n}.pdf", pdfs.pdf_of_text([[f"Thirty one {n}"]]))
    until(lambda: len(list((workspace.outbox / "many").glob("*.json"))) == 31, what="all")
    page.open("/?q=thirty")
    page.wait(lambda: "31 documents" in page.text(".found"), "all are found")
    page.one("#select-page").click()
    assert page.text("#selected-count") == "30 selected"

    page.one("#select-everything").click()

    assert page.text("#selected-count") == "31 selected"
    page.one('.bar-actions [value="delete"]').click()
    page.wait(lambda: "of 31 documents?" in page.text("h1"), "the question")


def test_counts_follow_the_search(page: Browser, workspace: Workspace) -> None:
    landed(workspace, "counted.png", "Counted onomatopoeia")

    page.open("/").one("#q").send_keys("onomatopoeia")

    page.wait(lambda: page.text("#count-all") == "1", "the count of the search")
    assert page.text("#count-done") == "1"
    assert page.text("#count-failed") == "0"


def test_the_list_is_sorted_and_dated(page: Browser, workspace: Workspace) -> None:
    for name in ("scan2.png", "scan10.png", "alpha.png"):
        landed(workspace, f"sorted/{name}", f"Sorted words {name[:6]}")
    page.open("/?q=sorted+words")
    page.wait(lambda: listed(page) == ["alpha.png", "scan10.png", "scan2.png"], "the newest first")

    page.one('[name="sort"] [value="name"]').click()
    page.wait(lambda: listed(page) == ["alpha.png", "scan2.png", "scan10.png"], "by name")
    assert "sort=name" in page.driver.current_url
    tomorrow = (date.today() + timedelta(days=2)).isoformat()
    page.run(
        "const input = document.querySelector('[name=\"from\"]'); input.value = arguments[0];"
        "input.dispatchEvent(new Event('change', { bubbles: true }))",
        tomorrow,
    )

    page.wait(lambda: "No documents found" in page.text("#list"), "none is from the future")
    assert "zone=" in page.driver.current_url


def test_the_language_changes_and_the_search_stays(page: Browser, workspace: Workspace) -> None:
    landed(workspace, "kept.png", "Kept in the search")
    page.one("#q").send_keys("kept")
    page.wait(lambda: "q=kept" in page.driver.current_url, "the search")
    try:
        page.one('.languages a[lang="zh-Hans"]').click()

        page.wait(lambda: page.text("h1") == "文档", "Chinese")
        assert page.one("#q").get_attribute("value") == "kept"
        assert "language" not in page.driver.current_url
    finally:
        page.open("/?language=en")


def test_the_dark_switch_is_kept(page: Browser) -> None:
    background = "return getComputedStyle(document.documentElement).backgroundColor"
    light = page.run(background)
    try:
        page.one('.themes a[href*="theme=dark"]').click()

        page.wait(lambda: page.run(background) != light, "dark")
        assert page.open("/help").run(background) != light
        assert page.barriers() == []
        page.theme(dark=True)
        page.open("/?theme=light")
        assert page.run(background) == light
    finally:
        page.theme(dark=False)
        page.open("/?theme=system")


def test_a_phone_offers_its_camera(page: Browser) -> None:
    assert not page.one("label.camera").is_displayed()
    touch = {"name": "pointer", "value": "coarse"}
    page.driver.execute_cdp_cmd(
        "Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 1}
    )
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [touch]})
    page.resize(375, 780)
    try:
        page.open("/")
        assert page.one("#camera").get_attribute("capture") == "environment"
        assert page.one("label.camera").is_displayed()
        assert page.overhang() == 0
    finally:
        page.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
        page.theme(dark=False)


def test_a_photo_gets_a_name_of_its_own(page: Browser, tmp_path: Path) -> None:
    photo = tmp_path / "image.png"
    photo.write_bytes(picture("From a phone"))

    page.one("#camera").send_keys(str(photo))

    page.wait(lambda: "Done" in page.text("#finished"), "done")
    assert page.text("#finished a").startswith("photo ")


def test_all_that_is_loaded_comes_from_this_site(page: Browser) -> None:
    brought(page, "own.png", picture("All our own"))

    hosts = page.run(
        "return [...new Set(performance.getEntriesByType('resource')"
        ".map((each) => new URL(each.name).origin))]"
    )
    assert hosts == [page.site]


def test_a_row_has_its_text_and_its_deletion_in_a_menu(page: Browser, workspace: Workspace) -> None:
    landed(workspace, "menu.png", "Behind the dots")
    page.open("/?q=behind+the+dots")
    page.wait(lambda: page.all(".item[data-delete]"), "it is finished")

    page.run("document.querySelector('.row-actions summary').focus()")
    ActionChains(page.driver).send_keys(Keys.ENTER).perform()

    assert page.text(".row-actions .menu ul").split("\n") == ["Text", "Delete result"]
    assert page.barriers() == []
    text = page.driver.execute_async_script(
        "fetch(document.querySelector('.row-actions a').href)"
        ".then((response) => response.text()).then(arguments[0])"
    )
    assert text == "Behind the dots"
    ActionChains(page.driver).send_keys(Keys.ESCAPE).perform()
    assert not page.all("details.menu[open]")


def test_several_rows_can_be_worked_on_without_javascript(
    page: Browser, workspace: Workspace
) -> None:
    landed(workspace, "bare.png", "Bare of scripts")
    page.open("/?q=bare+of+scripts")
    page.wait(lambda: page.all(".item[data-delete]"), "it is finished")
    page.script(on=False)
    try:
        page.open("/?q=bare+of+scripts").one('#list .item input[name="id"]').click()
        page.one('.bar-actions [value="delete"]').click()
        page.wait(lambda: page.all(".card button.danger"), "the question")
        page.one(".card button.danger").click()

        until(lambda: "bare.png.json" not in workspace.answers(), what="it is deleted")
    finally:
        page.script(on=True)
