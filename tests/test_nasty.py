"""Odd, broken and hostile files from the field, dropped into a real inbox at once."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import House, until
from tests.samples import png, text_page

COLLECTION = Path(__file__).parents[2] / "shared/data/nasty"
if not COLLECTION.is_dir():
    pytest.skip(
        f"the collection {COLLECTION.name} is not here; tests/samples makes its own kinds",
        allow_module_level=True,
    )

CLASSES = {
    "ok": {("done", None)},
    "ok_empty": {("done", None)},
    "corrupt": {("failed", "corrupt")},
    "encrypted": {("failed", "encrypted")},
    "unsupported": {("failed", "unsupported")},
    "too_large": {("failed", "too_large"), ("failed", "timeout"), ("partial", "timeout")},
}
# readers disagree, and either answer is sane
TIMEOUT_IS_FINE = {"pdfjs__bomb_giant.pdf"}


def manifest() -> list[dict[str, str]]:
    with (COLLECTION / "manifest.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict]]:
    house = House(tmp_path_factory.mktemp("nasty"), workers=2)
    with house.running():
        for row in manifest():
            house.drop(row["file"], (COLLECTION / row["file"]).read_bytes())
        until(lambda: len(house.answers()) == len(manifest()), 280, what="every file answered")
        house.drop("good.png", png(text_page(["Still alive"])))
        assert house.answer("good.png.json")["text"] == "Still alive"
        yield house.answers()


def sane(expected: str) -> set[tuple[str, str | None]]:
    kinds = expected.replace("err_", "").split("_or_")
    if {"ok", "corrupt"} <= set(kinds):  # some pages one way, some the other
        return CLASSES["ok"] | CLASSES["corrupt"] | {("partial", "corrupt")}
    return {answer for kind in kinds for answer in CLASSES[kind]}


@pytest.mark.parametrize("row", manifest(), ids=lambda row: row["file"])
def test_each_gets_the_answer_that_the_manifest_asks_for(
    answers: dict[str, dict], row: dict[str, str]
) -> None:
    answer = answers[row["file"] + ".json"]

    said = (answer["status"], answer.get("error", {}).get("class"))
    fine = sane(row["expected_class"])
    if row["file"] in TIMEOUT_IS_FINE:
        fine |= CLASSES["too_large"]
    assert said in fine, answer.get("error")
    if answer["status"] == "done" and "-" not in row["pages"]:
        assert len(answer["pages"]) == int(row["pages"])
