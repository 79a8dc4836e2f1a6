"""What a failure means is said in Chinese as well, whatever its class."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request

import daemon
from daemon.web.http.errors import HttpError
from daemon.web.index.records import DocumentDetails
from daemon.web.ui.error_messages import FAILURE_MESSAGES, HTTP_ERROR_MESSAGES
from daemon.web.ui.messages import CHINESE
from daemon.web.ui.pages import STATIC
from daemon.web.ui.templating import Templates
from tests.web.stand_in import Documents, item, site_of

DAEMON = Path(daemon.__file__).parent
IN_CHINESE = {"Accept-Language": "zh-CN"}
WHY = "the PDF needs a password; save it without one"


def classes(*makers: str) -> set[str]:
    """Return the classes that our own code makes failures or refusals of.

    What the web process raises while it draws a picture of a page is told as a refusal.
    """
    return {
        word
        for path in DAEMON.rglob("*.py")
        if path.name != "render_preview.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in makers
        for word in _words(node)
    }


def _words(call: ast.Call) -> Iterator[str]:
    for said in call.args[:2]:  # a failure begins with its class, a refusal with a status
        if isinstance(said, ast.Constant) and isinstance(said.value, str):
            yield said.value
            return


@pytest.mark.parametrize(
    ("meanings", "makers"),
    [(FAILURE_MESSAGES, ("Rejected", "Died", "Failure")), (HTTP_ERROR_MESSAGES, ("HttpError",))],
)
def test_every_class_has_a_chinese_sentence(
    meanings: dict[str, dict[str, str]], makers: tuple[str, ...]
) -> None:
    assert classes(*makers) == meanings[CHINESE].keys()
    assert [
        said for said in meanings[CHINESE].values() if not re.search("[\u4e00-\u9fff]", said)
    ] == []


def test_a_chinese_page_says_why_in_chinese_and_the_sentence_behind_it(tmp_path: Path) -> None:
    failed = item("a1", "secret.pdf", "failed", error=WHY, error_class="encrypted")
    site = site_of(Documents(DocumentDetails(failed, None, (), None)), tmp_path)

    for path in ("/", "/documents/a1/view", "/partials/progress?id=a1"):
        chinese = site.get(path, headers=IN_CHINESE).text
        assert FAILURE_MESSAGES[CHINESE]["encrypted"] in chinese, path
        assert f'<span lang="en" class="verbatim">{WHY}</span>' in chinese, path
        assert f'<span lang="en">{WHY}</span>' in site.get(path).text, path


def test_a_class_that_nobody_knows_shows_its_sentence_alone(tmp_path: Path) -> None:
    failed = item("a1", "odd.pdf", "failed", error=WHY, error_class="of_a_later_version")
    site = site_of(Documents(DocumentDetails(failed, None, (), None)), tmp_path)

    assert f'<span lang="en">{WHY}</span>' in site.get("/", headers=IN_CHINESE).text


def test_a_refusal_is_said_in_chinese() -> None:
    headers = [(b"accept-language", b"zh-CN")]
    asked = Request({
        "type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers,
    })  # fmt: skip

    page = Templates(STATIC).error_page(
        asked, HttpError(429, "rate_limited", "that is too often", {})
    )

    assert HTTP_ERROR_MESSAGES[CHINESE]["rate_limited"] in page.body.decode()
    assert "that is too often" in page.body.decode()
