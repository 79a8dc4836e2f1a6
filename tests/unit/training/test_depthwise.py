"""The hand-written weight gradient compared with that of autograd."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import nn

from daemon.ocr.model.crnn import CRNN, fold_norms
from training.train import depthwise

needs_compiler = pytest.mark.skipif(
    depthwise.kernel() is None, reason="no C compiler: PyTorch computes the gradients"
)


@needs_compiler
@pytest.mark.parametrize(
    ("channels", "size", "height", "width", "stride"),
    [
        (256, 5, 4, 33, 1),
        (512, 5, 2, 16, 1),
        (16, 5, 1, 1, 1),
        (16, 5, 2, 2, 1),
        (256, 5, 4, 32, 2),
        (64, 3, 4, 32, 2),
    ],
)
def test_the_gradients_are_those_of_autograd(
    channels: int, size: int, height: int, width: int, stride: int
) -> None:
    torch.manual_seed(0)
    plain = nn.Conv2d(channels, channels, size, (stride, 1), size // 2, groups=channels)
    x = torch.randn(3, channels, height, width, requires_grad=True)
    onward = torch.randn(3, channels, height // stride, width)
    wanted = torch.autograd.grad(plain(x), (x, *plain.parameters()), onward)

    plain.__class__ = depthwise.Depthwise
    ours = torch.autograd.grad(plain(x), (x, *plain.parameters()), onward)

    torch.testing.assert_close(ours, wanted, rtol=1e-4, atol=1e-4)


@needs_compiler
@pytest.mark.parametrize("stride", [1, 2])
def test_in_bfloat16_the_gradients_are_those_of_the_rounded_numbers(stride: int) -> None:
    torch.manual_seed(0)
    plain = nn.Conv2d(32, 32, 5, (stride, 1), 2, groups=32).to(torch.bfloat16)
    x = torch.randn(3, 32, 4, 33).to(torch.bfloat16).requires_grad_()
    onward = torch.randn(3, 32, 4 // stride, 33).to(torch.bfloat16)
    exact, inside = deepcopy(plain).float(), x.detach().float().requires_grad_()
    wanted = torch.autograd.grad(exact(inside), (inside, *exact.parameters()), onward.float())

    fast = deepcopy(exact)
    fast.__class__ = depthwise.Depthwise
    with torch.autocast("cpu", torch.bfloat16):
        ours = torch.autograd.grad(fast(x), (x, *fast.parameters()), onward)

    assert [part.dtype for part in ours] == [torch.bfloat16, torch.float32, torch.float32]
    for found, right in zip(ours, wanted, strict=True):
        torch.testing.assert_close(found.float(), right, rtol=1e-2, atol=1e-2)


@needs_compiler
def test_large_depthwise_convolutions_and_those_with_a_stride_use_the_kernel() -> None:
    network = depthwise.use_fast_depthwise(fold_norms(CRNN(10)))

    fast = [m for m in network.modules() if isinstance(m, depthwise.Depthwise)]
    assert [m.kernel_size[0] for m in fast] == [3, 3, 5, 5, 5, 5, 5, 5, 5]


def test_without_a_compiler_the_network_is_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depthwise, "kernel", lambda: None)

    network = depthwise.use_fast_depthwise(fold_norms(CRNN(10)))

    assert not any(isinstance(module, depthwise.Depthwise) for module in network.modules())


@needs_compiler
def test_the_kernel_leaves_the_smallest_numbers_as_they_are() -> None:
    depthwise.kernel()

    assert torch.tensor(5e-324, dtype=torch.float64) * torch.tensor(1.0, dtype=torch.float64) > 0
