"""The network's shapes, and that folding changes nothing."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from daemon.ocr.model.crnn import CRNN, AtOnce, BestSteps, fold_norms
from daemon.ocr.model.ctc import CANDIDATES


@pytest.fixture
def network() -> CRNN:
    """A small alphabet, random weights, and norms that have seen something."""
    torch.manual_seed(0)
    network = CRNN(classes=11)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 2.0)
    return network.eval()


@pytest.mark.parametrize("width", [64, 96, 320])
def test_four_columns_make_a_step(network: CRNN, width: int):
    assert network(torch.zeros(2, 1, 32, width)).shape == (2, width // 4, 11)


def test_it_has_the_parameters_that_the_first_weights_fill():
    count = sum(parameter.numel() for parameter in CRNN(classes=6625).parameters())

    assert round(count / 1e6, 2) == 2.07


@torch.inference_mode()
def test_folding_the_norms_changes_no_score(network: CRNN):
    lines = torch.rand(2, 1, 32, 96) * 2 - 1
    before = network(lines)

    after = fold_norms(network)(lines)

    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_the_best_steps_are_the_softmax_and_its_place(network: CRNN):
    lines = torch.rand(2, 1, 32, 96) * 2 - 1
    scores = network(lines)

    for reader in (BestSteps(network), AtOnce(BestSteps(network))):
        labels, probabilities, classes = reader(lines)

        by_hand = scores.softmax(2).sort(2, descending=True)
        assert torch.equal(labels, by_hand.indices[..., :CANDIDATES])
        torch.testing.assert_close(probabilities, by_hand.values[..., :CANDIDATES])
        assert classes == 11


def silenced(network: CRNN, bias: float) -> BestSteps:
    """Return what takes every step for silent, or none."""
    reader = BestSteps(network).eval()
    nn.init.constant_(reader.silence.judge.bias, bias)
    return reader


@torch.inference_mode()
def test_a_silent_step_is_a_blank_for_certain(network: CRNN):
    labels, probabilities, _ = silenced(network, 1.0)(torch.rand(2, 1, 32, 96))

    assert not labels.any()
    assert (probabilities[..., 0] == 1).all()
    assert not probabilities[..., 1:].any()


@torch.inference_mode()
def test_steps_that_speak_are_named_whatever_is_silent_beside_them(network: CRNN):
    lines = torch.rand(2, 1, 32, 96) * 2 - 1
    reader = BestSteps(network).eval()
    whole = reader(lines)
    nn.init.normal_(reader.silence.judge.weight)
    nn.init.constant_(reader.silence.judge.bias, 0.0)
    heard = reader.silence(network.features(lines))
    reader.silence.judge.bias -= heard.median()

    labels, probabilities, _ = reader(lines)

    speaks = heard <= heard.median()
    assert 0 < speaks.sum() < speaks.numel()
    assert torch.equal(labels[speaks], whole[0][speaks])
    torch.testing.assert_close(probabilities[speaks], whole[1][speaks])
