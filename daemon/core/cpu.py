"""Which bfloat16 instructions this processor has, from /proc/cpuinfo.

Importing torch to ask takes seconds and 150 MB, and `torch.ops.mkldnn._is_mkldnn_bf16_supported` is
true on any processor with AVX-512, where oneDNN only emulates bf16.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")  # proc(5)

# Flags of x86 (Linux, arch/x86/include/asm/cpufeatures.h) and hardware capabilities of ARM
# (Documentation/arch/arm64/elf_hwcaps.rst): dot products of vectors, tiles of AMX, BFMMLA.
_BF16_FLAGS = frozenset(("avx512_bf16", "amx_bf16", "bf16"))
_FLAG_LINES = ("flags", "Features")  # of x86, of ARM


@cache
def bf16_instructions(cpuinfo: Path = CPUINFO) -> frozenset[str]:
    """Return the bf16 instruction sets that every core has; none where `cpuinfo` is unreadable."""
    try:
        lines = cpuinfo.read_text("utf-8", "replace").splitlines()
    except OSError:
        return frozenset()
    entries = (line.partition(":") for line in lines)
    cores = [set(value.split()) for name, _, value in entries if name.strip() in _FLAG_LINES]
    return _BF16_FLAGS.intersection(*cores) if cores else frozenset()
