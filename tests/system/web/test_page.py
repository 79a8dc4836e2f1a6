"""The page in a real browser, with the real daemon and the real web process behind it."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver import ActionChains, Keys

from tests.support.running_daemon import Workspace, until
from tests.support.samples import images, pdfs
from tests.support.samples.pictures import text_page
from tests.support.web.browsing import Browser, brought, web_of

LETTER = images.png(text_page(["Quarterly harbour report", "Total 4711 crates"]))
TOKEN = "a-secret-of-the-operator"
HOSTILE = (
    "<img src=x onerror=alert(1)>.png",
    "\"'quoted'&amp;.png",
    "two\nlines.png",
    "\u202egnp.exe.png",
)


def test_a_dropped_file_is_tracked_until_its_text_is_shown(page: Browser) -> None:
    page.bring([("dropped.png", "image/png", LETTER)])

    page.wait(lambda: "Done" in page.text("#finished"), "done")
    page.one("#finished a").click()
    page.wait(lambda: "Total 4711 crates" in page.text("#lines"), "its text")


def test_several_files_can_be_chosen_at_once(page: Browser, tmp_path: Path) -> None:
    paths = [tmp_path / f"chosen {n}.png" for n in (1, 2)]
    for n, path in enumerate(paths):
        path.write_bytes(images.png(text_page([f"Chosen number {n}"])))

    page.one("#files").send_keys("\n".join(map(str, paths)))

    page.wait(lambda: page.text("#finished").count("Done") == 2, "both are done")


def test_an_image_can_be_pasted(page: Browser) -> None:
    pasted = images.png(text_page(["Pasted from elsewhere"]))

    page.bring([("image.png", "image/png", pasted)], how="paste")

    page.wait(lambda: "Done" in page.text("#finished"), "done")
    assert page.text("#finished a").startswith("pasted ")


def test_an_unsupported_file_shows_an_error(page: Browser) -> None:
    page.bring([("song.mp3", "audio/mpeg", b"ID3" + bytes(2000))])

    page.wait(lambda: "not an image or a PDF" in page.text("#sending"), "why")
    assert any("415" in error for error in page.errors())  # the browser itself notes the refusal


def test_a_failed_file_shows_its_reason_and_can_be_retried(
    page: Browser, workspace: Workspace
) -> None:
    page.bring([("secret.pdf", "application/pdf", pdfs.pdf_encrypted(user_password="x"))])
    page.wait(lambda: "password" in page.text("#finished .reason"), "why")
    page.wait(lambda: page.all("#list .item.failed .retry button"), "a way to try again")
    until(
        lambda: [n for n in workspace.files_in(workspace.failed) if n.endswith(".pdf")],
        what="its bytes",
    )
    [before] = claims_of("secret.pdf", workspace)

    page.one("#list .item.failed .retry button").click()

    until(lambda: claims_of("secret.pdf", workspace) - {before}, what="it is answered anew")


def claims_of(name: str, workspace: Workspace) -> set[str]:
    return {
        answer["processing"]["claim"]
        for place, answer in workspace.answers().items()
        if place.endswith(f"{name}.json")
    }


def test_the_first_tab_stop_skips_to_the_content(page: Browser) -> None:
    ActionChains(page.driver).send_keys(Keys.TAB, Keys.ENTER).perform()

    assert page.run("return document.activeElement.id") == "content"


def test_a_search_highlights_hits_without_reloading(page: Browser) -> None:
    brought(page, "needle.png", images.png(text_page(["In this haystack is a needle"])))
    page.open("/")

    page.one("#q").send_keys("haystack")

    page.wait(lambda: page.text("#list mark") == "haystack", "the hit")
    assert page.text("#list .title") == "needle.png"
    assert page.driver.current_url.endswith("/?q=haystack")


def test_names_with_markup_are_escaped(page: Browser, workspace: Workspace) -> None:
    for name in HOSTILE:
        workspace.drop(name, images.png(text_page([f"Hostile {HOSTILE.index(name)}"])))

    page.open("/?q=Hostile")

    page.wait(lambda: page.text("#list").count("Done") == len(HOSTILE), "all are read")
    titles = page.text("#list")
    assert "<img src=x onerror=alert(1)>.png" in titles
    assert "\"'quoted'&amp;.png" in titles
    assert "two\ufffdlines.png" in titles
    assert "\ufffdgnp.exe.png" in titles
    assert page.all("#list img:not(.thumbnail img)") == []
    page.one("#list .title a").click()
    page.wait(lambda: page.all("h1"), "the view")


@pytest.mark.parametrize("width", [320, 360])
def test_a_narrow_window_does_not_scroll_sideways(page: Browser, width: int) -> None:
    page.resize(width, 780)
    wide = page.open("/").overhang()
    brought(page, f"narrow {'very' * 12} {width}.png", LETTER)

    assert (wide, page.overhang()) == (0, 0)
    picture, text = page.one(".pane.image"), page.one(".pane.text")
    assert picture.location["y"] < text.location["y"]


def test_list_and_document_are_accessible(page: Browser) -> None:
    barriers = page.barriers()
    brought(page, "open.png", images.png(text_page(["Open to everybody"])))

    assert barriers + page.barriers() == []


def test_the_dark_theme_is_accessible(page: Browser) -> None:
    page.theme(dark=True)
    barriers = page.open("/").barriers()
    page.theme(dark=False)

    assert barriers == []


def test_a_chinese_browser_gets_chinese_pages(site: str) -> None:
    browser = Browser(site, language="zh-CN,zh")
    try:
        browser.open("/")
        assert browser.text("h1") == "文档"
        assert browser.one("html").get_attribute("lang") == "zh-Hans"
        assert browser.barriers() == []

        browser.one('.languages a[lang="en"]').click()

        browser.wait(lambda: browser.text("h1") == "Documents", "English")
        assert browser.open("/").text("h1") == "Documents"
    finally:
        browser.end()


def test_upload_search_and_document_work_without_javascript(page: Browser, tmp_path: Path) -> None:
    path = tmp_path / "plain.png"
    path.write_bytes(images.png(text_page(["Without any script"])))
    page.script(on=False)
    try:
        page.open("/").one("#files").send_keys(str(path))
        page.one("#upload noscript button, #upload button").click()
        until(lambda: "plain.png" in found(page, "any script"), what="it is found")
        page.one("#list .title a").click()

        assert until(lambda: [each.text for each in page.all(".row")]) == ["Without any script"]
    finally:
        page.script(on=True)


def found(page: Browser, words: str) -> str:
    page.open("/").one("#q").send_keys(words)
    page.one(".finder button").click()
    page.wait(lambda: "q=" in page.driver.current_url, "the search is asked for")
    return page.one("#list").text


def test_after_one_login_everything_works(workspace: Workspace) -> None:
    with web_of(workspace, OCR_DAEMON__WEB__TOKEN=TOKEN) as site:
        browser = Browser(site)
        try:
            browser.open("/").one("#token").send_keys("a guess that is wrong", Keys.ENTER)
            browser.wait(lambda: "token is not correct" in browser.text(), "it is refused")
            assert browser.barriers() == []

            browser.one("#token").send_keys(TOKEN, Keys.ENTER)

            browser.wait(lambda: browser.all("#drop"), "the list")
            brought(browser, "guarded.png", images.png(text_page(["Behind a token"])))
            assert browser.text(".row") == "Behind a token"
        finally:
            browser.end()
