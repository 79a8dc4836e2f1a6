"""What documents there are, fed from the ledger and the sidecars; see `Catalogue`."""

from __future__ import annotations

from daemon.web.nouns import Found, Listing


class Catalogue:
    """The documents that the folder has seen; every method may be called from any thread."""

    def documents(
        self, query: str = "", status: str = "", offset: int = 0, limit: int = 50
    ) -> Listing:
        """Return documents, newest first, that have all words of `query` in name or text."""
        raise NotImplementedError

    def document(self, identity: str) -> Found | None:
        """Return a document by its claim or `u-<token>`; None for one that never was."""
        raise NotImplementedError
