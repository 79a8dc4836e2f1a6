"""Checks relations between config values: contradictions, profiles, nested folders."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from pathlib import Path

from daemon.config.hook import Hook
from daemon.config.secrets import masked
from daemon.config.sections import DEFAULT_PROFILE
from daemon.config.settings import Config
from daemon.core import folder_rules
from daemon.core.errors import Misconfigured
from daemon.core.ownership import Ownership


def refuse_impossible(config: Config) -> None:
    """Raise Misconfigured for the first values that contradict each other."""
    watch = config.watch
    if watch.quiet_seconds > watch.rescan_seconds:
        raise Misconfigured(
            "watch.quiet_seconds",
            watch.quiet_seconds,
            f"must not be longer than watch.rescan_seconds ({watch.rescan_seconds})",
        )
    if watch.quiet_seconds > watch.incomplete_seconds:
        raise Misconfigured(
            "watch.quiet_seconds",
            watch.quiet_seconds,
            f"must not be longer than watch.incomplete_seconds ({watch.incomplete_seconds})",
        )
    if config.moves_files == (config.originals == "leave"):
        raise Misconfigured(
            "claim",
            config.claim,
            f"cannot be combined with originals: {config.originals}; "
            "claim: ledger and originals: leave require each other",
        )
    _refuse_locking_out(config.ownership)
    _refuse_bad_hooks(config.hooks)
    if config.worker_recycle_megabytes > config.memory_limits.max_megabytes:
        raise Misconfigured(
            "worker_recycle_megabytes",
            config.worker_recycle_megabytes,
            f"must not exceed worker_max_megabytes ({config.memory_limits.max_megabytes})",
        )
    _ = config.weights  # raises where the keys of the model contradict each other
    if config.segmenter == "dbnet" and config.detector.file is None:
        raise Misconfigured("segmenter", "dbnet", "needs a network; name it in detector.file")
    if config.web.enabled:
        refuse_bad_web(config)
    if config.pdf.min_dpi > config.pdf.dpi:
        raise Misconfigured(
            "pdf.min_dpi", config.pdf.min_dpi, f"must not exceed pdf.dpi ({config.pdf.dpi})"
        )


def refuse_bad_web(config: Config) -> None:
    """Raise Misconfigured if the web process could not upload files, or is open without a token."""
    web = config.web
    if not is_loopback(web.address) and web.token is None:
        remedy = "other machines can reach this address; set web.token, or use 127.0.0.1"
        raise Misconfigured("web.address", web.address, remedy)
    if not config.moves_files:
        remedy = "uploads would stay in the inbox for ever; use claim: rename"
        raise Misconfigured("claim", config.claim, f"cannot be combined with web: {remedy}")


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


def _refuse_bad_hooks(hooks: Sequence[Hook]) -> None:
    """Raise Misconfigured for the first invalid hook or repeated name."""
    known: set[str] = set()
    for number, hook in enumerate(hooks):
        if hook.name in known:
            remedy = (
                "is the name of another hook; the ledger identifies hooks by name, choose another"
            )
            raise Misconfigured(f"hooks.{number}.name", hook.name, remedy)
        known.add(hook.name)
        for key, value, remedy in hook.conflicts():
            raise Misconfigured(f"hooks.{number}.{key}", masked(key, value), remedy)


def refuse_bad_profiles(config: Config) -> None:
    """Raise Misconfigured for the first profile that is invalid or would match no file."""
    names: set[str] = set()
    taken: dict[folder_rules.Pattern, str] = {}
    for number, profile in enumerate(config.profiles):
        key = f"profiles.{number}"
        if profile.name in names | {DEFAULT_PROFILE}:
            is_reserved = profile.name == DEFAULT_PROFILE
            reason = "is reserved" if is_reserved else "is the name of another profile"
            raise Misconfigured(f"{key}.name", profile.name, f"{reason}; choose another")
        names.add(profile.name)
        for index, pattern in enumerate(profile.folders):
            _refuse_pattern(f"{key}.folders.{index}", pattern, profile.name, taken)
        try:
            refuse_impossible(config.with_profile(number))
        except Misconfigured as error:
            if error.key.startswith(key):
                raise
            own = error.key.removeprefix("watch.")
            raise Misconfigured(f"{key}.{own}", error.value, error.remedy) from error
    _refuse_ambiguous_hooks(config)


def _refuse_ambiguous_hooks(config: Config) -> None:
    """Raise Misconfigured if one name means different hooks: the ledger knows only the name."""
    known = {hook.name: hook for hook in config.hooks}
    for number, profile in enumerate(config.profiles):
        for index, hook in enumerate(profile.hooks or ()):
            if known.setdefault(hook.name, hook) != hook:
                key = f"profiles.{number}.hooks.{index}.name"
                remedy = "is the name of a different hook elsewhere; choose another"
                raise Misconfigured(key, hook.name, remedy)


def _refuse_pattern(
    key: str, pattern: str, profile: str, taken: dict[folder_rules.Pattern, str]
) -> None:
    try:
        parsed = folder_rules.parse_pattern(pattern)
    except ValueError as error:
        raise Misconfigured(key, pattern, str(error)) from error
    everything = (folder_rules.ANY_DEPTH,)
    if other := taken.get(parsed) or taken.get(everything):
        remedy = f"profile {other} already matches it, and the first match wins; remove it"
        raise Misconfigured(key, pattern, remedy)
    taken[parsed] = profile


def refuse_nested(paths: Mapping[str, Path]) -> None:
    """Raise Misconfigured if a folder lies inside inbox or outbox, or one of these inside another.

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
            raise Misconfigured(
                f"folders.{name}", path, f"lies inside folders.{other} ({outer}); move it out"
            )
