"""A real Chromium without a window, and the web process beside a workspace's daemon."""

from __future__ import annotations

import base64
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webelement import WebElement

from tests.support.repository import REPOSITORY
from tests.support.running_daemon import Workspace, until

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars",
)  # fmt: skip
AXE = Path(__file__).with_name("axe.min.js.gz")

_DROP = """
const transfer = new DataTransfer();
for (const [name, type, content] of arguments[0]) {
  const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
  transfer.items.add(new File([bytes], name, { type }));
}
const how = { bubbles: true, cancelable: true };
if (arguments[1] === "paste") {
  document.body.dispatchEvent(new ClipboardEvent("paste", { ...how, clipboardData: transfer }));
} else {
  for (const name of ["dragenter", "dragover", "drop"])
    document.body.dispatchEvent(new DragEvent(name, { ...how, dataTransfer: transfer }));
}
"""


@contextmanager
def web_of(workspace: Workspace, **environment: str) -> Iterator[str]:
    """Run the web process of a workspace; yields the address that it listens on."""
    log_path = workspace.root / f"web.{uuid.uuid4().hex}.log"
    with log_path.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "daemon", "web", "--config", str(workspace.config)],
            stdout=log, stderr=subprocess.STDOUT, cwd=REPOSITORY,
            env=os.environ | environment,
        )  # fmt: skip
    try:
        ready = until(lambda: _ready(log_path) or process.poll() is not None, what="web.ready")
        assert isinstance(ready, dict), log_path.read_text()
        yield f"http://{ready['address']}:{ready['port']}"
    finally:
        process.terminate()
        process.wait(20)


def _ready(log: Path) -> dict[str, Any] | None:
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return next((line for line in lines if line.get("event") == "web.ready"), None)


class Browser:
    """Chromium on one site, with a language, window size and colour scheme."""

    def __init__(
        self, site: str, *, language: str = "en-US,en", width: int = 1280, height: int = 900,
        dark: bool = False,
    ) -> None:  # fmt: skip
        self.site = site
        self._profile = tempfile.mkdtemp()
        options = webdriver.ChromeOptions()
        options.binary_location = str(CHROMIUM)
        for flag in (*FLAGS, f"--user-data-dir={self._profile}"):
            options.add_argument(flag)
        options.add_experimental_option("prefs", {"intl.accept_languages": language})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
        self.resize(width, height)
        self.theme(dark=dark)

    def end(self) -> None:
        """Close the browser."""
        self.driver.quit()
        shutil.rmtree(self._profile, ignore_errors=True)

    def resize(self, width: int, height: int) -> None:
        """Set the size of the window in pixels."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def theme(self, *, dark: bool) -> None:
        """Set the preferred colour scheme."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def open(self, path: str) -> Browser:
        """Open a path of the site."""
        self.driver.get(self.site + path)
        return self

    def one(self, selector: str) -> WebElement:
        """Return the first element."""
        return self.driver.find_element("css selector", selector)

    def all(self, selector: str) -> list[WebElement]:
        """Return every element."""
        return self.driver.find_elements("css selector", selector)

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script in the page."""
        return self.driver.execute_script(script, *arguments)

    def bring(self, files: Sequence[tuple[str, str, bytes]], how: str = "drop") -> None:
        """Drop or paste files: name, media type and content."""
        some = [(name, kind, base64.b64encode(content).decode()) for name, kind, content in files]
        self.run(_DROP, some, how)

    def text(self, selector: str = "body") -> str:
        """Return the visible text; elements may be replaced meanwhile."""
        return str(
            self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)
        )

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait for a true value and return it; replaced elements are looked up again."""

        def checked() -> Any:
            try:
                return condition()
            except StaleElementReferenceException:
                return None

        return until(checked, what=f"{what}; the page says:\n{self.text()}")

    def script(self, *, on: bool) -> None:
        """Turn JavaScript on or off."""
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not on})

    def errors(self) -> list[str]:
        """Return the errors and warnings of the console since the last call."""
        log = self.driver.get_log("browser")
        return [each["message"] for each in log if each["level"] in ("SEVERE", "WARNING")]

    def overhang(self) -> int:
        """Return how many pixels the page is wider than the window."""
        return int(self.run("return document.documentElement.scrollWidth - innerWidth"))

    def barriers(self) -> list[str]:
        """Return the accessibility violations that axe-core finds."""
        self.run(gzip.decompress(AXE.read_bytes()).decode())
        found = self.driver.execute_async_script(
            "const done = arguments[0]; axe.run().then((results) => done(results.violations))"
        )
        return [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in found]


def brought(page: Browser, name: str, content: bytes, kind: str = "image/png") -> None:
    """Drop a file, wait for its result, and open its document."""
    page.bring([(name, kind, content)])
    page.wait(lambda: page.all("#finished a"), f"{name} is answered")
    page.one("#finished li:last-child a").click()
    page.wait(lambda: page.all("h1") and name in page.text("h1"), f"the view of {name}")
