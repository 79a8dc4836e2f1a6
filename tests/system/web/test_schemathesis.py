"""schemathesis checks the running web process against its OpenAPI document, with a fixed seed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.repository import REPOSITORY
from tests.support.samples import png, text_page
from tests.support.web.site import running

pytest.importorskip("schemathesis")

TOKEN = "a-token-of-this-test"
# What no schema says: bytes must be an image, a document may be gone, only failed ones are retried;
# an original outlives its answer.
CONFIG = """
[[operations]]
include-path = ["/predict", "/upload"]
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "400", "401", "413", "415", "422", "429", "503"]

[[operations]]
include-path-regex = "^/documents/"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "404", "409", "410", "429"]

[[operations]]
include-path = ["/documents/{id}/original", "/documents/{id}/pages/{number}/image"]
[operations.checks.use_after_free]
enabled = false
"""


def test_every_response_matches_the_openapi_document(tmp_path: Path) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    quick = {"watch": {"quiet_seconds": 0.05, "incomplete_seconds": 0.1}}
    with running(
        tmp_path, token=TOKEN, requests_per_minute=0, predict_seconds=2.0, config=quick
    ) as site:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        site.post("/predict", files={"image": png(text_page(["Invoice 2041"]))}, headers=headers)

        done = subprocess.run(
            [
                sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run",
                f"{site.base}/openapi.json", "-H", f"Authorization: Bearer {TOKEN}",
                "--checks", "all", "--max-examples", "1", "--workers", "4", "--seed", "7",
                "--no-color",
                "--request-timeout", "10", "--generation-database", "none",
            ],
            capture_output=True, text=True, timeout=240, cwd=tmp_path, check=False,
        )  # fmt: skip

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert str(REPOSITORY) not in done.stdout
