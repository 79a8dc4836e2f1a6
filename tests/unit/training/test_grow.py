"""A widened network reads as before; a reshaped one keeps the tensors that fit."""

from __future__ import annotations

import torch

from daemon.ocr.model.crnn import CRNN, TopKNetwork, fold_norms, from_folded_state
from daemon.ocr.model.shape import NARROW, NetworkShape
from training.train.widen import reshaped, widen


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


def test_another_shape_starts_with_the_tensors_that_fit_it() -> None:
    network = small()
    shape = NetworkShape.parse(NARROW.replace("64/3 128/3/2x1", "48/3 128/3/2x1"))

    state = reshaped(network, shape).state_dict()

    known = network.state_dict()
    fitting = {name for name in state if state[name].shape == known[name].shape}
    assert all(torch.equal(state[name], known[name]) for name in fitting)
    others = {name.rsplit(".", 1)[0] for name in state.keys() - fitting}
    changed = {"blocks.2.pointwise.conv", "blocks.3.depthwise.conv", "blocks.3.pointwise.conv"}
    assert others == changed
