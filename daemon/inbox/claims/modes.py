"""The claim modes by the name that the config gives them (`claim: rename | ledger`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from daemon.inbox.claims.by_ledger import LedgerMode
from daemon.inbox.claims.by_rename import RenameMode
from daemon.inbox.claims.protocol import ClaimMode

CLAIM_MODES: Final[Mapping[str, ClaimMode]] = {"rename": RenameMode(), "ledger": LedgerMode()}
