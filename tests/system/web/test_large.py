"""A document that is too large to be held in memory is streamed page by page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from daemon.web.sidecar_reader import MAX_PARSED_BYTES
from tests.support.samples import pdf_of_text
from tests.support.web.site import Site, running

PAGES, LINES, WORDS = 30, 35, 9
BOOK = pdf_of_text([
    [" ".join(f"{page}.{line}.{word}" for word in range(WORDS)) for line in range(LINES)]
    for page in range(1, PAGES + 1)
])  # fmt: skip
LAST = f"{PAGES}.{LINES - 1}.{WORDS - 1}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running(tmp_path_factory.mktemp("site"), requests_per_minute=0) as made:
        yield made


@pytest.fixture(scope="module")
def predicted(site: Site) -> dict[str, Any]:
    """The response to the request that uploaded the book."""
    answer = site.post("/predict", files={"file": ("book.pdf", BOOK)})
    assert answer.status_code == 200
    return answer.json()


def sidecar_of(site: Site, document: dict[str, Any]) -> dict[str, Any]:
    (place,) = [each["location"] for each in document["outputs"] if each["kind"] == "answer"]
    content = site.get(place).content
    assert len(content) > MAX_PARSED_BYTES
    return json.loads(content)


def test_predict_returns_all_of_a_large_result(site: Site, predicted: dict[str, Any]) -> None:
    sidecar = sidecar_of(site, predicted)

    assert predicted["text"] == sidecar["text"]
    assert predicted["text"].endswith(LAST)
    assert predicted["pages"] == sidecar["pages"]
    assert (predicted["page_count"], predicted["cached"]) == (PAGES, False)


def test_a_large_result_is_the_same_from_the_cache_and_by_its_location(
    site: Site, predicted: dict[str, Any]
) -> None:
    again = site.post("/predict", files={"file": ("book.pdf", BOOK)}).json()
    document = site.get(predicted["location"]).json()

    assert again["cached"]
    assert again["pages"] == document["pages"] == predicted["pages"]
    assert again["text"] == document["text"] == predicted["text"]


def test_the_whole_text_of_a_large_document_can_be_copied(
    site: Site, predicted: dict[str, Any]
) -> None:
    shown = site.get(f"{predicted['location']}/view").text

    assert f"{predicted['location']}/view/text" in shown
    assert site.get(f"{predicted['location']}/view/text").text == predicted["text"]


def test_a_deleted_large_document_is_gone(site: Site, predicted: dict[str, Any]) -> None:
    assert site.delete(predicted["location"]).status_code == 204

    assert site.get(predicted["location"]).status_code == 410
