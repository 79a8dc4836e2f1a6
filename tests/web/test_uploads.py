"""What becomes of uploads where the inbox is away, full or odd: without a server."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.web.nouns import Found
from daemon.web.refusals import Refused
from daemon.web.uploads import Draft, Uploads
from tests.samples import png, text_page
from tests.web.stand_in import item

IMAGE = png(text_page(["Door"]))


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Path]:
    """A path to a folder of another filesystem, which `unmounted` turns to one of this."""
    if Path("/dev/shm").stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("all folders lie on one filesystem here")
    beyond = tempfile.mkdtemp(dir="/dev/shm")
    (tmp_path / "inbox").symlink_to(beyond)
    (tmp_path / "failed").mkdir()
    yield tmp_path / "inbox"
    shutil.rmtree(beyond)


def unmounted(share: Path) -> None:
    share.unlink()
    share.mkdir()


def uploads(inbox: Path) -> Uploads:
    inbox.mkdir(exist_ok=True)
    return Uploads(inbox, inbox.with_name("failed"), (), 10, 0)


def draft(uploads: Uploads, name: str) -> Draft:
    incoming = uploads.begin(name)
    incoming.write(IMAGE)
    return incoming.finish()


def test_nothing_is_put_where_the_inbox_is_not_mounted(share: Path) -> None:
    door = uploads(share)
    received = draft(door, "a.png")
    original = share.with_name("failed") / "b.png"
    original.write_bytes(IMAGE)
    failed = Found(item("b", "b.png", "failed"), None, (), original, "b.png")
    unmounted(share)

    refusals = []
    for act in (
        lambda: door.begin("c.png"), lambda: door.commit(received), lambda: door.retry(failed)
    ):  # fmt: skip
        with pytest.raises(Refused) as refused:
            act()
        refusals.append(refused.value)

    assert [(each.status, each.kind) for each in refusals] == [(503, "inbox_away")] * 3
    assert "/dev/shm" not in "".join(each.message for each in refusals)
    assert list(share.iterdir()) == []
    assert original.exists()


def test_a_long_name_with_an_ending_of_other_letters_is_taken(tmp_path: Path) -> None:
    name = draft(uploads(tmp_path / "inbox"), "漢" * 100 + "." + "𠀀" * 8).name

    assert name == "漢" * 60 + ".png"


def test_a_name_that_is_too_long_is_not_the_inboxs_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = uploads(tmp_path / "inbox")
    received = draft(door, "a.png")

    def rename(self: Path, target: Path) -> Path:
        raise OSError(errno.ENAMETOOLONG, "File name too long", str(target))

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(Refused) as refused:
        door.commit(received)

    assert (refused.value.status, refused.value.kind) == (400, "name_too_long")
