"""Writes the lock files in requirements/: exact versions with the hashes of their files.

    python -m tools.lock UV    (`make lock` does it; UV is the program)

One resolution holds for Python 3.11 and later on every platform, within the versions of
requirements/constraints.txt. `lock.txt` has what every
installation needs, `lock-EXTRA.txt` what an extra adds to it, `lock-tools.txt` the tools of `make
lock`, `make audit`, `make sbom` and `make release`. PyTorch and what only its CUDA build needs are
left out: the index of its CPU wheels has other files under the same version, which these hashes
would refuse.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "requirements"
EXTRAS = ("web", "torch", "heif")
NOT_LOCKED = ("torch", "triton", "nvidia-", "cuda-")
HEADER = """# Written by `make lock`; do not edit. {purpose}
# Install with pip's --require-hashes: a file with another hash is refused, wherever it comes from.
"""


def main() -> None:
    """Write all lock files."""
    uv = sys.argv[1]
    base = _locked(uv, "pyproject.toml", "requirements/build.in")
    _write("lock.txt", "What every installation needs.", base.values())
    for extra in EXTRAS:
        more = _locked(uv, "pyproject.toml", "requirements/build.in", "--extra", extra)
        added = [text for name, text in more.items() if name not in base]
        _write(f"lock-{extra}.txt", f"What the extra [{extra}] adds to lock.txt.", added)
    tools = _locked(uv, "requirements/tools.in")
    _write("lock-tools.txt", "The tools of make lock, audit, sbom and release.", tools.values())


def _locked(uv: str, *inputs: str) -> dict[str, str]:
    """Return the requirements that uv resolves, each with its hashes, by name."""
    resolved = subprocess.run(
        [
            uv, "pip", "compile", *inputs, "--constraint", "requirements/constraints.txt",
            "--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate",
            "--no-header", "--no-emit-index-url", "--no-emit-find-links", "--quiet",
        ],
        cwd=FOLDER.parent, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    blocks = re.findall(r"^\S.*(?:\n[ \t]+.*)*", resolved, re.MULTILINE)
    found = {re.split(r"[=\[ ]", block, maxsplit=1)[0]: block for block in blocks}
    return {name: text for name, text in found.items() if not name.startswith(NOT_LOCKED)}


def _write(name: str, purpose: str, requirements: Iterable[str]) -> None:
    lines = [HEADER.format(purpose=purpose), *(f"{each}\n" for each in requirements)]
    (FOLDER / name).write_text("".join(lines))


if __name__ == "__main__":
    main()
