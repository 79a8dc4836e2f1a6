"""The messages of the page, and the choice of the language."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import get_args

import pytest

from daemon.core.records import FieldReason, FileKind, OutputKind, UnreadReason
from daemon.web.ui import messages
from daemon.web.ui.messages import CHINESE, ENGLISH, MESSAGES, preferred_language

TEMPLATES = Path(messages.__file__).with_name("templates")


def holes(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def test_both_languages_have_the_same_keys() -> None:
    assert MESSAGES[CHINESE].keys() == MESSAGES[ENGLISH].keys()


def test_both_languages_have_the_same_placeholders() -> None:
    singular = {key for key in MESSAGES[ENGLISH] if key.endswith("_one")}

    assert {
        key: (holes(MESSAGES[ENGLISH][key]), holes(MESSAGES[CHINESE][key]))
        for key in MESSAGES[ENGLISH].keys() - singular
        if holes(MESSAGES[ENGLISH][key]) != holes(MESSAGES[CHINESE][key])
    } == {}


def test_every_chinese_message_is_chinese() -> None:
    names = {"output_hocr", "output_alto"}  # of formats, alike everywhere

    assert [
        key
        for key, message in MESSAGES[CHINESE].items()
        if not re.search("[\u4e00-\u9fff]", message) and key not in names
    ] == []


def test_templates_use_only_existing_messages() -> None:
    used = {
        key
        for template in TEMPLATES.glob("*.html")
        for key in re.findall(r"\bt\.([a-z_]+)", template.read_text())
    }

    assert used - MESSAGES[ENGLISH].keys() == set()


def test_templates_contain_no_text_of_their_own() -> None:
    own = {"ocr-daemon", "Aa文"}
    found = set()
    for template in TEMPLATES.glob("*.html"):
        text = re.sub("{% block kind %}.*?{% endblock %}", "", template.read_text())
        text = re.sub("{%.*?%}|{{.*?}}|{#.*?#}", " ", text, flags=re.S)
        bare = re.sub("<[^>]*>", " ", text)
        found |= set(re.findall(r"[A-Za-z\u4e00-\u9fff-]{3,}", bare))

    assert found - own == set()


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", ENGLISH),
        ("zh-CN,zh;q=0.9,en;q=0.8", CHINESE),
        ("en-GB,en;q=0.9,zh;q=0.8", ENGLISH),
        ("fr-FR,fr;q=0.9,zh-TW;q=0.5", CHINESE),
        ("de, *;q=0.5", ENGLISH),
        ("en;q=0.3, zh;q=0.7", CHINESE),
        ("zh;q=0", ENGLISH),
        ("zh;q=nonsense, en;q=0.1", ENGLISH),
        (";;,,=,q", ENGLISH),
    ],
)
def test_the_language_is_the_browsers_preferred_one(accepted: str, language: str) -> None:
    assert preferred_language(accepted) == language


def test_every_reason_of_an_unread_region_has_a_sentence() -> None:
    assert [
        reason for reason in get_args(UnreadReason) if f"unread_{reason}" not in MESSAGES[ENGLISH]
    ] == []


@pytest.mark.parametrize(
    ("prefix", "words"),
    [
        ("output_", get_args(OutputKind) + get_args(get_args(FileKind)[1])),
        ("field_", get_args(FieldReason)),
    ],
)
def test_every_word_that_the_page_shows_has_a_message(prefix: str, words: tuple[str, ...]) -> None:
    assert [word for word in words if prefix + word not in MESSAGES[ENGLISH]] == []
