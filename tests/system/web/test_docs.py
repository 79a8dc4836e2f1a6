"""The interactive documentation in a real browser, without another host."""

from __future__ import annotations

from tests.support.web.browsing import Browser


def test_the_documentation_shows_every_operation_and_tries_one(page: Browser) -> None:
    page.open("/docs")
    operations = page.wait(lambda: page.all(".opblock"), "the operations")

    assert len(operations) == page.run(
        "return fetch('/openapi.json').then((answer) => answer.json()).then((described) => "
        "Object.values(described.paths).flatMap(Object.keys).length)"
    )
    health = "#operations-health-getHealth"
    page.one(f"{health} .opblock-summary-control").click()
    page.wait(lambda: page.all(f"{health} .execute"), "the operation is open")
    page.one(f"{health} .execute").click()
    answer = f"{health} .live-responses-table"
    page.wait(lambda: '"status": "ok"' in page.text(answer), "the answer of the server")


def test_the_documentation_has_the_colours_of_the_reader(page: Browser) -> None:
    def is_dark() -> bool:
        title = "return getComputedStyle(document.querySelector('.info .title')).color"
        return min(map(int, page.run(title).strip("rgba()").split(",")[:3])) > 128

    page.open("/docs")
    page.wait(lambda: page.all(".opblock"), "the operations")
    assert not is_dark()

    page.theme(dark=True)

    page.wait(is_dark, "dark as the system")
    page.open("/?theme=light").open("/docs")
    page.wait(lambda: page.all(".opblock"), "the operations")
    assert not is_dark()
    page.theme(dark=False)
    page.open("/?theme=system")


def test_the_documentation_asks_no_other_host(page: Browser) -> None:
    page.open("/docs")
    page.wait(lambda: page.all(".opblock"), "the operations")

    loaded = page.run("return performance.getEntriesByType('resource').map((each) => each.name)")

    assert len(loaded) >= 4
    assert [each for each in loaded if not each.startswith((page.site, "data:"))] == []
