"""The CRNN: shapes, folding of normalisations, the blank gate."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from daemon.ocr.model.crnn import CRNN, OnnxTopKNetwork, TopKNetwork, fold_norms
from daemon.ocr.model.ctc import CANDIDATES
from daemon.ocr.model.shape import NetworkShape


@pytest.fixture
def network() -> CRNN:
    """A small charset, random weights, and normalisations with statistics."""
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


def test_a_narrow_network_has_as_many_steps():
    network = CRNN(11, shape=NetworkShape.parse("narrow")).eval()

    assert network(torch.zeros(2, 1, 32, 96)).shape == (2, 24, 11)


def test_the_network_has_the_parameters_of_the_first_weights():
    count = sum(parameter.numel() for parameter in CRNN(classes=6625).parameters())

    assert round(count / 1e6, 2) == 2.07


@torch.inference_mode()
def test_folding_the_normalisations_changes_no_score(network: CRNN):
    lines = torch.rand(2, 1, 32, 96) * 2 - 1
    before = network(lines)

    after = fold_norms(network)(lines)

    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_the_best_classes_are_those_of_the_softmax(network: CRNN):
    lines = torch.rand(2, 1, 32, 96) * 2 - 1
    scores = network(lines)

    for reader in (TopKNetwork(network), OnnxTopKNetwork(TopKNetwork(network))):
        labels, probabilities, classes = reader(lines)

        by_hand = scores.softmax(2).sort(2, descending=True)
        assert torch.equal(labels, by_hand.indices[..., :CANDIDATES])
        torch.testing.assert_close(probabilities, by_hand.values[..., :CANDIDATES])
        assert classes == 11


def with_gate_bias(network: CRNN, bias: float) -> TopKNetwork:
    """Return a network whose gate takes all steps for blank, or none."""
    reader = TopKNetwork(network).eval()
    nn.init.constant_(reader.silence.judge.bias, bias)
    return reader


@torch.inference_mode()
def test_a_step_gated_as_blank_is_a_blank_with_probability_one(network: CRNN):
    labels, probabilities, _ = with_gate_bias(network, 1.0)(torch.rand(2, 1, 32, 96))

    assert not labels.any()
    assert (probabilities[..., 0] == 1).all()
    assert not probabilities[..., 1:].any()


@torch.inference_mode()
def test_steps_that_are_not_gated_do_not_depend_on_those_that_are(network: CRNN):
    lines = torch.rand(2, 1, 32, 96) * 2 - 1
    reader = TopKNetwork(network).eval()
    expected = reader(lines)
    nn.init.normal_(reader.silence.judge.weight)
    nn.init.constant_(reader.silence.judge.bias, 0.0)
    scores = reader.silence(network.features(lines))
    reader.silence.judge.bias -= scores.median()

    labels, probabilities, _ = reader(lines)

    not_blank = scores <= scores.median()
    assert 0 < not_blank.sum() < not_blank.numel()
    assert torch.equal(labels[not_blank], expected[0][not_blank])
    torch.testing.assert_close(probabilities[not_blank], expected[1][not_blank])
