"""One house with its daemon and web process, and a browser on it, for all tests of the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import House
from tests.web.browsing import CHROMIUM, DRIVER, Browser, web_of
from tests.web.folder import Folder


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    if not (CHROMIUM.exists() and DRIVER.exists()):
        pytest.skip("chromium and chromedriver are not here")
    house = House(tmp_path_factory.mktemp("house"), web={"port": 0, "requests_per_minute": 0})
    house.inbox.mkdir(exist_ok=True)
    with house.running():
        yield house


@pytest.fixture(scope="package")
def site(house: House) -> Iterator[str]:
    with web_of(house) as address:
        yield address


@pytest.fixture(scope="package")
def english(site: str) -> Iterator[Browser]:
    browser = Browser(site)
    yield browser
    browser.end()


@pytest.fixture
def page(english: Browser) -> Iterator[Browser]:
    """The browser on the list, wide and light; the console must stay free of errors."""
    english.resize(1280, 900)
    english.open("/").errors()
    yield english
    assert english.errors() == []


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)
