"""The recognisers' race: fair turns, honest omissions, error rates of what was read."""

import cv2
import numpy as np
import pytest

from bench import peers
from bench.recognizer import PAGE, Candidate, candidates, drawn, error_rates, labelled, race, warmed


@pytest.fixture
def lines_dir(tmp_path):
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), np.full((32, 64), 255, np.uint8))
    (tmp_path / "labels.tsv").write_text("a.png\tabcd\nb.png\t中文\n")
    (tmp_path / "meta.tsv").write_text(
        "file\tlang\tsource\tcase\tspaces\na.png\ten\tX\tcs\tkeep\nb.png\tzh\tX\tcs\tstrip\n"
    )
    return tmp_path


def test_candidates_take_turns_on_each_page_and_what_they_read_counts_once():
    turns = []

    def reader(name):
        return lambda page: turns.append((name, len(page))) or [name] * len(page)

    first, second = race([reader("x"), reader("y")], drawn()[: PAGE + 1], 2)

    assert turns == [("x", PAGE), ("y", PAGE)] * 2 + [("x", 1), ("y", 1)] * 2
    assert (first.texts, second.texts) == (["x"] * (PAGE + 1), ["y"] * (PAGE + 1))


def test_a_page_costs_the_least_of_its_rounds(monkeypatch):
    clock = iter([0, 5, 10, 12, 20, 29])
    monkeypatch.setattr("bench.recognizer.process_time", lambda: next(clock))

    (score,) = race([lambda page: [""] * len(page)], drawn()[:3], 3)

    assert score.seconds == 2


def test_a_peer_that_is_not_installed_is_left_out_and_said_to_be(monkeypatch, capsys):
    monkeypatch.setattr(peers, "find_spec", lambda _: None)

    readers = warmed([Candidate(name, "onnxruntime", "fp32") for name in peers.PEERS])

    assert readers == {}
    assert capsys.readouterr().out.count("is not installed") == len(peers.PEERS)


def test_the_quantised_file_races_only_where_it_lies_beside_the_weights(tmp_path):
    (tmp_path / "ours-1.pt").touch()
    before = {one.precision for one in candidates(tmp_path / "ours-1.pt")}
    (tmp_path / "ours-1.int8.onnx").touch()

    after = {one.precision for one in candidates(tmp_path / "ours-1.pt")}

    assert (before, after - before) == ({"fp32", "bf16"}, {"int8"})


def test_error_rates_are_those_of_each_language(lines_dir):
    said = {"a.png": "abcx", "b.png": "中文"}
    lines = labelled(lines_dir)

    rates = error_rates(lines, [said[line.name] for line in lines])

    assert rates == ["25.00", "0.00"]
