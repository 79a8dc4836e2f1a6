"""Corrected lines as material to train with, cut out by the real sandboxed process."""

from __future__ import annotations

import hashlib
import tarfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from daemon.core.folder_rules import FolderRules
from daemon.core.options import Limits, Rendering
from daemon.web.index.corrections import Correction
from daemon.web.index.records import DocumentDetails
from daemon.web.previews.line_crops import LineBox, crop
from daemon.web.previews.page_images import PageImages
from daemon.web.previews.training_lines import training_archive
from tests.support.samples.pictures import text_page
from tests.support.web.stand_in import item
from training.train.real_lines import read_archive

OPTIONS = FolderRules((Limits(), Rendering()))
LINE = Correction(
    1, (0, 0, 0, 0), 0, 0, "horizontal", 0, 0.0, "read", "First line", "crnn",
    "2026-07-01T00:00:00.000Z",
)  # fmt: skip


def ink_box(image: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = (image < 128).any(axis=1).nonzero()[0], (image < 128).any(axis=0).nonzero()[0]
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def original(path: Path, image: np.ndarray) -> DocumentDetails:
    cv2.imwrite(str(path), image)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return DocumentDetails(item("a", path.name, pages=1), None, (), path, path.name, digest)


def correction(image: np.ndarray, **more: object) -> Correction:
    height, width = image.shape
    return replace(LINE, box=ink_box(image), width=width, height=height, **more)


def test_training_takes_the_archive_of_corrected_lines(tmp_path: Path) -> None:
    image = text_page(["First line"])
    details = original(tmp_path / "a.png", image)
    images = PageImages(tmp_path / "pages", OPTIONS)
    chinese = correction(image, text="第一行\tA", page=1)
    vertical = correction(image, text="No", direction="vertical")
    archive = tmp_path / "lines.tar"

    blocks = training_archive([(details, [correction(image), chinese, vertical])], images)
    archive.write_bytes(b"".join(blocks))

    lines = read_archive(archive)
    assert [(each.text, each.language, each.kind) for each in lines] == [
        ("First line", "en", "print"), ("第一行 A", "zh", "print"),
    ]  # fmt: skip
    assert [each.archive for each in lines] == ["corrections"] * 2
    assert len({each.document for each in lines}) == 1
    left, top, right, bottom = ink_box(image)
    piece = lines[0].crop()
    assert piece.shape == pytest.approx((1.2 * (bottom - top), right - left), rel=0.15)
    inner = ink_box(piece)
    assert (inner[2] - inner[0], inner[3] - inner[1]) == pytest.approx(
        (right - left, bottom - top), abs=4
    )


def test_lines_of_an_original_that_is_gone_are_left_out(tmp_path: Path) -> None:
    image = text_page(["First line"])
    gone = replace(original(tmp_path / "a.png", image), original=None)
    archive = tmp_path / "lines.tar"

    blocks = training_archive(
        [(gone, [correction(image)])], PageImages(tmp_path / "pages", OPTIONS)
    )
    archive.write_bytes(b"".join(blocks))

    assert read_archive(archive) == []
    with tarfile.open(archive) as tar:
        assert tar.getnames() == ["labels.tsv"]


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_turned_line_is_cut_out_upright(turn: int) -> None:
    upright = text_page(["Upright"])
    lying = np.ascontiguousarray(np.rot90(upright, k=turn // 90))  # clockwise by `turn` undoes it
    height, width = lying.shape

    piece = crop(lying, LineBox(ink_box(lying), width, height, turn))

    left, top, right, bottom = ink_box(upright)
    inner = ink_box(piece)
    expected = upright[top:bottom, left:right]
    found = piece[inner[1] : inner[3], inner[0] : inner[2]]
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < 1


@pytest.mark.parametrize("degrees", [-4.0, 4.0])
def test_a_sloping_line_is_levelled_as_the_daemon_levels_the_page(degrees: float) -> None:
    from daemon.ocr.preprocess import skew
    from daemon.ocr.preprocess.edges import lower_edges

    upright = text_page(["A rather long line of text to be sloped"] * 3, width=1600)
    height, width = upright.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    sloping = cv2.warpAffine(upright, turn, (width, height), borderValue=255)
    estimated = skew.estimate(lower_edges(sloping))
    one = text_page(["A rather long line of text to be sloped"], width=1600)
    sloping_one = cv2.warpAffine(one, turn, (width, height), borderValue=255)

    piece = crop(sloping_one, LineBox(ink_box(sloping_one), width, height, 0, estimated))

    _, top, _, bottom = ink_box(one)
    assert piece.shape[0] < 1.6 * (bottom - top)
    inner = ink_box(piece)
    assert inner[3] - inner[1] == pytest.approx(bottom - top, abs=6)
