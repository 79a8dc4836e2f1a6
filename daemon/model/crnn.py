"""The network: columns of pixels become features, features gain context, context names characters.

A CRNN (Shi, Bai, Yao 2015: convolution, recurrence, CTC) of 2.07 million parameters with the
backbone of PP-OCRv2's recogniser, a MobileNetV1 made tall and narrow: it halves the width only
twice (once at the entrance, once at the exit), since a character must keep a step of its own, and
the height five times, until a line is one row of columns.

Letters in the shapes: N lines, C channels, H rows, W columns, T = W // 4 steps.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import hardsigmoid, hardswish, relu
from torch.nn.utils.fusion import fuse_conv_bn_eval

from daemon.model.ctc import CANDIDATES


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


class Block(nn.Module):
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
            Block(16, 32, 3),
            Block(32, 64, 3),
            Block(64, 64, 3),
            Block(64, 128, 3, rows=2),
            Block(128, 128, 3),
            Block(128, 256, 3, rows=2),
            *(Block(256, 256, 5) for _ in range(5)),
            Block(256, 512, 5, rows=2, attends=True),
            Block(512, 512, 5, attends=True),
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


class BestSteps(nn.Module):
    """What ships: the best classes of each step, their probabilities, how many classes there are.

    Thousands of other probabilities a step are of no use to decoding and stay inside. Scores are
    divided by `temperature` first, so that a probability is the share of such readings that are
    right (Guo et al. 2017, "On calibration of modern neural networks"); the order stays the same.
    """

    def __init__(self, network: CRNN, temperature: float = 1.0) -> None:
        super().__init__()
        self.network = network
        self.temperature = nn.Buffer(torch.tensor(temperature))

    def forward(self, lines: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # N, 1, 32, W
        """Return the best label of each step (N,T), its probability (N,T), number of classes."""
        labels: list[Tensor] = []
        probabilities: list[Tensor] = []
        for line in self.network.features(lines):  # a batch's scores are 100 MB, a line's 6
            best, sure = self.best(self.scores(line))
            labels.append(best)
            probabilities.append(sure)
        return torch.stack(labels), torch.stack(probabilities), self.classes()

    @torch.jit.export
    def candidates(self, lines: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return the same for the `count` best labels of each step: N,T,count, N,T,count, 1."""
        labels: list[Tensor] = []
        probabilities: list[Tensor] = []
        for line in self.network.features(lines):
            first, sure = self.first(self.scores(line), count)
            labels.append(first)
            probabilities.append(sure)
        return torch.stack(labels), torch.stack(probabilities), self.classes()

    def scores(self, described: Tensor) -> Tensor:  # ..., bottleneck
        """Score every character for steps that the network has described, in full precision."""
        scores: Tensor = self.network.classifier(described).float()  # ..., classes
        return scores

    def best(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Return the best label of each step, and its probability."""
        highest, labels = scores.max(-1, keepdim=True)  # ..., 1 both
        odds = (scores - highest).div_(self.temperature).exp_()  # ..., classes
        return labels.squeeze(-1), odds.sum(-1).reciprocal()

    def first(self, scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Return the `count` best labels of each step, best first, and their probabilities."""
        highest, labels = scores.topk(count, -1)  # ..., count both
        top = highest[..., :1]  # ..., 1
        total = (scores - top).div_(self.temperature).exp_().sum(-1, keepdim=True)  # ..., 1
        return labels, (highest - top).div_(self.temperature).exp_() / total

    def classes(self) -> Tensor:
        """Return how many classes are told apart, as a tensor (an export keeps it so)."""
        return torch._shape_as_tensor(self.network.classifier.bias)[0]


class BothReadings(nn.Module):
    """Both readings as one graph, for a format without methods; a reader asks for what it wants."""

    def __init__(self, steps: BestSteps, count: int = CANDIDATES) -> None:
        super().__init__()
        self.steps, self.count = steps, count

    def forward(self, lines: Tensor) -> tuple[Tensor, ...]:  # N, 1, 32, W
        """Return labels and probabilities, those of the candidates, and the number of classes."""
        scores = self.steps.scores(self.steps.network.features(lines))  # N, T, classes
        labels, probabilities = self.steps.best(scores)
        return labels, probabilities, *self.steps.first(scores, self.count), self.steps.classes()


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


def folded(classes: int) -> CRNN:
    """Return a network whose normalisations are folded already: the form that ships and trains."""
    return fold_norms(CRNN(classes))
