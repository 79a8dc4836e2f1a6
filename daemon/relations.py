"""What values of a config cannot be meant together."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.errors import Misconfigured
from daemon.ownership import Ownership

if TYPE_CHECKING:
    from daemon.config import Config


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
    if (config.claim == "journal") != (config.originals == "leave"):
        raise Misconfigured(
            "claim",
            config.claim,
            f"does not go with originals: {config.originals}; "
            "claim: journal and originals: leave need each other",
        )
    _refuse_locking_out(config.ownership)
    if config.renew_megabytes > config.allowance.most:
        raise Misconfigured(
            "renew_megabytes",
            config.renew_megabytes,
            f"must not exceed worker_megabytes ({config.allowance.most})",
        )
    if config.segmenter == "db" and config.detector.file is None:
        raise Misconfigured("segmenter", "db", "needs a network; name it in detector.file")
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
    if config.claim == "journal":
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
