"""What a daemon and a worker must have in common, so that a page has the same text on both.

A recipe travels with each task. Its files do not: a worker reads by its own networks, which must
be the same bytes, loaded in the same way. Everything else of a profile comes from the daemon; the
digest shows that the worker understands all of it.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

import daemon
from daemon.core import fs
from daemon.core.options import Recipe
from daemon.engine.dask_cluster.messages import HandshakeRequest
from daemon.engine.wire import decode_path, encode_value

# They decode, find lines and read: another release may change a character. Dask itself does not
# promise that two releases understand each other.
_LIBRARIES = (
    "onnxruntime", "opencv-python-headless", "numpy", "pymupdf", "pypdfium2", "pillow", "zxing-cpp",
    "distributed",
)  # fmt: skip

_encoder = msgspec.json.Encoder(enc_hook=encode_value, order="sorted")
_recipes_decoder = msgspec.json.Decoder(tuple[Recipe, ...], dec_hook=decode_path)


def versions(recipe: Recipe) -> dict[str, str | None]:
    """Return the versions of what decides a result, None for what is not installed."""
    names = (*_LIBRARIES, *(("torch",) if recipe.weights.backend == "torchscript" else ()))
    own = {
        "ocr-daemon": daemon.__version__,
        "python": ".".join(platform.python_version_tuple()[:2]),
    }
    return own | {name: _version(name) for name in names}


def settings(recipe: Recipe) -> dict[str, str | None]:
    """Return digests of the networks of `recipe`, and how they are loaded, by their config keys."""
    weights = recipe.weights
    return {
        "model.backend": weights.backend,
        "model.precision": weights.precision,
        "model.beam": str(weights.beam),
        "model.file": fs.sha256_of(weights.file),
        "model.lexicon": _digest(weights.lexicon),
        "detector.file": _digest(recipe.network),
    }


def handshake_request(name: str, recipes: Sequence[Recipe], largest: Recipe) -> HandshakeRequest:
    """Return how the daemon `name` introduces itself; reads the files of its networks."""
    common, encoded = settings(largest), _encoder.encode(tuple(recipes))
    as_decoded = _recipes_decoder.decode(encoded)  # there a whole number may become a float
    profiles = {recipe.name: _profile_digest(recipe, common) for recipe in as_decoded}
    return HandshakeRequest(name, versions(largest), common, profiles, msgspec.Raw(encoded))


def differences(
    theirs: HandshakeRequest, own_versions: Mapping[str, str | None], own: Mapping[str, str | None]
) -> list[str]:
    """Return why a worker with these versions and settings does not read as the daemon does."""
    found = [
        f"{name} {mine or 'is missing'} instead of {wanted or 'none'}"
        for name, wanted in theirs.versions.items()
        if (mine := own_versions.get(name)) != wanted
    ]
    found += [
        f"{key} is {_short(own.get(key))} instead of {_short(wanted)}"
        for key, wanted in theirs.settings.items()
        # a detector that no profile of the daemon uses does no harm
        if own.get(key) != wanted and not (key == "detector.file" and wanted is None)
    ]
    return found or list(_foreign_profiles(theirs))


def localized(recipe: Recipe, own: Recipe) -> Recipe:
    """Return a recipe of the daemon with the files of this machine."""
    weights = replace(
        recipe.weights,
        file=own.weights.file,
        sha256=own.weights.sha256,
        lexicon=own.weights.lexicon,
    )
    detector = own.detector if recipe.network is not None else recipe.detector
    return replace(recipe, weights=weights, detector=detector)


def _foreign_profiles(theirs: HandshakeRequest) -> Iterator[str]:
    """Yield which profiles this version of the code understands in another way."""
    try:
        recipes = _recipes_decoder.decode(theirs.recipes)
    except msgspec.MsgspecError as error:
        yield f"its profiles are not understood ({error})"
        return
    for recipe in recipes:
        if _profile_digest(recipe, theirs.settings) != theirs.profiles.get(recipe.name):
            yield f"profile {recipe.name} is not understood in full"


def _profile_digest(recipe: Recipe, common: Mapping[str, str | None]) -> str:
    """Return a digest of all that decides a result, with the content of files for their paths."""
    lexicon, network = common["model.lexicon"], common["detector.file"]
    weights = replace(
        recipe.weights,
        file=_as_path(common["model.file"]),
        sha256=None,
        batch_size=1,  # it decides how fast a page is read, not what is read
        lexicon=_as_path(lexicon) if lexicon else None,
    )
    file = _as_path(network) if recipe.network else None
    detector = replace(recipe.detector, file=file, sha256=None)
    plain = replace(recipe, weights=weights, detector=detector)
    return hashlib.sha256(_encoder.encode(plain)).hexdigest()


def _as_path(digest: str | None) -> Path:
    return Path(digest or "none")


def _short(value: str | None) -> str:
    """Return a value, and of a digest its beginning."""
    return "none" if value is None else value[:12]


def _digest(path: Path | None) -> str | None:
    return fs.sha256_of(path) if path else None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
