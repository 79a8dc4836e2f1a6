"""The CRNN: convolution, recurrence and CTC scores for one line of text (Shi, Bai, Yao 2015).

It has 2.07 million parameters and the backbone of the recogniser of PP-OCRv2, a MobileNetV1 with
other strides: it halves the width only twice (in the stem, and where its shape has it), so that
every character has a step of its own, and the height five times, until a line is one row of
columns.

Letters in the shapes: N lines, C channels, H rows, W columns, T = W // 4 steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import hardsigmoid, hardswish, relu
from torch.nn.utils.fusion import fuse_conv_bn_eval

from daemon.ocr.model.ctc import CANDIDATES
from daemon.ocr.model.shape import WIDE, NetworkShape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daemon.ocr.model.shape import BlockShape


class ConvNorm(nn.Module):
    """Convolution, batch normalisation, hard-swish; keeps H and W except for the stride."""

    def __init__(
        self, inside: int, outside: int, kernel: int, stride: tuple[int, int], groups: int = 1
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            inside, outside, kernel, stride, kernel // 2, groups=groups, bias=False
        )
        self.norm: nn.Module = nn.BatchNorm2d(outside)

    def forward(self, x: Tensor) -> Tensor:  # N, inside, H, W
        """Apply the convolution, normalise and activate."""
        mixed = self.norm(self.conv(x))  # N, outside, H / stride, W / stride
        return hardswish(mixed, inplace=not self.training)


class SqueezeExcite(nn.Module):
    """Channel attention by the mean over the line, including its padding (see the model card)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels // 4, 1)
        self.excite = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:  # N, C, H, W
        """Weight each channel."""
        mean = x.mean((2, 3), keepdim=True)  # N, C, 1, 1
        return x * hardsigmoid(self.excite(relu(self.squeeze(mean))))  # N, C, H, W


class SeparableBlock(nn.Module):
    """A depthwise-separable convolution: a spatial one per channel, then a mix of the channels."""

    def __init__(self, inside: int, block: BlockShape) -> None:
        super().__init__()
        stride = block.row_stride, block.column_stride
        self.depthwise = ConvNorm(inside, inside, block.kernel, stride, groups=inside)
        self.attention = SqueezeExcite(inside) if block.attends else nn.Identity()
        self.pointwise = ConvNorm(inside, block.channels, 1, (1, 1))

    def forward(self, x: Tensor) -> Tensor:  # N, inside, H, W
        """Filter each channel, then mix the channels."""
        filtered = self.attention(self.depthwise(x))  # N, inside, H / stride, W / stride
        mixed: Tensor = self.pointwise(filtered)  # N, channels, H / stride, W / stride
        return mixed


class CRNN(nn.Module):
    """Scores of all characters for each step of a line; a step is four columns wide."""

    def __init__(
        self,
        classes: int,
        hidden: int = 64,
        bottleneck: int = 96,
        shape: NetworkShape | None = None,
    ) -> None:
        super().__init__()
        shape = shape or NetworkShape.parse(WIDE)
        self.stem = ConvNorm(1, shape.stem_channels, 3, (2, 2))
        channels = [shape.stem_channels, *(block.channels for block in shape.blocks)]
        self.blocks = nn.Sequential(
            *(SeparableBlock(*pair) for pair in zip(channels, shape.blocks, strict=False))
        )
        self.pool = nn.MaxPool2d(shape.pool) if shape.pool != (1, 1) else nn.Identity()
        self.recurrence = nn.LSTM(
            channels[-1], hidden, num_layers=2, bidirectional=True, batch_first=True
        )
        self.bottleneck = nn.Linear(2 * hidden, bottleneck)
        self.classifier = nn.Linear(bottleneck, classes)

    def forward(self, lines: Tensor) -> Tensor:  # N, 1, 32, W in -1 (black) .. 1 (white)
        """Return the scores of every character for every step of every line."""
        logits: Tensor = self.classifier(self.features(lines))  # N, T, classes
        return logits

    def features(self, lines: Tensor) -> Tensor:  # N, 1, 32, W
        """Return the features of each step in its context, as the classifier needs them."""
        columns = self.columns(lines).transpose(1, 2)  # N, T, C
        context, _ = self.recurrence(columns)  # N, T, 2 * hidden
        features: Tensor = self.bottleneck(context)  # N, T, bottleneck
        return features

    def columns(self, lines: Tensor) -> Tensor:  # N, 1, 32, W
        """Return the features of each step without its context, as the recurrence needs them."""
        maps = self.blocks(self.stem(lines))
        columns: Tensor = self.pool(maps).squeeze(2)  # N, C, T
        return columns


class BlankGate(nn.Module):
    """A gate that predicts blank steps, for which no character scores are computed then.

    Two of three steps are blank. Frame skipping usually relies on an intermediate CTC head (Yang et
    al. 2023, "Blank-regularized CTC for frame skipping in neural transducer"); here a small layer
    before the head decides. As initialised, it takes no step for blank.
    """

    def __init__(self, bottleneck: int, hidden: int = 32) -> None:
        super().__init__()
        self.look = nn.Linear(bottleneck, hidden)  # these names are keys in files of weights
        self.judge = nn.Linear(hidden, 1)
        nn.init.zeros_(self.judge.weight)
        nn.init.constant_(self.judge.bias, -1.0)

    def forward(self, features: Tensor) -> Tensor:  # ..., bottleneck
        """Return a score for each step, above 0 for blank."""
        logit: Tensor = self.judge(relu(self.look(features)))  # ..., 1
        return logit.squeeze(-1)


class TopKNetwork(nn.Module):
    """The form that ships: best classes of each step, their probabilities, number of classes.

    The thousands of other probabilities per step are not needed for decoding and are not returned.
    Scores are divided by `temperature` first, so that a probability is the share of such readings
    that are right (Guo et al. 2017, "On calibration of modern neural networks"); the order of the
    classes does not change.
    """

    def __init__(
        self, network: CRNN, temperature: float = 1.0, silence: BlankGate | None = None
    ) -> None:
        super().__init__()
        self.network = network
        self.temperature = nn.Buffer(torch.tensor(temperature))
        self.silence = silence or BlankGate(network.bottleneck.out_features)
        self.count = min(CANDIDATES, network.classifier.out_features)

    def forward(self, lines: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # N, 1, 32, W
        """Return the best labels of each step, best first, their probabilities, number of classes.

        The first two are N,T,K. A step that the gate predicts as blank is a blank with probability
        1.
        """
        features = self.network.features(lines)  # N, T, bottleneck
        steps = features.flatten(0, 1)  # N * T, bottleneck
        not_blank = (self.silence(steps) <= 0).nonzero()  # R, 1
        top_k = self.top_k(steps[not_blank[:, 0]])
        shape = features.shape[0], features.shape[1], self.count
        blank = torch.zeros(steps.shape[0], self.count, device=lines.device)
        rows = not_blank.expand(-1, self.count)  # a mask would have a constant size in ONNX
        labels = blank.to(torch.int64).scatter(0, rows, top_k[0]).view(shape)
        blank[:, 0] = 1
        probabilities = blank.scatter(0, rows, top_k[1]).view(shape)
        return labels, probabilities, torch._shape_as_tensor(self.network.classifier.bias)[0]

    def top_k(self, features: Tensor) -> tuple[Tensor, Tensor]:  # R, bottleneck
        """Return the best labels of R steps and their probabilities: R,K both."""
        labels: list[Tensor] = []
        probabilities: list[Tensor] = []
        for chunk in torch.split(features, 32):  # scores of 32 steps fit the cache
            chunk_labels, chunk_probabilities = self.score(chunk)
            labels.append(chunk_labels)
            probabilities.append(chunk_probabilities)
        return torch.cat(labels), torch.cat(probabilities)

    def score(self, features: Tensor) -> tuple[Tensor, Tensor]:  # R, bottleneck
        """Score all characters, in full precision; return the best labels and probabilities."""
        scores = self.network.classifier(features).float()  # R, classes
        probabilities, labels = (scores / self.temperature).softmax(-1).topk(self.count, -1)
        return labels, probabilities


class OnnxTopKNetwork(TopKNetwork):
    """The same in one pass, for a format that has no loops."""

    def __init__(self, steps: TopKNetwork) -> None:
        super().__init__(steps.network, float(steps.temperature), steps.silence)

    def top_k(self, features: Tensor) -> tuple[Tensor, Tensor]:  # R, bottleneck
        """Return the best labels of R steps and their probabilities: R,K both."""
        return self.score(features)


def fold_norms(network: CRNN) -> CRNN:
    """Fold every batch normalisation of `network`, in place, into the convolution before it.

    The results are the same with fewer passes over memory; in bf16 the product is rounded once, not
    twice.
    """
    network.eval()
    for module in network.modules():
        if isinstance(module, ConvNorm) and isinstance(module.norm, nn.BatchNorm2d):
            module.conv = fuse_conv_bn_eval(module.conv, module.norm)
            module.norm = nn.Identity()
    return network


def from_folded_state(state: Mapping[str, Tensor], shape: NetworkShape | None = None) -> CRNN:
    """Return the network of `state`, normalisations folded: the form that ships and trains."""
    classes, bottleneck = len(state["classifier.bias"]), len(state["bottleneck.bias"])
    hidden = state["recurrence.weight_hh_l0"].shape[1]
    network = fold_norms(CRNN(classes, hidden, bottleneck, shape))
    network.load_state_dict(state)
    return network
