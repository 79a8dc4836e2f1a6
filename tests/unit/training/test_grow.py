"""A network that grew reads on as before."""

from __future__ import annotations

import torch

from daemon.ocr.model.crnn import CRNN, BestSteps, fold_norms, folded
from training.train.widen import widen


def small() -> CRNN:
    torch.manual_seed(0)
    return fold_norms(CRNN(classes=11, hidden=8, bottleneck=6))


def test_a_wider_recurrence_says_what_the_narrow_one_said() -> None:
    network, lines = small(), torch.rand(2, 1, 32, 96) * 2 - 1
    with torch.inference_mode():
        before = network(lines)

    widen(network, 12)

    with torch.inference_mode():
        torch.testing.assert_close(network(lines), before)
    assert network.recurrence.hidden_size == 12


def test_the_new_units_learn_and_are_heard() -> None:
    network = small()
    widen(network, 12)

    network(torch.rand(2, 1, 32, 96) * 2 - 1).square().sum().backward()

    fresh = network.bottleneck.weight.grad.view(-1, 2, 12)[:, :, 8:]
    assert (fresh != 0).all()


def test_a_wide_network_is_restored_as_wide() -> None:
    network = fold_norms(CRNN(classes=11, hidden=12))

    restored = folded(network.state_dict())

    lines = torch.rand(1, 1, 32, 64)
    with torch.inference_mode():
        assert torch.equal(BestSteps(restored)(lines)[1], BestSteps(network)(lines)[1])
