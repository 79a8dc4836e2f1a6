from pathlib import Path

import pytest

from training.data import sources
from training.data.sources import Unavailable

LISTED = """
by_name: {mono: ["*mono*"]}
skip: ["*thin*"]
npm_keep: {latin: ["*-latin-400-normal.woff"]}
most: 2
fonts:
  - {package: fonts-pair, licence: OFL-1.1, styles: [text], scripts: [latin]}
  - {package: "@fontsource/till", licence: OFL-1.1, styles: [dot-matrix],
     scripts: [latin], heldout: true}
  - {package: fonts-han, licence: OFL-1.1, styles: [song], scripts: [zh, zh-Hant],
     collection: {2: [zh], 3: [zh-Hant]}}
texts: []
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (
        "fonts-pair/Pair-Regular.ttf",
        "fonts-pair/PairMono-Regular.ttf",
        "fonts-pair/Pair-Thin.ttf",
        "fonts-pair/LICENSE.txt",
        "fontsource-till/files/till-latin-400-normal.woff",
        "fontsource-till/files/till-greek-400-normal.woff",
        "fonts-han/Han.ttc",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def test_only_wanted_font_files_become_faces(folder: Path) -> None:
    found = sources.faces(folder, LISTED)

    assert {face.path.name for face in found} == {
        "Pair-Regular.ttf",
        "PairMono-Regular.ttf",
        "till-latin-400-normal.woff",
        "Han.ttc",
    }


def test_a_file_name_adds_its_style_to_the_packages(folder: Path) -> None:
    styles = {face.path.name: face.styles for face in sources.faces(folder, LISTED)}

    assert styles["PairMono-Regular.ttf"] == ("text", "mono")
    assert styles["Pair-Regular.ttf"] == ("text",)


def test_a_collection_gives_each_named_face_its_own_script(folder: Path) -> None:
    han = [face for face in sources.faces(folder, LISTED) if face.path.suffix == ".ttc"]

    assert [(face.index, face.scripts) for face in han] == [(2, ("zh",)), (3, ("zh-Hant",))]


def test_held_out_is_said_of_every_face_of_the_entry(folder: Path) -> None:
    heldout = {face.package for face in sources.faces(folder, LISTED) if face.heldout}

    assert heldout == {"@fontsource/till"}


def test_a_large_latin_family_gives_only_so_many_faces(folder: Path) -> None:
    for number in range(9):
        (folder / "fonts-pair" / f"Pair-{number}.ttf").touch()

    found = [face for face in sources.faces(folder, LISTED) if face.package == "fonts-pair"]

    assert len(found) == 2


def test_a_package_that_is_there_is_not_fetched_again(folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(sources.subprocess, "run", lambda *_, **__: pytest.fail("it was fetched"))

    rows = list(sources.fetch("fonts", folder, sources.sources("fonts", LISTED)))

    assert [row.split(": ")[1] for row in rows] == ["already there"] * 3


def test_a_missing_package_is_named_and_the_rest_goes_on(folder: Path, monkeypatch) -> None:
    (folder / "fonts-pair").rename(folder / "elsewhere")
    monkeypatch.setenv("PATH", "")

    rows = list(sources.fetch("fonts", folder, sources.sources("fonts", LISTED)))

    assert rows[0].startswith("fonts-pair: cannot be had: apt-get")
    assert rows[1:] == ["fontsource-till: already there", "fonts-han: already there"]


def test_nothing_at_all_is_an_error(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(Unavailable, match="none of the fonts"):
        list(sources.fetch("fonts", tmp_path, sources.sources("fonts", LISTED)))


def test_the_list_holds_out_faces_of_every_script() -> None:
    heldout = [source for source in sources.sources("fonts") if source.heldout]

    for script, least in (("latin", 6), ("zh", 2), ("zh-Hant", 4)):
        assert sum(script in source.scripts for source in heldout) >= least


def test_no_package_is_both_trained_on_and_held_out() -> None:
    listed = sources.sources("fonts")

    heldout = {source.package for source in listed if source.heldout}
    assert heldout.isdisjoint(source.package for source in listed if not source.heldout)
