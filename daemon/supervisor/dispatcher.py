"""Gives the free slots of the engine their tasks; the main loop and `once` share it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from daemon.core import failpoints
from daemon.engine.protocol import Engine
from daemon.supervisor.document import DocumentInFlight

TASKS_OF_A_SHORT_DOCUMENT = 2  # counting its pages, and the first of them


class Dispatcher:
    """New files take turns with the later pages of long documents.

    The first pages of a document whose answer a client waits for come before everything else.
    Documents that are read again come after all others, page by page.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._is_turn_of_new = True

    def dispatch(
        self,
        documents: Callable[[], Iterable[DocumentInFlight]],
        start_next: Callable[[], bool],
        has_awaited: Callable[[], bool] = lambda: False,
    ) -> None:
        """Fill the free slots.

        `documents` returns those whose tasks may be submitted now. `start_next` begins the next
        file, so that `documents` has one more, and returns False where it cannot. `has_awaited`
        tells whether a client waits for the answer to that file.
        """
        while self._engine.free:
            waiting = [document for document in documents() if document.has_pending]
            document = min(waiting, key=_rank, default=None)
            if (has_awaited() or self._is_turn_of_next(document)) and start_next():
                self._is_turn_of_new = document is None
                continue
            if document is None:
                return
            self._is_turn_of_new = True
            document.fault = None  # it may be over
            self._engine.submit(document.next_task())
            failpoints.reach("task.submitted", document.claim.name)

    def _is_turn_of_next(self, document: DocumentInFlight | None) -> bool:
        """Tell whether a file that can be begun comes before the next task of `document`."""
        if document is None or document.is_reread:
            return True
        is_long = document.tasks_submitted >= TASKS_OF_A_SHORT_DOCUMENT
        return is_long and self._is_turn_of_new


def _rank(document: DocumentInFlight) -> tuple[bool, bool, int]:
    """Return the key by which the next document is chosen."""
    is_short = document.tasks_submitted < TASKS_OF_A_SHORT_DOCUMENT
    is_awaited = document.is_awaited and is_short
    return document.is_reread, not is_awaited, document.tasks_submitted
