"""Outputs of a document as a whole; the daemon writes them page by page."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.core.records import Claim, Document, Output
from daemon.outbox.sidecar import Provenance, Sidecar


def sidecar(
    claim: Claim, document: Document, by: Provenance, outputs: Sequence[Output] = (), **more: object
) -> bytes:
    """Return the sidecar of a document; raises if it is invalid."""
    return b"".join(Sidecar(claim, document, by, outputs, **more))  # type: ignore[arg-type]
