"""A site of documents that a test names, without a daemon behind it."""

from __future__ import annotations

from typing import Any

from daemon.web.nouns import Found, Item, Listing


def item(identity: str, title: str, status: str = "done", **more: Any) -> Item:
    """Return a document of a list."""
    values = {
        "id": identity, "name": title, "title": title, "status": status, "bytes": 12_000,
        "claimed_at": "2026-03-01T10:00:00Z",
    }  # fmt: skip
    return Item(**(values | more))


class Documents:
    """A catalogue, uploads and pictures in one; what was asked of it is kept."""

    def __init__(self, *found: Found) -> None:
        self._found = list(found)
        self.asked: list[tuple[Any, ...]] = []

    def documents(
        self, query: str = "", status: str = "", offset: int = 0, limit: int = 50
    ) -> Listing:
        """Return those of the status whose title has the query, with a snippet."""
        self.asked.append((query, status, offset, limit))
        fitting = [
            each.item
            for each in self._found
            if query in each.item.title and status in ("", each.item.status)
        ]
        return Listing(tuple(fitting[offset : offset + limit]), len(fitting))

    def document(self, identity: str) -> Found | None:
        """Return the one with the id."""
        return next((each for each in self._found if each.item.id == identity), None)

    def retry(self, found: Found) -> None:
        """Remember it."""
        self.asked.append(("retry", found.item.id))

    def delete(self, found: Found) -> None:
        """Remember it."""
        self.asked.append(("delete", found.item.id))
