"""The environment of a process that decodes untrusted files: what it needs, and no secrets.

That of the daemon may hold passwords and tokens of its config.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import daemon

PACKAGE: Final = Path(daemon.__file__).parent

# Where libraries and packages lie, how they allocate and compute, language and time zone, and the
# failpoints of tests.
_NAMES: Final = {"FAILPOINTS", "HOME", "LANG", "LD_LIBRARY_PATH", "LD_PRELOAD", "PATH", "TZ"}
_PREFIXES: Final = ("LC_", "LRU_CACHE_", "MALLOC_", "OMP_", "ONEDNN_", "PYTHON")

# Settings that keep a worker small. oneDNN keeps a compiled kernel for each shape of line, by
# default 1 024 of them: over 57 mixed pages two workers took 1 035 MB so, and 708 MB with 64, at no
# more CPU (docs/container.md). PyTorch keeps as many descriptions of them besides, a quarter of a
# megabyte for each product of matrices: with 32 a worker took 62 MB less for 1 to 2 % more CPU
# (docs/pages.md). glibc learns to keep blocks as large as a page once one was freed: told not to, a
# worker of six pages held 440 MB instead of 506, at no more CPU either.
SMALL: Final = {
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
    "LRU_CACHE_CAPACITY": "32",
    "MALLOC_MMAP_THRESHOLD_": str(4 << 20),
}


def decoder_environment(own: Mapping[str, str]) -> dict[str, str]:
    """Return what a decoding process needs of the environment `own`, and what keeps it small."""
    needed = {
        name: value for name, value in own.items() if name in _NAMES or name.startswith(_PREFIXES)
    }
    if places := needed.pop("PYTHONPATH", ""):
        needed["PYTHONPATH"] = os.pathsep.join(filter(_is_import_folder, places.split(os.pathsep)))
    return SMALL | needed


def _is_import_folder(entry: str) -> bool:
    """Tell whether an entry of PYTHONPATH is a folder of packages, not the working directory."""
    if not Path(entry).is_absolute():
        return False
    return Path(entry).resolve() != Path.cwd() or Path(entry, "daemon") == PACKAGE
