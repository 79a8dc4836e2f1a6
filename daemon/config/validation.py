"""Checks relations between config values: contradictions, profiles, nested folders."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from daemon.config import fields
from daemon.config.hook import Hook
from daemon.config.secrets import masked
from daemon.config.sections import DEFAULT_PROFILE, EngineSettings
from daemon.config.settings import Config
from daemon.core import folder_rules, name_template, patterns
from daemon.core.errors import InvalidConfig, Misconfigured
from daemon.core.ownership import Ownership


def refuse(errors: Iterable[Misconfigured]) -> None:
    """Raise InvalidConfig with all the errors, if there are any."""
    found = list(errors)
    if found:
        raise InvalidConfig(found)


def conflicts(config: Config) -> Iterator[Misconfigured]:
    """Yield values that contradict each other, of the general config and of each profile."""
    yield from _general_conflicts(config)
    yield from _bad_profiles(config)


def _general_conflicts(config: Config) -> Iterator[Misconfigured]:
    watch = config.watch
    for other in ("rescan_seconds", "incomplete_seconds"):
        longest = getattr(watch, other)
        if watch.quiet_seconds > longest:
            remedy = f"must not be longer than watch.{other} ({longest})"
            yield Misconfigured("watch.quiet_seconds", watch.quiet_seconds, remedy)
    if config.moves_files == (config.originals == "leave"):
        remedy = (
            f"cannot be combined with originals: {config.originals}; "
            "claim: ledger and originals: leave require each other"
        )
        yield Misconfigured("claim", config.claim, remedy)
    with _collected() as errors:
        _refuse_locking_out(config.ownership)
    yield from errors
    yield from _bad_hooks(config.hooks)
    for problem in fields.problems(config.fields, reads_codes=bool(config.codes)):
        yield Misconfigured(*problem)
    yield from _bad_naming(config)
    if config.worker_recycle_megabytes > config.memory_limits.max_megabytes:
        yield Misconfigured(
            "worker_recycle_megabytes",
            config.worker_recycle_megabytes,
            f"must not exceed worker_max_megabytes ({config.memory_limits.max_megabytes})",
        )
    with _collected() as errors:
        _ = config.weights  # raises where the keys of the model contradict each other
    yield from errors
    if config.segmenter == "dbnet" and config.detector.file is None:
        yield Misconfigured("segmenter", "dbnet", "needs a network; name it in detector.file")
    yield from _bad_separation(config)
    yield from bad_engine(config.engine)
    if config.web.enabled:
        yield from bad_web(config)
    if config.pdf.min_dpi > config.pdf.dpi:
        remedy = f"must not exceed pdf.dpi ({config.pdf.dpi})"
        yield Misconfigured("pdf.min_dpi", config.pdf.min_dpi, remedy)


def bad_engine(engine: EngineSettings) -> Iterator[Misconfigured]:
    """Yield why a cluster could not be reached as `engine` says."""
    scheduler, files = engine.scheduler, engine.tls_files
    if scheduler is None:
        if engine.kind == "dask":
            remedy = "needs the address of a scheduler; set engine.scheduler: tls://HOST:8786"
            yield Misconfigured("engine.kind", engine.kind, remedy)
        return
    is_encrypted = scheduler.startswith("tls:")
    for name, file in files.items():
        if is_encrypted and file is None:
            remedy = f"needs engine.{name}, a PEM file"
            yield Misconfigured("engine.scheduler", scheduler, remedy)
        elif not is_encrypted and file is not None:
            remedy = f"needs an encrypted scheduler; say {scheduler.replace('tcp:', 'tls:')}"
            yield Misconfigured(f"engine.{name}", file, remedy)


def _bad_separation(config: Config) -> Iterator[Misconfigured]:
    """Yield why a batch could never be separated as `separation` says."""
    separation, key = config.separation, "separation.by"
    if separation.by == "barcode" and not config.codes:
        yield Misconfigured(key, separation.by, "needs codes; say codes: [any], or their formats")
    if separation.by == "blank_page" and config.blank_pages == "keep":
        yield Misconfigured(key, separation.by, "needs blank_pages: mark, or drop")
    if separation.by == "page_count" and separation.pages is None:
        yield Misconfigured(key, separation.by, "needs separation.pages, the pages of each part")
    if separation.by == "barcode" and (problem := patterns.problem_of(separation.pattern)):
        yield Misconfigured("separation.pattern", separation.pattern, problem)


@contextmanager
def _collected() -> Iterator[list[Misconfigured]]:
    """Collect the Misconfigured that the block raises."""
    errors: list[Misconfigured] = []
    try:
        yield errors
    except Misconfigured as error:
        errors.append(error)


def bad_web(config: Config) -> Iterator[Misconfigured]:
    """Yield why the web process could not upload files, or would be open without a token."""
    web = config.web
    if not (is_loopback(web.address) or web.token or web.allow_anonymous):
        remedy = (
            "other machines can reach this address; set web.token, use 127.0.0.1, "
            "or say web.allow_anonymous: true"
        )
        yield Misconfigured("web.address", web.address, remedy)
    if not config.moves_files:
        remedy = "uploads would stay in the inbox for ever; use claim: rename"
        yield Misconfigured("claim", config.claim, f"cannot be combined with web: {remedy}")


def is_loopback(address: str) -> bool:
    """Tell whether only this machine can reach a listening address: a loopback IP or localhost."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _refuse_locking_out(ownership: Ownership) -> None:
    """Raise Misconfigured for modes that deny the daemon itself its files and folders."""
    for key, mode, required in (
        ("file_mode", ownership.file_mode, 0o600),
        ("folder_mode", ownership.folder_mode, 0o700),
    ):
        if mode is not None and mode & required != required:
            remedy = f"would lock the daemon out; it needs at least {required:o}"
            raise Misconfigured(f"permissions.{key}", f"{mode:o}", remedy)


def _bad_naming(config: Config) -> Iterator[Misconfigured]:
    """Yield why templates are none, or name values that no document has."""
    dates = [name for name, rule in config.fields.items() if rule.type == "date"]
    for key in ("name", "folder"):
        template = getattr(config.naming, key)
        if template is None:
            continue
        found = list(name_template.problems(template, config.fields, dates))
        if key == "folder":
            found += name_template.folder_problems(template)
        elif "/" in template:
            found.append("must have no /; use naming.folder")
        if "{barcode" in template and not config.codes:
            found.append("needs codes for {barcode}; say codes: [any], or their formats")
        for remedy in found[:1]:
            yield Misconfigured(f"naming.{key}", template, remedy)


def _bad_hooks(hooks: Sequence[Hook]) -> Iterator[Misconfigured]:
    known: set[str] = set()
    for number, hook in enumerate(hooks):
        if hook.name in known:
            remedy = (
                "is the name of another hook; the ledger identifies hooks by name, choose another"
            )
            yield Misconfigured(f"hooks.{number}.name", hook.name, remedy)
        known.add(hook.name)
        for key, value, remedy in hook.conflicts():
            yield Misconfigured(f"hooks.{number}.{key}", masked(key, value), remedy)


def _bad_profiles(config: Config) -> Iterator[Misconfigured]:
    """Yield why profiles are invalid or would match no file."""
    general = {(error.key, error.remedy) for error in _general_conflicts(config)}
    names: set[str] = set()
    taken: dict[folder_rules.Pattern, str] = {}
    for number, profile in enumerate(config.profiles):
        key = f"profiles.{number}"
        if profile.name in names | {DEFAULT_PROFILE}:
            is_reserved = profile.name == DEFAULT_PROFILE
            reason = "is reserved" if is_reserved else "is the name of another profile"
            yield Misconfigured(f"{key}.name", profile.name, f"{reason}; choose another")
        names.add(profile.name)
        for index, pattern in enumerate(profile.folders):
            yield from _bad_pattern(f"{key}.folders.{index}", pattern, profile.name, taken)
        try:
            variant = config.with_profile(number)
        except InvalidConfig as error:
            yield from error.errors
            continue
        for conflict in _general_conflicts(variant):
            if (conflict.key, conflict.remedy) not in general:
                own = conflict.key.removeprefix("watch.")
                yield Misconfigured(f"{key}.{own}", conflict.value, conflict.remedy)
    yield from _ambiguous_hooks(config)


def _ambiguous_hooks(config: Config) -> Iterator[Misconfigured]:
    """Yield names that mean different hooks: the ledger knows only the name."""
    known = {hook.name: hook for hook in config.hooks}
    for number, profile in enumerate(config.profiles):
        for index, hook in enumerate(profile.hooks or ()):
            if known.setdefault(hook.name, hook) != hook:
                key = f"profiles.{number}.hooks.{index}.name"
                remedy = "is the name of a different hook elsewhere; choose another"
                yield Misconfigured(key, hook.name, remedy)


def _bad_pattern(
    key: str, pattern: str, profile: str, taken: dict[folder_rules.Pattern, str]
) -> Iterator[Misconfigured]:
    try:
        parsed = folder_rules.parse_pattern(pattern)
    except ValueError as error:
        yield Misconfigured(key, pattern, str(error))
        return
    everything = (folder_rules.ANY_DEPTH,)
    if other := taken.get(parsed) or taken.get(everything):
        remedy = f"profile {other} already matches it, and the first match wins; remove it"
        yield Misconfigured(key, pattern, remedy)
    taken[parsed] = profile


def nested(paths: Mapping[str, Path]) -> Iterator[Misconfigured]:
    """Yield folders that lie inside inbox or outbox, or one of these inside another.

    Only archive and failed may lie inside the inbox, whose scan skips them.
    """
    for name, path in paths.items():
        for other, outer in paths.items():
            if name == other or not path.is_relative_to(outer):
                continue
            if other == "inbox" and name in ("archive", "failed") and path != outer:
                continue
            if not {name, other} & {"inbox", "outbox"} and path != outer:
                continue
            remedy = f"lies inside folders.{other} ({outer}); move it out"
            yield Misconfigured(f"folders.{name}", path, remedy)
