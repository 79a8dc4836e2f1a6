"""The words for people are true: links lead somewhere, what they name exists, pages are current."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.config.load import load
from daemon.config.settings import Config
from tests.support.repository import REPOSITORY
from tools import cli_reference, config_keys, generate_docs
from tools.config_comments import comments_of

SHIPPED = REPOSITORY / "config.yaml"
PAGES = sorted({*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"),
                *REPOSITORY.glob("deploy/**/*.md"), *REPOSITORY.glob("models/*.md")})  # fmt: skip
KEYS = config_keys.all_keys(SHIPPED)
COMMANDS = dict(cli_reference.all_commands())
EVENTS = {
    event
    for module in REPOSITORY.glob("daemon/**/*.py")
    for event in re.findall(r"log\.\w+\(\s*\"([a-z_.]+)\"", module.read_text())
}
ENGLISH, CHINESE = REPOSITORY / "README.md", REPOSITORY / "README.zh-CN.md"


def name(value: object) -> str:
    return str(value.relative_to(REPOSITORY)) if isinstance(value, Path) else str(value)


def prose_of(page: Path) -> str:
    """Return a page without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors_of(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found: set[str] = set()
    for title in re.findall(r"^#{1,6} (.+)$", prose_of(page), re.MULTILINE):
        plain = re.sub(r"\]\([^)]*\)", "", title).strip().lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        again = sum(1 for known in found if re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", known))
        found.add(f"{anchor}-{again}" if again else anchor)
    return found


def links_of(page: Path) -> list[str]:
    text = re.sub(r"`[^`\n]*`", "", prose_of(page))
    return re.findall(r"\]\(([^)\s]+)\)", text)


def shell_of(page: Path) -> list[str]:
    """Return the lines of a page's shell blocks, without their comments."""
    blocks = re.findall(r"^( *)```sh\n(.*?)^ *```", page.read_text(), re.DOTALL | re.MULTILINE)
    lines = [line.strip() for _, block in blocks for line in block.splitlines()]
    return [re.sub(r"(^|\s+)#.*", "", line) for line in lines]


def told_to_type(page: Path) -> Iterator[str]:
    """Yield what a page says of our program to be typed: shell lines, and code in the prose."""
    yield from shell_of(page)
    yield from re.findall(r"`((?:[\w./]*/)?ocr-daemon [a-z][^`\n]*)`", prose_of(page))


def misnamed(line: str) -> str | None:
    """Return what of a command line our program does not know."""
    for typed in re.findall(r"(?<![\w:=-])ocr-daemon ((?!ocr-daemon)[a-z].*?)(?=$|[;|&>)])", line):
        words = shlex.split(typed)
        depth = 2 if words[0] == "train" and len(words) > 1 and words[1][0].isalpha() else 1
        command = COMMANDS.get(" ".join(["ocr-daemon", *words[:depth]]))
        if command is None:
            if words == ["train"] or words[:2] == ["train", "..."]:
                continue
            return typed
        options = {word.strip("[]").split("=")[0] for word in words if word.strip("[]")[:2] == "--"}
        if unknown := options - cli_reference.options_of(command):
            return f"{typed}: {unknown}"
    return None


@pytest.mark.parametrize(("page", "wanted"), generate_docs.pages().items(), ids=name)
def test_the_pages_made_from_the_code_are_current(page: Path, wanted: str) -> None:
    assert generate_docs.stale(page, wanted) == ""


@pytest.mark.parametrize("key", [key for key in KEYS if not key.is_entry], ids=lambda key: key.name)
def test_every_key_stands_in_the_config_with_a_comment_and_its_default(
    key: config_keys.Key,
) -> None:
    is_ours_to_choose = key.path[0] in ("model", "detector")  # the code ships no network

    assert key.comment.lines
    assert is_ours_to_choose or config_keys.is_as_shipped(key), (key.shipped, key.default)


@pytest.mark.parametrize("key", [key for key in KEYS if key.is_entry], ids=lambda key: key.name)
def test_every_key_of_an_entry_stands_in_what_is_said_of_its_list(key: config_keys.Key) -> None:
    outer = next(one for one in KEYS if one.path == key.path[:1])

    assert re.search(rf"\b{key.path[-1]}\b", "\n".join(outer.comment.lines + outer.comment.example))


def test_every_environment_name_that_is_told_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = load(SHIPPED, touch_folders=False)
    for key in KEYS:
        if not key.is_entry and key.shipped is not None:
            is_text = isinstance(key.shipped, str)
            said = {key.path[-1]: key.shipped} if key.is_set_with_section else key.shipped
            value = key.shipped if is_text else json.dumps(said)
            monkeypatch.setenv(key.environment, value)

    assert load(SHIPPED, touch_folders=False) == plain


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_shows_an_example_that_it_understands(command: str) -> None:
    examples = cli_reference.examples_of(COMMANDS[command])

    assert examples
    assert all(example.startswith(command) for example in examples)
    assert not [example for example in examples if misnamed(example)]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    lost = []
    for link in links_of(page):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            lost.append(link)

    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_that_a_page_tells_to_type_exists(page: Path) -> None:
    assert [wrong for line in told_to_type(page) if (wrong := misnamed(line))] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_key_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text()
    known = {key.name for key in KEYS} | {f"{key.path[0]}.*" for key in KEYS if len(key.path) > 1}
    sections = {key.path[0] for key in KEYS if len(key.path) > 1}
    named = {
        f"{section}.{key}"
        for section, key in re.findall(r"`([a-z]+)\.([a-z_0-9]+)(?::[^`]*)?`", text)
        if section in sections
    }
    variables = set(re.findall(r"OCR_DAEMON__[A-Z0-9_]+[A-Z0-9]", text))

    assert named - known - EVENTS == set()
    assert (
        variables
        - {key.environment for key in KEYS}
        - {f"OCR_DAEMON__{section.upper()}" for section in {"section__key", *sections}}
        == set()
    )


def test_the_chinese_readme_has_the_headings_commands_and_links_of_the_english_one() -> None:
    def shape(page: Path) -> tuple[list[str], list[str], list[str]]:
        levels = re.findall(r"^(#{1,6}) ", prose_of(page), re.MULTILINE)
        other = {ENGLISH.name, CHINESE.name}
        links = sorted(link for link in links_of(page) if link not in other)
        return levels, shell_of(page), links

    assert shape(CHINESE) == shape(ENGLISH)


def test_the_chinese_readme_names_the_keys_and_commands_of_the_english_one() -> None:
    def code_of(page: Path) -> set[str]:
        return set(re.findall(r"`([a-z][a-z_.*]+)`", prose_of(page)))

    assert code_of(ENGLISH) <= code_of(CHINESE)


CONFIG = """\
# said of the whole file

# above
first: 1
second: "# no comment"   # behind
                         # and under
section:                 # of the section
  third: [a, "#b"]       # within
hooks: []                # what is called
  # note: prose that looks like YAML
  # - command: [convert, "#"]  # what it runs
  #   seconds: 30              # how long
  # and more of it
fourth: 4
"""


def test_a_comment_belongs_to_the_key_that_it_stands_at() -> None:
    said = comments_of(CONFIG, lists=("hooks",))

    assert {".".join(path): comment.text for path, comment in said.items()} == {
        "first": "above",
        "second": "behind and under",
        "section": "of the section",
        "section.third": "within",
        "hooks": "what is called note: prose that looks like YAML and more of it",
        "hooks.command": "what it runs",
        "hooks.seconds": "how long",
        "fourth": "",
    }


def test_an_example_is_kept_as_yaml() -> None:
    example = comments_of(CONFIG, lists=("hooks",))["hooks",].example

    assert example == [
        '- command: [convert, "#"]  # what it runs',
        "  seconds: 30              # how long",
    ]


def test_the_config_says_of_itself_what_its_classes_are() -> None:
    assert {key.path[0] for key in KEYS} == set(Config.model_fields)
