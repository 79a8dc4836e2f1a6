"""Real lines: documents that are trained on are never evaluated on."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from itertools import islice, repeat
from pathlib import Path

import cv2
import numpy as np
import pytest

from training.records import Sample
from training.train.real_lines import RealLine, RealLines, mix, split


def write_archive(path: Path, texts: Mapping[str, str], kind: str = "print") -> Path:
    """Write a tar of gray crops with the labels `texts`."""
    _, crop = cv2.imencode(".jpg", np.full((30, 90), 200, np.uint8))
    table = "".join(f"{name}\t{text}\tde\t{kind}\n" for name, text in texts.items())
    with tarfile.open(path, "w") as tar:
        for name, content in [("labels.tsv", table.encode()), *((n, bytes(crop)) for n in texts)]:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def line(name: str) -> RealLine:
    return RealLine(name, "text", "en", "print", b"")


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("ehri_EHRI-ET-YV3549264-11_003.jpg", "ehri_EHRI-ET-YV3549264"),
        ("fondue_1887-Zuerich-page-17_012.jpg", "fondue_1887-Zuerich"),
        ("tapus_bljd-DSN390-24-ac2b1-default_000.jpg", "tapus_bljd-DSN390"),
        ("tapus_mensuels-de-btv1b10010116f-315_001.jpg", "tapus_btv1b10010116f"),
        ("tapus_ensuels-de-btv1b10010116f-7_001.jpg", "tapus_btv1b10010116f"),
        ("stanford_Lettre241_000.jpg", "stanford_Lettre241"),
    ],
)
def test_names_of_pages_of_one_document_differ_only_in_the_number(name: str, document: str) -> None:
    assert line(name).document == document


def test_at_most_a_tenth_is_held_out_in_whole_documents_and_the_same_ones_each_time() -> None:
    lines = [
        line(f"here_{document}-{page}_000.jpg") for document in "abcdefghijkl" for page in "12"
    ]

    train, heldout = split(lines)

    assert 0 < len(heldout) <= 0.1 * len(lines)
    assert len(train) + len(heldout) == len(lines)
    assert not {one.document for one in train} & {one.document for one in heldout}
    assert split(lines[::-1])[1] == heldout[::-1]


def test_a_document_larger_than_a_tenth_is_trained_on() -> None:
    lines = [line(f"here_a-{page}_000.jpg") for page in range(9)]

    assert split(lines) == (lines, [])


def test_a_sample_has_the_label_of_its_archive(tmp_path: Path) -> None:
    write_archive(tmp_path / "here.tar", {"here_a-1_000.jpg": "Über"})

    sample = RealLines.load([tmp_path]).sample(np.random.default_rng(0))

    assert (sample.label, sample.language, sample.kind, sample.face) == (
        "Über",
        "latin",
        "print",
        "here",
    )
    assert sample.crop.dtype == np.uint8
    assert sample.crop.ndim == 2


def test_signatures_are_left_out(tmp_path: Path) -> None:
    write_archive(tmp_path / "a.tar", {"here_a-1_000.jpg": "Mark Twain"}, "signature")

    assert RealLines.load([tmp_path / "a.tar"]) == RealLines((), ())


def test_a_folder_without_archives_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no archive"):
        RealLines.load([tmp_path])


def test_a_crop_that_is_not_an_image_is_an_error() -> None:
    text_file = RealLine("here_a-1_000.jpg", "text", "en", "print", b"no image")

    with pytest.raises(ValueError, match=r"here_a-1_000\.jpg is not an image"):
        text_file.crop()


def test_spaces_count_except_where_the_labels_normalised_them(tmp_path: Path) -> None:
    for name in ("ehri", "here"):
        lines = {f"{name}_a{n}-1_000.jpg": "a b" for n in range(10)}
        write_archive(tmp_path / f"{name}.tar", lines)

    found = RealLines.load([tmp_path]).labelled(2)

    assert [(one.rule.language, one.rule.strip_spaces) for one in found] == [
        ("ehri", True),
        ("here", False),
    ]


def test_handwriting_is_evaluated_apart(tmp_path: Path) -> None:
    lines = {f"a_{n}-1_000.jpg": "a b" for n in range(10)}
    write_archive(tmp_path / "a.tar", lines, "handwriting")

    assert {one.rule.source for one in RealLines.load([tmp_path]).labelled(5)} == {"a-hand"}


def test_real_lines_are_their_share_of_all(tmp_path: Path) -> None:
    write_archive(tmp_path / "a.tar", {"here_a-1_000.jpg": "Rate"})
    drawn = Sample(np.zeros((30, 90), np.uint8), "drawn", "en", "word", "Face")
    real = RealLines.load([tmp_path])

    found = list(islice(mix(repeat(drawn), real, 0.25, np.random.default_rng(0)), 1000))

    assert sum(one.label == "Rate" for one in found) == pytest.approx(250, abs=40)
