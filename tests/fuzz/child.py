"""One fuzzing process, started by `python -m tests.fuzz`: it ends at the first finding."""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path

import atheris


def main() -> None:
    """Fuzz the target named first with libFuzzer's arguments after it."""
    target = sys.argv[1]
    with atheris.instrument_imports(include=["daemon"]):
        check = importlib.import_module(f"tests.fuzz.{target}").check
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fuzzed-input"

        def one_input(data: bytes) -> None:
            path.write_bytes(data)
            check(path)

        atheris.Setup([sys.argv[0], *sys.argv[2:]], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
