"""A fuzzing process, started by `python -m tests.fuzz`; it ends at the first finding."""

from __future__ import annotations

import importlib
import random
import sys
import tempfile
from pathlib import Path

import atheris


def main() -> None:
    """Fuzz the target in the first argument; the other arguments are those of libFuzzer."""
    target = sys.argv[1]
    with atheris.instrument_imports(include=["daemon"]):
        module = importlib.import_module(f"tests.fuzz.{target}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fuzzed-input"

        def one_input(data: bytes) -> None:
            path.write_bytes(data)
            module.check(path)

        def mutated(data: bytes, max_size: int, seed: int) -> bytes:
            return module.mutate(data, max_size, random.Random(seed), atheris.Mutate)

        mutator = {"custom_mutator": mutated} if hasattr(module, "mutate") else {}
        atheris.Setup([sys.argv[0], *sys.argv[2:]], one_input, **mutator)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
