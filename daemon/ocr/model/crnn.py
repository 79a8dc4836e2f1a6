"""The network: columns of pixels become features, features gain context, context names characters.

A CRNN (Shi, Bai, Yao 2015: convolution, recurrence, CTC) of 2.07 million parameters with the
backbone of PP-OCRv2's recogniser, a MobileNetV1 made tall and narrow: it halves the width only
twice (once at the entrance, once at the exit), since a character must keep a step of its own, and
the height five times, until a line is one row of columns.

Letters in the shapes: N lines, C channels, H rows, W columns, T = W // 4 steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import hardsigmoid, hardswish, relu
from torch.nn.utils.fusion import fuse_conv_bn_eval

from daemon.ocr.model.ctc import CANDIDATES

if TYPE_CHECKING:
    from collections.abc import Mapping


class ConvNorm(nn.Module):
    """Convolution, batch normalisation, hard-swish; keeps H and W but for the stride."""

    def __init__(
        self, inside: int, outside: int, kernel: int, stride: tuple[int, int], groups: int = 1
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            inside, outside, kernel, stride, kernel // 2, groups=groups, bias=False
        )
        self.norm: nn.Module = nn.BatchNorm2d(outside)

    def forward(self, x: Tensor) -> Tensor:  # N, inside, H, W
        """Look around each place."""
        mixed = self.norm(self.conv(x))  # N, outside, H / stride, W / stride
        return hardswish(mixed, inplace=not self.training)


class SqueezeExcite(nn.Module):
    """Weigh each channel by what the whole line looks like (padding included: see the card)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels // 4, 1)
        self.excite = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:  # N, C, H, W
        """Turn each channel up or down."""
        whole = x.mean((2, 3), keepdim=True)  # N, C, 1, 1
        return x * hardsigmoid(self.excite(relu(self.squeeze(whole))))  # N, C, H, W


class SeparableBlock(nn.Module):
    """A depthwise-separable convolution: each channel looks around, then the channels mix."""

    def __init__(
        self, inside: int, outside: int, kernel: int, rows: int = 1, attends: bool = False
    ) -> None:
        super().__init__()
        self.depthwise = ConvNorm(inside, inside, kernel, (rows, 1), groups=inside)
        self.attention = SqueezeExcite(inside) if attends else nn.Identity()
        self.pointwise = ConvNorm(inside, outside, 1, (1, 1))

    def forward(self, x: Tensor) -> Tensor:  # N, inside, H, W
        """Look around in each channel, then mix the channels."""
        around = self.attention(self.depthwise(x))  # N, inside, H / rows, W
        mixed: Tensor = self.pointwise(around)  # N, outside, H / rows, W
        return mixed


class CRNN(nn.Module):
    """Lines of text to scores of characters, four columns a step."""

    def __init__(self, classes: int, hidden: int = 64, bottleneck: int = 96) -> None:
        super().__init__()
        self.stem = ConvNorm(1, 16, 3, (2, 2))
        self.blocks = nn.Sequential(
            SeparableBlock(16, 32, 3),
            SeparableBlock(32, 64, 3),
            SeparableBlock(64, 64, 3),
            SeparableBlock(64, 128, 3, rows=2),
            SeparableBlock(128, 128, 3),
            SeparableBlock(128, 256, 3, rows=2),
            *(SeparableBlock(256, 256, 5) for _ in range(5)),
            SeparableBlock(256, 512, 5, rows=2, attends=True),
            SeparableBlock(512, 512, 5, attends=True),
        )
        self.pool = nn.MaxPool2d(2)
        self.recurrence = nn.LSTM(512, hidden, num_layers=2, bidirectional=True, batch_first=True)
        self.bottleneck = nn.Linear(2 * hidden, bottleneck)
        self.classifier = nn.Linear(bottleneck, classes)

    def forward(self, lines: Tensor) -> Tensor:  # N, 1, 32, W in -1 (black) .. 1 (white)
        """Score every character for every step of every line."""
        logits: Tensor = self.classifier(self.features(lines))  # N, T, classes
        return logits

    def features(self, lines: Tensor) -> Tensor:  # N, 1, 32, W
        """Say what each step looks like, in its context, to the classifier."""
        maps = self.blocks(self.stem(lines))  # N, 512, 2, W / 2
        columns = self.pool(maps).squeeze(2)  # N, 512, T
        context, _ = self.recurrence(columns.transpose(1, 2))  # N, T, 2 * hidden
        described: Tensor = self.bottleneck(context)  # N, T, bottleneck
        return described


class Silence(nn.Module):
    """Tells steps that stand between characters, so that nothing scores thousands of them there.

    Two steps of three are such. Frames are skipped likewise by what a first CTC head says (Yang et
    al. 2023, "Blank-regularized CTC for frame skipping in neural transducer"); here a layer of its
    own says it before the head. As it is made, it takes no step for silent.
    """

    def __init__(self, bottleneck: int, hidden: int = 32) -> None:
        super().__init__()
        self.look = nn.Linear(bottleneck, hidden)
        self.judge = nn.Linear(hidden, 1)
        nn.init.zeros_(self.judge.weight)
        nn.init.constant_(self.judge.bias, -1.0)

    def forward(self, described: Tensor) -> Tensor:  # ..., bottleneck
        """Return how silent each step is, above 0 for silent."""
        heard: Tensor = self.judge(relu(self.look(described)))  # ..., 1
        return heard.squeeze(-1)


class BestSteps(nn.Module):
    """What ships: the best classes of each step, their probabilities, how many classes there are.

    Thousands of other probabilities a step are of no use to decoding and stay inside. Scores are
    divided by `temperature` first, so that a probability is the share of such readings that are
    right (Guo et al. 2017, "On calibration of modern neural networks"); the order stays the same.
    """

    def __init__(
        self, network: CRNN, temperature: float = 1.0, silence: Silence | None = None
    ) -> None:
        super().__init__()
        self.network = network
        self.temperature = nn.Buffer(torch.tensor(temperature))
        self.silence = silence or Silence(network.bottleneck.out_features)
        self.count = min(CANDIDATES, network.classifier.out_features)

    def forward(self, lines: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # N, 1, 32, W
        """Return the best labels of each step, best first, their probabilities, number of classes.

        The first two are N,T,K. A silent step is a blank for certain.
        """
        described = self.network.features(lines)  # N, T, bottleneck
        steps = described.flatten(0, 1)  # N * T, bottleneck
        speak = (self.silence(steps) <= 0).nonzero()  # R, 1
        named = self.named(steps[speak[:, 0]])
        shape = described.shape[0], described.shape[1], self.count
        silent = torch.zeros(steps.shape[0], self.count, device=lines.device)
        places = speak.expand(
            -1, self.count
        )  # not by a mask: ONNX would hold its size for constant
        labels = silent.to(torch.int64).scatter(0, places, named[0]).view(shape)
        silent[:, 0] = 1
        probabilities = silent.scatter(0, places, named[1]).view(shape)
        return labels, probabilities, torch._shape_as_tensor(self.network.classifier.bias)[0]

    def named(self, described: Tensor) -> tuple[Tensor, Tensor]:  # R, bottleneck
        """Return the best labels of R steps and their probabilities: R,K both."""
        labels: list[Tensor] = []
        probabilities: list[Tensor] = []
        for few in torch.split(described, 32):  # whose scores stay in the cache
            best, sure = self.best(few)
            labels.append(best)
            probabilities.append(sure)
        return torch.cat(labels), torch.cat(probabilities)

    def best(self, described: Tensor) -> tuple[Tensor, Tensor]:  # R, bottleneck
        """Score all characters, in full precision; return the best labels and probabilities."""
        scores = self.network.classifier(described).float()  # R, classes
        probabilities, labels = (scores / self.temperature).softmax(-1).topk(self.count, -1)
        return labels, probabilities


class AtOnce(BestSteps):
    """The same for a format that cannot walk through steps."""

    def __init__(self, steps: BestSteps) -> None:
        super().__init__(steps.network, float(steps.temperature), steps.silence)

    def named(self, described: Tensor) -> tuple[Tensor, Tensor]:  # R, bottleneck
        """Return the best labels of R steps and their probabilities: R,K both."""
        return self.best(described)


def fold_norms(network: CRNN) -> CRNN:
    """Fold every batch normalisation of `network`, in place, into the convolution before it.

    Same results, fewer passes over memory; and in bf16 the product is rounded once, not twice.
    """
    network.eval()
    for module in network.modules():
        if isinstance(module, ConvNorm) and isinstance(module.norm, nn.BatchNorm2d):
            module.conv = fuse_conv_bn_eval(module.conv, module.norm)
            module.norm = nn.Identity()
    return network


def folded(state: Mapping[str, Tensor]) -> CRNN:
    """Return the network of `state`, its normalisations folded: the form that ships and trains."""
    classes, hidden = len(state["classifier.bias"]), state["recurrence.weight_hh_l0"].shape[1]
    network = fold_norms(CRNN(classes, hidden))
    network.load_state_dict(state)
    return network
