"""Unread regions, warnings, seals and vertical lines in a real browser.

The daemon reads a drawn page; its answer is then completed by what the tests are about.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from selenium.webdriver import ActionChains

from tests.support.running_daemon import Workspace, until
from tests.support.samples import images
from tests.support.samples.pictures import text_page
from tests.support.web.browsing import Browser

REGIONS = (
    {"box": [100, 500, 500, 540], "reason": "too_small"},
    {"box": [600, 600, 900, 640], "reason": "low_confidence"},
    {"box": [100, 700, 400, 740], "reason": "too_small"},
)
WARNING = {"class": "renderer_message", "message": "an image of it could not be decoded", "page": 1}


def word_of(text: str, box: list[int]) -> dict[str, Any]:
    return {"text": text, "confidence": 0.97, "box": box}


def line_of(text: str, box: list[int], direction: str) -> dict[str, Any]:
    return {**word_of(text, box), "direction": direction, "words": [word_of(text, box)]}


def with_unread(page: dict[str, Any]) -> None:
    page["unread"] = list(REGIONS)
    page["warnings"] = [WARNING]


def with_columns(page: dict[str, Any]) -> None:
    said = ("天地玄黄" * 12, "宇宙洪荒", "日月盈昃")
    columns = [
        line_of(text, [900 - 60 * n, 300, 940 - 60 * n, 700], "vertical")
        for n, text in enumerate(said)
    ]
    page["blocks"] += [
        {"kind": "text", "lines": columns},
        {"kind": "seal", "lines": [line_of("甲乙有限公司", [100, 300, 300, 500], "horizontal")]},
        {"kind": "text", "lines": [line_of("margin note", [20, 300, 60, 600], "rotated_270")]},
    ]


def opened(
    page: Browser, workspace: Workspace, name: str, complete: Callable[[dict[str, Any]], None]
) -> Browser:
    """Let the daemon read a page, complete its answer, and open its document."""
    workspace.drop(name, images.png(text_page([name.removesuffix(".png")], height=800)))
    answer = workspace.answer(f"{name}.json")
    until(lambda: name in workspace.files_in(workspace.archive), what="its original is archived")
    complete(answer["pages"][0])
    path = workspace.outbox / f"{name}.json"
    draft = path.with_name(f".{name}.tmp")
    draft.write_text(json.dumps(answer, ensure_ascii=False, indent=1) + "\n")
    os.replace(draft, path)  # noqa: PTH105 -- as the daemon does
    page.open(f"/documents/{answer['processing']['claim']}/view")
    page.wait(
        lambda: page.run("return document.querySelector('.page-image img').naturalWidth"), "picture"
    )
    return page


def test_an_unread_region_is_dashed_at_its_place_in_the_image(
    page: Browser, workspace: Workspace
) -> None:
    opened(page, workspace, "dashed.png", with_unread)

    places = page.run(
        "const i = document.querySelector('.page-image img').getBoundingClientRect();"
        "return [...document.querySelectorAll('.boxes .region rect')].map((each) => {"
        " const b = each.getBoundingClientRect();"
        " return [(b.left - i.left) / i.width, (b.top - i.top) / i.height,"
        " (b.right - i.left) / i.width, (b.bottom - i.top) / i.height] })"
    )
    style = page.run(
        "const s = getComputedStyle(document.querySelector('.boxes .region rect'));"
        "return [s.strokeDasharray, s.stroke]"
    )

    expected = [np.array(region["box"]) / (1000, 800, 1000, 800) for region in REGIONS]
    assert np.array(places) == pytest.approx(np.array(expected), abs=0.01)
    assert style == ["7px, 5px", "rgb(176, 0, 110)"]
    assert page.text(".key") == "Looks like text, was not read (3)"


def test_each_reason_is_told_once_and_links_to_its_regions(
    page: Browser, workspace: Workspace
) -> None:
    opened(page, workspace, "told.png", with_unread)

    reasons = [each.text for each in page.all("#unread li")]

    assert len(reasons) == 2
    assert reasons[0].startswith("The letters are too small.")
    assert reasons[0].split()[-2:] == ["1", "3"]
    assert reasons[1].split()[-1] == "2"
    assert "an image of it could not be decoded" in page.text(".pane.text")


def test_pointing_at_a_region_and_at_its_number_highlights_the_other(
    page: Browser, workspace: Workspace
) -> None:
    opened(page, workspace, "pointed at.png", with_unread)

    ActionChains(page.driver).move_to_element(page.one('#unread [data-region="3"]')).perform()
    page.wait(lambda: page.all('.boxes .region.current[data-region="3"]'), "the region")
    ActionChains(page.driver).move_to_element(page.one('.boxes [data-region="2"] rect')).perform()

    page.wait(lambda: page.text("#unread a.current") == "2", "its number")
    assert len(page.all(".boxes .region.current")) == 1


def test_the_keyboard_reaches_a_region(page: Browser, workspace: Workspace) -> None:
    opened(page, workspace, "reached.png", with_unread)

    page.run("document.querySelector('#unread a').focus()")

    page.wait(lambda: page.all('.boxes .region.current[data-region="1"]'), "the region")


def test_a_pointer_at_rest_takes_nothing_from_the_focus(
    page: Browser, workspace: Workspace
) -> None:
    opened(page, workspace, "at rest.png", with_unread)
    ActionChains(page.driver).move_to_element(page.one('.boxes [data-region="2"] rect')).perform()
    page.wait(lambda: page.all('.boxes .region.current[data-region="2"]'), "the pointer's region")

    page.run("document.querySelector('#unread a').focus()")
    page.run("window.entered = []")
    page.run(
        "document.addEventListener('pointerover', ({ target }) => entered.push(target.tagName))"
    )
    for padding in range(0, 200, 10):  # the image moves below the pointer
        page.run(f"document.body.style.paddingTop = '{padding}px'")
        time.sleep(0.05)
    page.wait(lambda: page.run("return entered.length"), "another element below the pointer")

    current = [each.get_attribute("data-region") for each in page.all(".boxes .region.current")]
    assert current == ["1"]


def test_hidden_boxes_hide_the_regions_too(page: Browser, workspace: Workspace) -> None:
    opened(page, workspace, "hidden.png", with_unread)

    page.one("#show-boxes").click()

    assert (
        page.run("return getComputedStyle(document.querySelector('.boxes .region rect')).stroke")
        == "none"
    )


def test_vertical_lines_stand_as_columns_from_the_right(
    page: Browser, workspace: Workspace
) -> None:
    opened(page, workspace, "columns.png", with_columns)

    boxes = page.run(
        "return [...document.querySelectorAll('.columns .row')].map((each) => {"
        " const b = each.getBoundingClientRect(); return [b.left, b.width, b.height] })"
    )

    lefts = [left for left, _, _ in boxes]
    assert len(boxes) == 3
    assert lefts == sorted(lefts, reverse=True)
    assert boxes[1][2] > 2 * boxes[1][1]  # four characters stand above one another
    assert page.text(".seal .label") == "Seal"
    turned = "return getComputedStyle(document.querySelector('.rotated_270'), '::before').content"
    assert "90°" in page.run(turned)


@pytest.mark.parametrize("complete", [with_unread, with_columns])
def test_what_is_shown_is_accessible_and_fits_a_phone(
    page: Browser, workspace: Workspace, complete: Callable[[dict[str, Any]], None]
) -> None:
    opened(page, workspace, f"fits {complete.__name__}.png", complete)
    barriers = page.barriers()

    address = page.driver.current_url.removeprefix(page.site)
    page.theme(dark=True)
    barriers += page.open(address).barriers()  # opened again: colours change slowly
    page.theme(dark=False)
    page.resize(320, 780)
    page.open(address)

    assert barriers + page.barriers() == []
    assert page.overhang() == 0
