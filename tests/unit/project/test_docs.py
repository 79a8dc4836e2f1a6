"""Documents agree with the code: links, paths, keys, commands, layers and states exist."""

from __future__ import annotations

import ast
import errno
import functools
import json
import os
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon import __version__
from daemon.config.load import load
from daemon.config.settings import Config
from daemon.core.records import DocumentState
from tests.support.repository import REPOSITORY
from tools import cli_reference, config_keys, generate_docs
from tools.config_comments import comments_of

SHIPPED = REPOSITORY / "config.yaml"
PAGES = sorted({*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"),
                *REPOSITORY.glob("deploy/**/*.md"), *REPOSITORY.glob("models/*.md")})  # fmt: skip
KEYS = config_keys.all_keys(SHIPPED)
COMMANDS = dict(cli_reference.all_commands())
GENERATED = generate_docs.pages()
EVENTS = {
    event
    for module in REPOSITORY.glob("daemon/**/*.py")
    for event in re.findall(r"log\.\w+\(\s*\"([a-z_.]+)\"", module.read_text())
}
IN_ANSWERS = {"engine.profile"}  # keys of a sidecar, which has a section of that name too
FAILPOINTS = {
    point
    for module in REPOSITORY.glob("daemon/**/*.py")
    for point in re.findall(r"failpoints\.reach\(\s*\"([a-z_.]+)\"", module.read_text())
}
ENGLISH, CHINESE = REPOSITORY / "README.md", REPOSITORY / "README.zh-CN.md"
ARCHITECTURE = REPOSITORY / "docs/architecture.md"
MODELS = REPOSITORY / "models"
UPGRADING = REPOSITORY / "docs/upgrading.md"
DECISIONS = sorted((REPOSITORY / "docs/decisions").glob("0*.md"))
# the only pages that name keys and commands of earlier versions
NAMES_FORMER_WORDS = {REPOSITORY / "CHANGELOG.md", UPGRADING}
PRESENT = [page for page in PAGES if page not in NAMES_FORMER_WORDS]


def name(value: object) -> str:
    return str(value.relative_to(REPOSITORY)) if isinstance(value, Path) else str(value)


def prose_of(page: Path) -> str:
    """Return a page without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


@functools.cache
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


def commands_in(page: Path) -> Iterator[str]:
    """Yield the command lines of a page: shell lines, and code in the prose."""
    yield from shell_of(page)
    yield from re.findall(r"`((?:[\w./]*/)?ocr-daemon [a-z][^`\n]*)`", prose_of(page))


def misnamed(line: str) -> str | None:
    """Return the part of a command line that our program does not know, None if there is none."""
    for typed in re.findall(r"(?<![\w:=-])ocr-daemon ((?!ocr-daemon)[a-z].*?)(?=$|[;|&>)])", line):
        words = shlex.split(typed)
        names = (" ".join(["ocr-daemon", *words[:length]]) for length in (2, 1))  # of a group first
        command = next((COMMANDS[name] for name in names if name in COMMANDS), None)
        if command is None:
            return typed
        options = {word.strip("[]").split("=")[0] for word in words if word.strip("[]")[:2] == "--"}
        if unknown := options - cli_reference.options_of(command):
            return f"{typed}: {unknown}"
    return None


@pytest.mark.parametrize("page", GENERATED, ids=name)
def test_the_pages_generated_from_the_code_are_current(page: Path) -> None:
    assert generate_docs.stale(page, GENERATED[page]) == ""


@pytest.mark.parametrize("key", [key for key in KEYS if not key.is_entry], ids=lambda key: key.name)
def test_every_key_is_in_the_config_with_a_comment_and_its_default(
    key: config_keys.Key,
) -> None:
    assert key.comment.lines
    assert config_keys.is_default(key), (key.in_file, key.default)


@pytest.mark.parametrize("key", [key for key in KEYS if key.is_entry], ids=lambda key: key.name)
def test_every_key_of_an_entry_is_in_the_comment_of_its_list(key: config_keys.Key) -> None:
    outer = next(one for one in KEYS if one.path == key.path[:1])

    assert re.search(rf"\b{key.path[-1]}\b", "\n".join(outer.comment.lines + outer.comment.example))


def test_every_documented_environment_variable_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = load(SHIPPED, touch_folders=False)
    for key in KEYS:
        if not key.is_entry and key.in_file is not None:
            is_text = isinstance(key.in_file, str)
            whole = {key.path[-1]: key.in_file} if key.is_set_with_section else key.in_file
            value = key.in_file if is_text else json.dumps(whole)
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


@pytest.mark.parametrize("page", PRESENT, ids=name)
def test_every_command_on_a_page_exists(page: Path) -> None:
    assert [wrong for line in commands_in(page) if (wrong := misnamed(line))] == []


@pytest.mark.parametrize("page", PRESENT, ids=name)
def test_every_path_of_the_repository_that_a_page_names_exists(page: Path) -> None:
    folders = "daemon|training|tests|tools|bench|docs|deploy|models|requirements"
    paths = re.findall(rf"`((?:{folders})/[\w./-]+)`", prose_of(page))
    # `model.file` names both files of a network by their common name
    networks = {str(file.relative_to(REPOSITORY).with_suffix("")) for file in MODELS.glob("*.onnx")}

    assert [
        path for path in paths if path not in networks and not (REPOSITORY / path).exists()
    ] == []


@pytest.mark.parametrize("page", PRESENT, ids=name)
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

    assert named - known - EVENTS - IN_ANSWERS == set()
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
# about the whole file

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
    comments = comments_of(CONFIG, lists=("hooks",))

    assert {".".join(path): comment.text for path, comment in comments.items()} == {
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


def test_the_config_file_has_the_sections_of_the_code() -> None:
    assert {key.path[0] for key in KEYS} == set(Config.model_fields)


def table_below(page: Path, heading: str) -> list[list[str]]:
    """Return the cells of the rows of the first table below a heading, without its two heads."""
    text = f"\n{page.read_text()}".split(f"\n{heading}\n", 1)[1]
    rows = re.search(r"(?:^\|.*\n?)+", text, re.MULTILINE)
    assert rows is not None
    lines = rows.group().splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def code_in(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_layers_on_the_page_are_those_of_the_contract() -> None:
    contracts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(each for each in contracts["contracts"] if each.get("containers") == ["daemon"])
    block = ARCHITECTURE.read_text().split("\n## Layers\n")[1].split("\n```\n")[1]

    assert block.splitlines() == layers["layers"]


def test_the_packages_on_the_page_are_those_of_the_daemon() -> None:
    listed = [code_in(package)[0] for package, _ in table_below(ARCHITECTURE, "## Layers")]
    packages = {path.parent for path in REPOSITORY.glob("daemon/*/__init__.py")}

    assert sorted(listed) == sorted(str(path.relative_to(REPOSITORY)) for path in packages)


def test_the_states_on_the_page_are_those_of_the_code_and_of_the_ledger() -> None:
    diagram = ARCHITECTURE.read_text().split("stateDiagram-v2")[1].split("```")[0]
    drawn = set(re.findall(r"^  (\w+) -->|--> (\w+)", diagram, re.MULTILINE))
    schema = (REPOSITORY / "daemon/ledger/schema.py").read_text()
    stored = re.search(r"state IN \(('claimed'[^)]*)\)", schema)
    assert stored is not None

    assert {word for pair in drawn for word in pair if word} == {
        str(each) for each in DocumentState
    }
    assert set(re.findall(r"\w+", stored.group(1))) == {
        state for state in DocumentState if state not in ("unrecorded", "given_back")
    }


def test_every_step_of_the_test_report_is_a_failpoint() -> None:
    report = (REPOSITORY / "docs/test-report.md").read_text()
    steps = report.split("## Killed at each step")[1].split("\n## ")[0]
    named = set(re.findall(r"(?:^\| |, )([a-z_]+\.[a-z]+)(?=[ ,])", steps, re.MULTILINE))

    assert len(named) > 20
    assert named - {"scan.png", "broken.png"} <= FAILPOINTS


def test_former_events_are_gone_and_their_successors_exist() -> None:
    rows = [
        (code_in(former), code_in(present))
        for former, present in table_below(UPGRADING, "### Log events")
        if "." in former and not former.startswith("`document.failed`")
    ]

    assert len(rows) == 14
    for former, present in rows:
        assert set(present) <= EVENTS
        assert not set(former) & EVENTS


def test_former_keys_are_gone_and_their_successors_exist() -> None:
    known = {key.name for key in KEYS}
    variables = {key.environment for key in KEYS}
    for former, present, variable in table_below(UPGRADING, "### Config keys"):
        (before, *_), (now, *_) = code_in(former), code_in(present)

        assert now.split(":")[0] in known
        assert before.split(":")[0] not in known or ":" in before
        assert code_in(variable)[0].split("=")[0] in variables


def test_the_metrics_of_the_table_of_former_names_are_documented() -> None:
    documented = (REPOSITORY / "docs/monitoring.md").read_text()
    for _, present in table_below(UPGRADING, "### Metrics"):
        for metric in re.findall(r"ocr_daemon_\w+", present):
            assert f"| `{metric}` |" in documented


@pytest.mark.parametrize("record", DECISIONS, ids=name)
def test_every_decision_has_a_number_a_status_and_a_date(record: Path) -> None:
    head = record.read_text()

    assert re.match(
        rf"# {int(record.name[:4])}\. .+\n\n- Status: \w.*\n- Date: \d{{4}}-\d\d-\d\d\n", head
    )


def test_the_index_of_decisions_lists_every_record_with_its_title_and_date() -> None:
    index = REPOSITORY / "docs/decisions/README.md"
    expected = []
    for record in DECISIONS:
        number, title = record.read_text().splitlines()[0].removeprefix("# ").split(". ", 1)
        (date,) = re.findall(r"^- Date: (\S+)$", record.read_text(), re.MULTILINE)
        expected.append(f"| {number} | [{title}]({record.name}) | {date} |")

    assert [line for line in index.read_text().splitlines() if "](0" in line] == expected


def test_the_index_of_documents_lists_every_page() -> None:
    index = REPOSITORY / "docs/README.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in links_of(index)}

    assert {page for page in REPOSITORY.glob("docs/*.md") if page != index} <= linked


def test_the_newest_release_in_the_changelog_is_the_version_of_the_code() -> None:
    released = re.findall(
        r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$",
        (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE,
    )  # fmt: skip

    assert released[0] == __version__


def test_the_workflow_of_the_forge_runs_what_ci_runs() -> None:
    workflow = (REPOSITORY / ".github/workflows/ci.yml").read_text()

    assert "run: .ci/run" in workflow
    assert "ubuntu-latest" in workflow
    assert 'python-version: "3.11"' in workflow


def test_every_word_of_the_glossary_is_explained_once_and_in_order() -> None:
    words = [row[0] for row in table_below(REPOSITORY / "docs/glossary.md", "# Glossary")]

    assert words == sorted(set(words), key=str.lower)


def messages() -> str:
    """Return every string of the daemon, a line each; a formatted value is a NUL."""
    found = []
    for module in REPOSITORY.glob("daemon/**/*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = [
                    part.value if isinstance(part, ast.Constant) else "\0" for part in node.values
                ]
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return "\n".join([*found, *map(os.strerror, errno.errorcode)])


def test_every_message_in_troubleshooting_is_one_of_the_daemon() -> None:
    page = REPOSITORY / "docs/troubleshooting.md"
    commands = ("ocr-daemon ", "docker ", "sudo ", "journalctl ")
    quotes = [quote for quote in re.findall(r"`([^`\n]+)`", prose_of(page)) if quote.count(" ") > 2]
    known = messages()
    values = r"\.\.\.|\S*\d\S*|[;:,()=]"
    lost = [
        part.strip()
        for quote in quotes
        if not quote.startswith(commands)
        for part in re.split(values, quote)
        if part.strip().count(" ") > 0 and part.strip() not in known
    ]

    assert lost == []


def test_the_readme_shows_the_message_of_a_daemon_that_is_ready() -> None:
    shown = re.search(r"^(Drop .* into )/\S*(, .* in )/\S+$", ENGLISH.read_text(), re.MULTILINE)

    assert shown is not None
    assert all(part in messages() for part in shown.groups())


@pytest.mark.parametrize("package", ["daemon", "training", "bench", "tools"])
def test_every_document_that_a_module_names_exists(package: str) -> None:
    named = {
        document
        for module in REPOSITORY.glob(f"{package}/**/*.py")
        for document in re.findall(r"\bdocs/[\w/.-]+\.md\b", module.read_text())
    }

    assert [document for document in named if not (REPOSITORY / document).exists()] == []
