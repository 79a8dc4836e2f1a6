"""Depthwise convolutions with fast gradients on a CPU.

The weight gradient of oneDNN is slow: for 256 channels of 4 x 176, on one Zen 4 core, it takes
1.3 ms a line in float32 and 3.8 in bfloat16, ours 0.2 and 0.1. In bfloat16 the input gradient of a
convolution with a stride is slow too (2.0 ms; in float32 0.2), so it is computed in float32.
`depthwise.c` is compiled when first needed; without a compiler, or on an accelerator, PyTorch
computes the gradients.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

if TYPE_CHECKING:
    from daemon.ocr.model.crnn import CRNN

SOURCE = Path(__file__).with_suffix(".c")
# Not -ffast-math: a library that is linked with it makes the process that loads it round the
# smallest numbers to zero.
_FLAGS = [
    "-O3", "-march=native", "-fassociative-math", "-fno-signed-zeros", "-fno-trapping-math",
    "-ffinite-math-only", "-fno-math-errno", "-funroll-loops", "-shared", "-fPIC",
]  # fmt: skip
_LANES = 16  # channels that the kernel processes at a time
HALF = torch.bfloat16


@cache
def kernel() -> Any | None:
    """Return the compiled library, or None if there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "depthwise.so"
        subprocess.run([compiler, *_FLAGS, str(SOURCE), "-o", str(library)], check=True)
        return ctypes.CDLL(str(library))


def weight_gradient(x: Tensor, gradient: Tensor, size: int, stride: int) -> Tensor:
    """Return the gradient C,1,k,k of the weights, from the input `x` (N,C,H * stride,W).

    `gradient` is that of the output. Both are on the CPU, in float32 or bfloat16, with a padding of
    `size` // 2; C is a multiple of 16, `size` 3 or 5. The result is float32.
    """
    count, channels, height, width = gradient.shape
    weight = torch.zeros(size, size, channels)
    tensors = (x.permute(0, 2, 3, 1).contiguous(), gradient.permute(0, 2, 3, 1).contiguous())
    compiled = kernel()
    assert compiled is not None
    function = (
        compiled.weight_gradient_bfloat16 if x.dtype == HALF else compiled.weight_gradient_float
    )
    pointers = (ctypes.c_void_p(tensor.data_ptr()) for tensor in (*tensors, weight))
    function(*pointers, *map(ctypes.c_long, (count, height, width, channels, size, stride)))
    return weight.permute(2, 0, 1).unsqueeze(1)


class _Convolution(torch.autograd.Function):
    """A depthwise convolution that uses our weight gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        weight, bias = weight.to(x.dtype), bias.to(x.dtype)
        return conv2d(x, weight, bias, (stride, 1), weight.shape[-1] // 2, 1, len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x, weight = ctx.saved_tensors
        (gradient,) = gradients
        size, edge = weight.shape[-1], weight.shape[-1] // 2
        precision = torch.float32 if ctx.stride > 1 else x.dtype
        before, *_ = torch.ops.aten.convolution_backward(
            gradient.to(precision), x.to(precision), weight.to(precision), None, (ctx.stride, 1),
            (edge, edge), (1, 1), False, (0, 0), len(weight),
            (True, False, False),  # with the bias gradient it would compute that of the weights too
        )  # fmt: skip
        weights = weight_gradient(x, gradient, size, ctx.stride)
        return before.to(x.dtype), weights, gradient.float().sum((0, 2, 3)), None


class Depthwise(nn.Conv2d):
    """Replaces an `nn.Conv2d` and keeps its parameters."""

    def forward(self, x: Tensor) -> Tensor:  # N, C, H, W
        """Convolve, as `nn.Conv2d` does where our gradient does not apply."""
        if x.shape[2] % self.stride[0] or x.device.type != "cpu":
            return super().forward(x)
        precision = HALF if torch.is_autocast_enabled("cpu") else x.dtype
        with torch.autocast("cpu", enabled=False):
            convolved: Tensor = _Convolution.apply(  # type: ignore[no-untyped-call]
                x.to(precision), self.weight, self.bias, self.stride[0]
            )
        return convolved


def use_fast_depthwise(network: CRNN) -> CRNN:
    """Use our kernel for the depthwise convolutions of `network` that it speeds up; return it."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and _applies(module) and kernel() is not None:
            module.__class__ = Depthwise  # the same parameters, under the same names
    return network


def _applies(conv: nn.Conv2d) -> bool:
    depthwise = conv.groups == conv.in_channels == conv.out_channels
    faster = conv.kernel_size == (5, 5) or (conv.kernel_size == (3, 3) and conv.stride[0] > 1)
    supported = conv.stride[1] == 1 and conv.bias is not None and conv.in_channels % _LANES == 0
    return depthwise and faster and supported
