"""Every class of an error or a warning has a Chinese explanation."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from starlette.requests import Request

import daemon
from daemon.core.counters import WARNING_CLASSES
from daemon.web.http.errors import TITLES, HttpError
from daemon.web.index.records import DocumentDetails
from daemon.web.ui.error_messages import FAILURE_MESSAGES, HTTP_ERROR_MESSAGES, WARNING_MESSAGES
from daemon.web.ui.messages import CHINESE
from daemon.web.ui.pages import STATIC
from daemon.web.ui.templating import Templates
from tests.support.web.stand_in import Documents, item, site_of

DAEMON = Path(daemon.__file__).parent
IN_CHINESE = {"Accept-Language": "zh-CN"}
REASON = "the PDF needs a password; save it without one"


def classes(*constructors: str) -> set[str]:
    """Return the classes that our code constructs these errors with.

    `isolated_page` is left out: a page shows its errors as the HTTP error no_image, and a download
    leaves the lines out.
    """
    return {
        error_class
        for path in DAEMON.rglob("*.py")
        if path.name != "isolated_page.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in constructors
        and (error_class := class_of(node))
    }


def class_of(call: ast.Call) -> str | None:
    """Return the first text among the leading arguments: an HTTP error begins with its status."""
    texts = (each.value for each in call.args[:2] if isinstance(each, ast.Constant))
    return next((text for text in texts if isinstance(text, str)), None)


def test_every_failure_class_has_a_chinese_explanation() -> None:
    assert classes("Rejected", "Died", "Failure") == FAILURE_MESSAGES[CHINESE].keys()


def test_every_http_error_class_has_a_title_and_a_chinese_explanation() -> None:
    assert classes("HttpError") - TITLES.keys() == set()
    assert HTTP_ERROR_MESSAGES[CHINESE].keys() == TITLES.keys()


def test_every_warning_class_has_a_metric_and_a_chinese_explanation() -> None:
    assert classes("DocumentWarning") - set(WARNING_CLASSES) == set()
    assert WARNING_MESSAGES[CHINESE].keys() == set(WARNING_CLASSES)


def test_every_explanation_is_chinese() -> None:
    explanations = [
        *FAILURE_MESSAGES[CHINESE].values(), *HTTP_ERROR_MESSAGES[CHINESE].values(),
        *WARNING_MESSAGES[CHINESE].values(),
    ]  # fmt: skip

    assert [each for each in explanations if not re.search("[\u4e00-\u9fff]", each)] == []


def test_a_chinese_page_explains_an_error_before_its_english_message(tmp_path: Path) -> None:
    failed = item("a1", "secret.pdf", "failed", error=REASON, error_class="encrypted")
    site = site_of(Documents(DocumentDetails(failed, None, (), None)), tmp_path)

    for path in ("/", "/documents/a1/view", "/partials/progress?id=a1"):
        chinese = site.get(path, headers=IN_CHINESE).text
        assert FAILURE_MESSAGES[CHINESE]["encrypted"] in chinese, path
        assert f'<span lang="en" class="verbatim">{REASON}</span>' in chinese, path
        assert f'<span lang="en">{REASON}</span>' in site.get(path).text, path


def test_an_unknown_class_shows_only_its_message(tmp_path: Path) -> None:
    failed = item("a1", "odd.pdf", "failed", error=REASON, error_class="of_a_later_version")
    site = site_of(Documents(DocumentDetails(failed, None, (), None)), tmp_path)

    assert f'<span lang="en">{REASON}</span>' in site.get("/", headers=IN_CHINESE).text


def test_an_http_error_is_explained_in_chinese() -> None:
    headers = [(b"accept-language", b"zh-CN")]
    request = Request({
        "type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers,
    })  # fmt: skip

    page = Templates(STATIC).error_page(request, HttpError(429, "rate_limited", "too often", {}))

    assert HTTP_ERROR_MESSAGES[CHINESE]["rate_limited"] in page.body.decode()
    assert "too often" in page.body.decode()
