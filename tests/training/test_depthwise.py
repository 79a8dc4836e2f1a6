"""The hand-written weight gradient beside autograd's."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from daemon.model.crnn import folded
from daemon.training import depthwise

needs_compiler = pytest.mark.skipif(
    depthwise.kernel() is None, reason="no C compiler here: the library's own gradient serves"
)


@needs_compiler
@pytest.mark.parametrize(
    ("channels", "height", "width", "stride"),
    [(256, 4, 33, 1), (512, 2, 16, 1), (16, 1, 1, 1), (256, 4, 32, 2)],
)
def test_the_gradients_are_autograds_own(
    channels: int, height: int, width: int, stride: int
) -> None:
    torch.manual_seed(0)
    plain = nn.Conv2d(channels, channels, 5, (stride, 1), 2, groups=channels)
    x = torch.randn(3, channels, height, width, requires_grad=True)
    onward = torch.randn(3, channels, height // stride, width)
    wanted = torch.autograd.grad(plain(x), (x, *plain.parameters()), onward)

    plain.__class__ = depthwise.Depthwise
    ours = torch.autograd.grad(plain(x), (x, *plain.parameters()), onward)

    torch.testing.assert_close(ours, wanted, rtol=1e-4, atol=1e-4)


@needs_compiler
def test_every_depthwise_5_by_5_of_the_network_is_hastened() -> None:
    network = depthwise.hasten(folded(10))

    assert sum(isinstance(module, depthwise.Depthwise) for module in network.modules()) == 7


def test_without_a_compiler_the_network_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depthwise, "kernel", lambda: None)

    network = depthwise.hasten(folded(10))

    assert not any(isinstance(module, depthwise.Depthwise) for module in network.modules())
