"""A widened network reads as before."""

from __future__ import annotations

import torch

from daemon.ocr.model.crnn import CRNN, TopKNetwork, fold_norms, from_folded_state
from training.train.widen import widen


def small() -> CRNN:
    torch.manual_seed(0)
    return fold_norms(CRNN(classes=11, hidden=8, bottleneck=6))


def test_a_wider_recurrence_gives_the_same_scores() -> None:
    network, lines = small(), torch.rand(2, 1, 32, 96) * 2 - 1
    with torch.inference_mode():
        before = network(lines)

    widen(network, 12)

    with torch.inference_mode():
        torch.testing.assert_close(network(lines), before)
    assert network.recurrence.hidden_size == 12


def test_the_new_units_get_gradients() -> None:
    network = small()
    widen(network, 12)

    network(torch.rand(2, 1, 32, 96) * 2 - 1).square().sum().backward()

    added = network.bottleneck.weight.grad.view(-1, 2, 12)[:, :, 8:]
    assert (added != 0).all()


def test_a_wide_network_is_restored_with_its_width() -> None:
    network = fold_norms(CRNN(classes=11, hidden=12))

    restored = from_folded_state(network.state_dict())

    lines = torch.rand(1, 1, 32, 64)
    with torch.inference_mode():
        assert torch.equal(TopKNetwork(restored)(lines)[1], TopKNetwork(network)(lines)[1])
