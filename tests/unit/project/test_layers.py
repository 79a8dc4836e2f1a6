"""Which foreign packages each part of the daemon may import; import-linter holds our own layers."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.support.repository import REPOSITORY

MODULES = sorted(
    path for package in ("daemon", "training") for path in (REPOSITORY / package).rglob("*.py")
)

# a foreign package, and the modules or packages that may import it
ALLOWED = {
    "watchdog": ("daemon/inbox/watch",),
    "yaml": ("daemon/config/yaml_file", "daemon/cli/configuration", "training/data/sources"),
    "sqlite3": ("daemon/core/sqlite", "daemon/ledger/", "daemon/web/index/"),
    "starlette": ("daemon/web/",),
    "uvicorn": ("daemon/web/server",),
    "python_multipart": ("daemon/web/uploads/multipart",),
    "jinja2": ("daemon/web/",),
    "anyio": ("daemon/web/",),
    "urllib3": ("daemon/outbox/hooks/webhook",),
    "torch": ("daemon/ocr/model/", "daemon/ocr/recognizer", "daemon/engine/worker", "training/"),
    "onnxruntime": ("daemon/ocr/onnx_session", "training/"),
    "onnx": ("daemon/ocr/model/", "training/"),
    "cv2": (
        "daemon/ocr/",
        "daemon/engine/worker",
        "daemon/web/previews/render_preview",
        "daemon/web/previews/line_crops",
        "training/",
    ),
    "pymupdf": ("daemon/ocr/pages/", "daemon/ocr/render/"),
    "zxingcpp": ("daemon/ocr/codes", "daemon/ocr/render/separator_sheets"),
    "pypdfium2": ("daemon/ocr/pages/pdfium",),
    "pikepdf": (
        "daemon/ocr/pages/pdf_opening",
        "daemon/ocr/render/merged_pdf",
        "daemon/ocr/render/pdfa",
    ),
    "docx": ("daemon/ocr/render/docx",),
    "xlsxwriter": ("daemon/ocr/render/xlsx",),
    "openpyxl": (),
    "markdown_it": (),
    "img2pdf": ("daemon/ocr/render/image_to_pdf",),
    "dask": ("daemon/engine/dask_cluster/",),
    "distributed": ("daemon/engine/dask_cluster/",),
    "msgspec": (
        "daemon/engine/dask_cluster/",
        "daemon/engine/wire",
        "daemon/engine/page_store",
        "daemon/outbox/sidecar",
        "daemon/inbox/uploads",
    ),
    "prometheus_client": ("daemon/monitoring/metrics",),
    "natsort": ("daemon/inbox/queue",),
    "pydantic": (
        "daemon/config/",
        "daemon/supervisor/reload",
        "daemon/ocrmypdf",
        "daemon/cli/mcp_server",
    ),
    "pydantic_settings": ("daemon/config/",),
    "typer": ("daemon/cli/", "training/commands"),
    "rich": ("daemon/cli/terminal",),
    "ocrmypdf": ("daemon/ocrmypdf",),
    "imap_tools": ("daemon/cli/fetch_mail",),
    "mcp": ("daemon/cli/mcp_server",),
    "PIL": ("daemon/ocr/pages/pillow", "training/"),
    "fontTools": ("training/synth/glyphs", "daemon/ocr/render/glyphless"),
    "faker": ("training/data/phrases/people",),
    "opencc": ("training/data/corpus",),
    "matplotlib": ("training/train/history",),
}
# decoders and networks: the supervising process loads them in workers only
HEAVY = ("daemon.ocr",)
SUPERVISING = ("core", "config", "ledger", "engine", "inbox", "outbox", "monitoring", "supervisor")


def name_of(path: Path) -> str:
    return str(path.relative_to(REPOSITORY).with_suffix(""))


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


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_foreign_packages_are_imported_only_where_they_belong(path: Path) -> None:
    packages = {name.split(".")[0] for name in imports(path)}
    strangers = {
        package
        for package, allowed in ALLOWED.items()
        if package in packages and not name_of(path).startswith(allowed)
    }

    assert strangers == set()


@pytest.mark.parametrize("package", SUPERVISING)
def test_the_supervising_process_imports_nothing_that_decodes(package: str) -> None:
    paths = (REPOSITORY / "daemon" / package).rglob("*.py")
    heavy = {
        f"{name_of(path)}: {name}"
        for path in paths
        for name in imports(path, top_level=True)
        if name.startswith(HEAVY)
    }

    assert heavy == set()


def test_the_package_itself_imports_nothing() -> None:
    assert imports(REPOSITORY / "daemon/__init__.py") == set()
