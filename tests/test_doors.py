"""The doors of the house: who may import what, read from the imports themselves."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
MODULES = sorted((REPOSITORY / "daemon").rglob("*.py"))

# a foreign package and the rooms that may touch it
KEEPERS = {
    "watchdog": ("inbox/watch",),
    "yaml": ("config", "training/sources"),
    "sqlite3": ("journal/", "web/shelf", "web/catalogue"),
    "starlette": ("web/",),
    "uvicorn": ("web/serve",),
    "python_multipart": ("web/receive",),
    "jinja2": ("web/",),
    "anyio": ("web/",),
    "urllib3": ("hooks/post",),
    "torch": ("model/", "ocr/recognizer", "training/", "engine/worker"),
    "onnxruntime": ("model/", "ocr/recognizer", "training/"),
    "onnx": ("model/", "training/"),
    "cv2": ("ocr/", "training/", "engine/worker", "making/", "web/paint"),
    "pymupdf": ("ocr/pages/", "making/"),
    "img2pdf": ("making/wrap",),
    "pebble": ("engine/local", "engine/slot", "engine/hired"),
    "prometheus_client": ("metrics",),
    "natsort": ("inbox/queue",),
    "pydantic": ("config", "mistakes", "reload", "sections"),
    "pydantic_settings": ("config",),
    "typer": ("cli", "training/commands"),
    "rich": ("once",),
    "PIL": ("training/",),
    "fontTools": ("training/glyphs", "making/glyphless"),
    "faker": ("training/phrases/people",),
    "opencc": ("training/corpus",),
    "matplotlib": ("training/history",),
}
# rooms of the supervising process: nothing that decodes or infers, at any depth
LIGHT = (
    "service", "delivery", "claims/", "journal/", "hooks/", "run", "once", "inbox/", "outbox/",
    "engine/", "aside", "ground", "kept", "lease", "ledger", "policy", "logs", "health", "rooms",
    "endpoint", "metrics", "notify", "scratch", "tally", "vitals", "web/", "web_process", "work",
    "alone", "signals", "reload", "retention", "observe", "advice",
)  # fmt: skip
HEAVY = ("daemon.ocr", "daemon.model", "daemon.training")
OCR_ROOMS = (
    "pages", "preprocess", "orientation", "segment", "layout", "batches", "recognizer", "assemble",
    "look",
)  # fmt: skip


def room(path: Path) -> str:
    return str(path.relative_to(REPOSITORY / "daemon").with_suffix(""))


def imports(path: Path, *, top_level: bool = False) -> set[str]:
    """Return the dotted names a module imports; type-checking blocks do not count."""
    tree = ast.parse(path.read_text())
    found: set[str] = set()
    body = [node for node in tree.body if not _is_type_checking(node)]
    for start in body:
        for node in [start] if top_level else ast.walk(start):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _is_type_checking(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


@pytest.mark.parametrize("path", MODULES, ids=room)
def test_foreign_packages_are_touched_only_by_their_keepers(path: Path) -> None:
    strangers = {
        package
        for package, keepers in KEEPERS.items()
        if package in {name.split(".")[0] for name in imports(path)}
        and not room(path).startswith(keepers)
    }

    assert strangers == set()


@pytest.mark.parametrize("path", MODULES, ids=room)
def test_the_supervising_process_imports_nothing_that_decodes(path: Path) -> None:
    if not room(path).startswith(LIGHT):
        return

    assert not {name for name in imports(path, top_level=True) if name.startswith(HEAVY)}


@pytest.mark.parametrize("path", MODULES, ids=room)
def test_the_rooms_of_ocr_never_import_one_another(path: Path) -> None:
    parts = room(path).split("/")
    if parts[0] != "ocr" or parts[1] in ("pipeline", "__init__"):
        return
    others = set(OCR_ROOMS) - {parts[1]}
    if parts[1] == "recognizer":
        others -= {"batches"}  # a recogniser is what batches are for

    assert not {
        name for name in imports(path) for other in others if name.startswith(f"daemon.ocr.{other}")
    }


@pytest.mark.parametrize("path", MODULES, ids=room)
def test_only_the_development_command_imports_the_training_half(path: Path) -> None:
    if room(path).startswith(("training", "cli")):
        return

    assert not {name for name in imports(path) if name.startswith("daemon.training")}


def test_the_map_of_the_house_imports_nothing() -> None:
    assert imports(REPOSITORY / "daemon/__init__.py") == set()
