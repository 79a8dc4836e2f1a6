"""Installs PyTorch with pip: from the index of its CPU wheels, or from where pip looks.

    python -m tools.install_torch REQUIREMENTS [INDEX]    (`make install` and the image do it)

From INDEX comes torch alone. Where INDEX cannot be reached at once, or has no wheel for this Python
and processor, pip's own index is asked: the version is the same, but the build may be that for
CUDA, which needs gigabytes.
"""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request

SECONDS = 10.0  # for an answer of the index


def main() -> None:
    """Install it; exits with pip's code."""
    requirements, index = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
    wanted = ["--requirement", requirements]
    if index:
        obstacle = _obstacle(index)
        if not obstacle:
            ended = subprocess.run([*pip, "--no-deps", "--index-url", index, *wanted])
            if ended.returncode == 0:
                return
            obstacle = "pip found no wheel there"
        print(f"{index} cannot be used ({obstacle}): PyTorch comes from pip's own index.")
        print("That may be the build for CUDA, which downloads gigabytes.", flush=True)
    sys.exit(subprocess.run([*pip, *wanted]).returncode)


def _obstacle(index: str) -> str:
    """Return why an index cannot be used; empty if it answers for torch."""
    try:
        with urllib.request.urlopen(f"{index.rstrip('/')}/torch/", timeout=SECONDS):  # noqa: S310 -- the address of an index that the operator names
            return ""
    except urllib.error.HTTPError as error:
        return f"it answers {error.code} {error.reason}"
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error))


if __name__ == "__main__":
    main()
