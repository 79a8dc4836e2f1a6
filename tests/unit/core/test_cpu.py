"""The bf16 instructions of a processor, by /proc/cpuinfo."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest
import torch

from daemon.core.cpu import bf16_instructions

X86 = "processor\t: 0\nmodel name\t: some\nflags\t\t: fpu sse2 avx512f avx512bw {}\nbugs\t\t:\n\n"
ARM = "processor\t: 0\nBogoMIPS\t: 100.00\nFeatures\t: fp asimd sve i8mm {}\nCPU part\t: 0xd40\n\n"


def instructions(folder: Path, *cores: str) -> set[str]:
    cpuinfo = folder / "cpuinfo"
    cpuinfo.write_text("".join(cores))
    return set(bf16_instructions(cpuinfo))


@pytest.mark.parametrize(
    ("cores", "expected"),
    [
        ([X86.format("")], set()),
        ([X86.format("avx512_vnni avx512_fp16")], set()),
        ([X86.format("avx512_bf16")] * 2, {"avx512_bf16"}),
        ([X86.format("amx_tile avx512_bf16 amx_bf16")], {"avx512_bf16", "amx_bf16"}),
        ([ARM.format("")], set()),
        ([ARM.format("bf16")] * 4, {"bf16"}),
        ([ARM.format("bf16"), ARM.format("")], set()),
        (["model name\t: avx512_bf16 in the name only\n"], set()),
        ([], set()),
    ],
    ids=["x86", "other", "avx512", "amx", "arm", "arm-bf16", "unequal-cores", "name", "empty"],
)
def test_instructions_that_every_core_has(
    tmp_path: Path, cores: list[str], expected: set[str]
) -> None:
    assert instructions(tmp_path, *cores) == expected


def test_no_cpuinfo_is_no_bf16(tmp_path: Path) -> None:
    assert bf16_instructions(tmp_path / "none") == frozenset()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="torch has these answers for x86 only")
def test_this_processor_has_what_torch_finds_in_it() -> None:
    found = bf16_instructions()

    assert ("avx512_bf16" in found) == torch.cpu._is_avx512_bf16_supported()
    assert ("amx_bf16" in found) == torch.cpu._is_amx_tile_supported()


def test_torch_can_use_the_bf16_of_this_processor() -> None:
    if bf16_instructions():
        assert torch.ops.mkldnn._is_mkldnn_bf16_supported()
