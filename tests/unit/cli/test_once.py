"""What `ocr-daemon once` prints about a file that was read."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from daemon.cli.once import MAX_PAGES_NAMED, print_messages
from daemon.core.records import Box, Document, DocumentWarning, UnreadReason, UnreadRegion
from tests.unit.outbox.test_sidecar import page

REASONS: tuple[UnreadReason, ...] = get_args(UnreadReason)


def printed(
    capsys: pytest.CaptureFixture[str], *reasons: tuple[UnreadReason, ...], **more: object
) -> list[str]:
    """Return what is printed of a document; each argument is a page with its unread regions."""
    pages = tuple(
        replace(
            page(), number=number,
            unread=tuple(UnreadRegion(Box(0, 0, 9, 9), reason) for reason in on_page),
        )
        for number, on_page in enumerate(reasons, 1)
    )  # fmt: skip
    document = Document("done", "image/png", pages, {}, 1, **more)  # type: ignore[arg-type]
    print_messages("scan.pdf", document)
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


def test_a_document_that_was_read_whole_needs_no_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, (), ()) == []


def test_a_region_that_was_not_read_is_told_with_its_page_and_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert printed(capsys, (), ("too_small",)) == [
        "scan.pdf: warning: 1 region looks like text on page 2 and could not be read "
        "(1 too small); --look draws it"
    ]


def test_several_regions_are_counted_by_reason(capsys: pytest.CaptureFixture[str]) -> None:
    [line] = printed(capsys, ("too_small", "not_legible"), (), ("too_small",))

    assert "3 regions look like text on pages 1, 3" in line
    assert "(2 too small, 1 not legible); --look draws them" in line


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_has_words(reason: UnreadReason, capsys: pytest.CaptureFixture[str]) -> None:
    [line] = printed(capsys, (reason,))

    assert "_" not in line


def test_of_many_pages_the_first_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    [line] = printed(capsys, *[("too_small",)] * 500)

    assert f"{MAX_PAGES_NAMED} ... and" in line
    assert len(line) < 200


def test_warnings_are_told_with_their_page_and_without_control_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    warnings = (
        DocumentWarning("attachments_not_read", "2 files are attached"),
        DocumentWarning("renderer_message", "an image\x1b[2J is broken", 7),
    )

    assert printed(capsys, (), warnings=warnings) == [
        "scan.pdf: warning: 2 files are attached",
        "scan.pdf: warning: page 7: an image\\x1b[2J is broken",
    ]
