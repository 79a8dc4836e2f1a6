"""What becomes of outputs that workers make: tried once more after a death, then given up."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.core.errors import DaemonError, Deferred, Died, Rejected
from daemon.core.options import Recipe
from daemon.core.records import Claim, Document, Failure, MissingOutput, PageText, Stamp
from daemon.core.tasks import Outcome
from daemon.supervisor.outputs import RenderJob
from tests.support.running_daemon import SHIPPED

CLAIM = Claim("one", "a.pdf", Path("/in/a.pdf"), Stamp(1, 1, 1), "ab" * 32)


def page(number: int) -> PageText:
    return PageText(
        number=number, width=10, height=10, dpi=None, rotation=0, skew=0.0, text_source="ocr",
        status="done", text="", confidence=None, blocks=(),
    )  # fmt: skip


TORN = PageText.not_read(2, Failure("corrupt", "torn"))
DOCUMENT = Document("partial", "application/pdf", (page(1), TORN, page(3)), {}, 1)


RECIPE = Recipe(weights=SHIPPED)


def render_job(*kinds: str) -> RenderJob:
    return RenderJob.of(CLAIM, [(None, DOCUMENT)], kinds, Path("/scratch"), RECIPE)  # type: ignore[arg-type]


def end(made: RenderJob, result: DaemonError | None) -> None:
    task = made.next_task()
    made.add_outcome(task, Outcome(task, result))


def test_a_page_that_could_not_be_read_has_no_picture_and_keeps_its_place_in_the_pdf() -> None:
    made = render_job("picture", "searchable_pdf", "text")

    tasks = [made.next_task() for _ in range(3)]

    assert [task.target.name for task in tasks] == [
        "document.ocr.pdf", "page-0001.png", "page-0003.png",
    ]  # fmt: skip
    assert tasks[0].pages == DOCUMENT.pages
    assert not made.pending


def test_an_output_whose_worker_dies_is_tried_once_more() -> None:
    made = render_job("searchable_pdf")
    end(made, Died("killed", "it was ended", 9))

    end(made, None)

    assert (made.is_finished, len(made.rendered), made.missing) == (True, 1, [])


def test_an_output_that_kills_twice_is_missing() -> None:
    made = render_job("searchable_pdf")
    end(made, Died("killed", "it was ended", 9))

    end(made, Died("killed", "it was ended", 9))

    why = Failure("killed", "it was ended (2 tries)", signal=9)
    assert (made.is_finished, made.missing) == (True, [MissingOutput("searchable_pdf", why)])


def test_an_output_that_cannot_be_made_is_missing_at_once_with_its_page() -> None:
    made = render_job("picture")

    end(made, Rejected("corrupt", "page 1 cannot be decoded"))

    why = Failure("corrupt", "page 1 cannot be decoded", 1)
    assert made.missing == [MissingOutput("picture", why)]


def test_a_task_that_the_environment_spoiled_is_next_again() -> None:
    made = render_job("searchable_pdf", "picture")
    task = made.next_task()

    made.put_back(task)

    assert made.next_task() == task


def test_nothing_else_is_taken_for_an_answer() -> None:
    made = render_job("searchable_pdf")
    task = made.next_task()

    assert not task.is_answered_by("done")
    with pytest.raises(AssertionError, match="no slot returns"):
        made.add_outcome(task, Outcome(task, "done"))  # type: ignore[arg-type]


def test_what_the_environment_spoils_for_good_is_missing_too() -> None:
    made = render_job("searchable_pdf")

    end(made, Deferred("the disk is full"))

    assert made.missing == [
        MissingOutput("searchable_pdf", Failure("environment", "the disk is full"))
    ]
