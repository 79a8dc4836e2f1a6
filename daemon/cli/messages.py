"""Messages that several commands print."""

from __future__ import annotations

from daemon.config.settings import Config


def no_ledger(config: Config) -> str:
    """Return the message for a state folder without a ledger."""
    return f"no ledger in {config.folders.state}: the daemon has not run here yet"
