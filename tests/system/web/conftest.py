"""One workspace with its daemon and web process, and a browser on it, for all tests of the page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.running_daemon import Workspace
from tests.support.web.browsing import CHROMIUM, DRIVER, Browser, web_of


@pytest.fixture(scope="package")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    if not (CHROMIUM.exists() and DRIVER.exists()):
        pytest.skip("chromium and chromedriver are not here")
    workspace = Workspace(
        tmp_path_factory.mktemp("workspace"), web={"port": 0, "requests_per_minute": 0}
    )
    workspace.inbox.mkdir(exist_ok=True)
    with workspace.running():
        yield workspace


@pytest.fixture(scope="package")
def site(workspace: Workspace) -> Iterator[str]:
    with web_of(workspace) as address:
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
