"""Generates docs/cli.md, docs/config.md and the schema of config.yaml; `--check` only compares.

Example: python -m tools.generate_docs --check
"""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

from tools import cli_reference, config_chapters, config_schema

REPOSITORY = Path(__file__).parents[1]


def pages() -> dict[Path, str]:
    """Return the text of each generated file."""
    config = REPOSITORY / "config.yaml"
    return {
        REPOSITORY / "docs/cli.md": cli_reference.page(),
        REPOSITORY / "docs/config.md": config_chapters.page(config),
        REPOSITORY / "daemon/config/config.schema.json": config_schema.text(config),
    }


def stale(path: Path, wanted: str) -> str:
    """Return the diff to the current text; empty if the file is current."""
    found = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = difflib.unified_diff(
        found.splitlines(), wanted.splitlines(), str(path), "generated", lineterm=""
    )
    return "\n".join(lines)


def main() -> None:
    """Write the files, or with --check exit with code 1 if one is not current."""
    differences = {path: stale(path, wanted) for path, wanted in pages().items()}
    if sys.argv[1:] == ["--check"]:
        for path, difference in differences.items():
            if difference:
                print(f"{path.relative_to(REPOSITORY)} is not current; run `make docs`")
                print(difference)
        sys.exit(any(differences.values()))
    for path, wanted in pages().items():
        if differences[path]:
            path.write_text(wanted, encoding="utf-8")
            print(f"wrote {path.relative_to(REPOSITORY)}")


if __name__ == "__main__":
    main()
