"""What values of a config cannot be meant together."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from pathlib import Path

from daemon.config.hook import Hook
from daemon.config.sections import DEFAULT_PROFILE
from daemon.config.settings import Config
from daemon.core import folder_rules
from daemon.core.errors import Misconfigured
from daemon.core.ownership import Ownership


def refuse_impossible(config: Config) -> None:
    """Raise Misconfigured for the first two values that cannot both be meant."""
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
            f"does not go with originals: {config.originals}; "
            "claim: ledger and originals: leave need each other",
        )
    _refuse_locking_out(config.ownership)
    _refuse_unclear(config.hooks)
    if config.worker_recycle_megabytes > config.memory_limits.most:
        raise Misconfigured(
            "worker_recycle_megabytes",
            config.worker_recycle_megabytes,
            f"must not exceed worker_max_megabytes ({config.memory_limits.most})",
        )
    if config.segmenter == "dbnet" and config.detector.file is None:
        raise Misconfigured("segmenter", "dbnet", "needs a network; name it in detector.file")
    if config.web.enabled:
        refuse_bad_web(config)
    if config.pdf.min_dpi > config.pdf.dpi:
        raise Misconfigured(
            "pdf.min_dpi", config.pdf.min_dpi, f"must not exceed pdf.dpi ({config.pdf.dpi})"
        )


def refuse_bad_web(config: Config) -> None:
    """Raise Misconfigured where the web process could not put files in, or would let anybody in."""
    web = config.web
    if not _is_loopback(web.address) and web.token is None:
        remedy = "others can reach this address; set web.token, or listen on 127.0.0.1"
        raise Misconfigured("web.address", web.address, remedy)
    if not config.moves_files:
        remedy = "what is uploaded would stay in the inbox for good; use claim: rename"
        raise Misconfigured("claim", config.claim, f"does not go with web: {remedy}")


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _refuse_locking_out(ownership: Ownership) -> None:
    """The daemon reads its answers again, and writes in the folders that it has made."""
    for key, mode, least in (
        ("file_mode", ownership.file_mode, 0o600),
        ("folder_mode", ownership.folder_mode, 0o700),
    ):
        if mode is not None and mode & least != least:
            remedy = f"locks the daemon out; it needs {least:o} at least"
            raise Misconfigured(f"permissions.{key}", f"{mode:o}", remedy)


def _refuse_unclear(hooks: Sequence[Hook]) -> None:
    """Each is told in one way, and has a name of its own."""
    known: set[str] = set()
    for number, hook in enumerate(hooks):
        if hook.name in known:
            remedy = "is another hook's name; the ledger knows them by their names"
            raise Misconfigured(f"hooks.{number}.name", hook.name, remedy)
        known.add(hook.name)
        for key, value, remedy in hook.contradictions():
            raise Misconfigured(f"hooks.{number}.{key}", value, remedy)


def refuse_bad_profiles(config: Config) -> None:
    """Raise Misconfigured for the first profile that cannot be meant, or that no file would get."""
    names: set[str] = set()
    taken: dict[folder_rules.Pattern, str] = {}
    for number, profile in enumerate(config.profiles):
        key = f"profiles.{number}"
        if profile.name in names | {DEFAULT_PROFILE}:
            why = (
                "is the name of what no profile says"
                if profile.name == DEFAULT_PROFILE
                else "is twice"
            )
            raise Misconfigured(f"{key}.name", profile.name, f"{why}; choose another")
        names.add(profile.name)
        for place, pattern in enumerate(profile.folders):
            _refuse_pattern(f"{key}.folders.{place}", pattern, profile.name, taken)
        try:
            refuse_impossible(config.under(number))
        except Misconfigured as error:
            if error.key.startswith(key):
                raise
            own = error.key.removeprefix("watch.")
            raise Misconfigured(f"{key}.{own}", error.value, error.remedy) from error
    _refuse_two_meanings(config)


def _refuse_two_meanings(config: Config) -> None:
    """The ledger knows a hook by its name alone, whichever profile it stands in."""
    known = {hook.name: hook for hook in config.hooks}
    for number, profile in enumerate(config.profiles):
        for place, hook in enumerate(profile.hooks or ()):
            if known.setdefault(hook.name, hook) != hook:
                key = f"profiles.{number}.hooks.{place}.name"
                remedy = "is the name of another hook elsewhere; choose one of its own"
                raise Misconfigured(key, hook.name, remedy)


def _refuse_pattern(
    key: str, pattern: str, profile: str, taken: dict[folder_rules.Pattern, str]
) -> None:
    try:
        parsed = folder_rules.parsed(pattern)
    except ValueError as error:
        raise Misconfigured(key, pattern, str(error)) from error
    everything = (folder_rules.DEEP,)
    if other := taken.get(parsed) or taken.get(everything):
        remedy = f"profile {other} has it already, and the first that matches wins; remove it"
        raise Misconfigured(key, pattern, remedy)
    taken[parsed] = profile


def refuse_nested(paths: Mapping[str, Path]) -> None:
    """Nothing lies inside inbox or outbox, nor they in anything, but archive and failed may:
    the scan of the inbox leaves them out.
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
