"""The pages of a document in flight: packed beyond a size, in order, within limits."""

from __future__ import annotations

import dataclasses
import random
import tracemalloc

import pytest

from daemon.core.errors import Rejected
from daemon.core.records import Block, Box, Failure, PageText, TextLine, Word
from daemon.engine import page_store
from daemon.engine.page_store import PageStore
from tests.unit.engine.test_wire import PAGE

FAILURE = Failure("timeout", "took too long", page=2)


def page_of_words(number: int, words: int = 400) -> PageText:
    chance = random.Random(number)
    read = tuple(
        Word(f"w{chance.randrange(10**5)}", chance.random(), Box(k, 1000 + k, 2000 + k, 3000 + k))
        for k in range(words)
    )
    text = " ".join(word.text for word in read)
    line = TextLine(text, 0.5, Box(0, 0, 9, 9), read)
    blocks = (Block((line,)),)
    plain = dataclasses.replace(PAGE, fields=(), codes=None, blank=None)
    return dataclasses.replace(plain, number=number, text=text, blocks=blocks)


def add_all(store: PageStore, count: int) -> None:
    for number in range(1, count + 1):
        store.add(page_of_words(number))


def test_pages_come_back_in_order_whatever_the_order_in_which_they_were_added() -> None:
    pages = [page_of_words(number) for number in range(1, 80)]
    shuffled = random.Random(1).sample(pages, len(pages))
    store = PageStore()

    for page in shuffled:
        store.add(page)

    assert store.pages() == pages
    assert store.pages()[1:3] == pages[1:3]
    assert len(store.pages()) == 79


def test_a_page_that_is_added_again_replaces_the_first_one_and_its_failure() -> None:
    store = PageStore()
    store.add(PageText.not_read(2, FAILURE))
    assert store.failures == {2: FAILURE}

    store.add(dataclasses.replace(page_of_words(2), failure=None))

    assert store.failures == {}
    assert [page.status for page in store.pages()] == [PAGE.status]


def test_many_pages_take_a_tenth_of_the_memory_of_their_records() -> None:
    tracemalloc.start()
    records = [page_of_words(number) for number in range(1, 301)]
    of_records, _ = tracemalloc.get_traced_memory()
    store = PageStore()
    for page in records:
        store.add(page)
    with_store, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert with_store - of_records < 0.1 * of_records


@pytest.mark.parametrize("limit", ["MAX_JSON_BYTES", "MAX_PACKED_BYTES"])
def test_a_document_with_too_much_text_is_rejected(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_store, "UNPACKED_BYTES", 0)
    monkeypatch.setattr(page_store, limit, 100_000)
    store = PageStore()

    with pytest.raises(Rejected, match="split it") as caught:
        add_all(store, 99)

    assert caught.value.reason == "too_large"
    assert 1 <= len(store.pages()) < 99
