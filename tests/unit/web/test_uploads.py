"""Uploads into an inbox that is unavailable, full or unusual; without a server."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette

from daemon.core.options import RequestOptions
from daemon.web.http.errors import HttpError, PartialUpload
from daemon.web.http.security import AccessControl
from daemon.web.index.records import DocumentDetails
from daemon.web.rest import api
from daemon.web.ui import pages
from daemon.web.ui.templating import Templates
from daemon.web.uploads.uploads import ReceivedFile, Upload, Uploads
from tests.support.samples import png, text_page
from tests.support.web.stand_in import POLICIES, Reader, item

IMAGE = png(text_page(["Door"]))
ANY = RequestOptions()


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Path]:
    """A path to a folder of another file system; `unmounted` replaces it by a local folder."""
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


def draft(uploads: Uploads, name: str) -> ReceivedFile:
    incoming = uploads.begin(name)
    incoming.write(IMAGE)
    return incoming.finish()


def test_nothing_is_written_to_an_unmounted_inbox(share: Path) -> None:
    inbox = uploads(share)
    received = draft(inbox, "a.png")
    original = share.with_name("failed") / "b.png"
    original.write_bytes(IMAGE)
    failed = DocumentDetails(item("b", "b.png", "failed"), None, (), original, "b.png")
    unmounted(share)

    refusals = []
    for act in (
        lambda: inbox.begin("c.png"), lambda: inbox.commit(received, ANY),
        lambda: inbox.retry(failed),
    ):  # fmt: skip
        with pytest.raises(HttpError) as refused:
            act()
        refusals.append(refused.value)

    assert [(each.status, each.error_class) for each in refusals] == [
        (503, "inbox_unavailable")
    ] * 3
    assert "/dev/shm" not in "".join(each.detail for each in refusals)
    assert list(share.iterdir()) == []
    assert original.exists()


def test_a_long_name_with_a_non_ascii_extension_is_accepted(tmp_path: Path) -> None:
    name = draft(uploads(tmp_path / "inbox"), "漢" * 100 + "." + "𠀀" * 8).name

    assert name == "漢" * 60 + ".png"


def test_a_too_long_name_is_a_client_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = uploads(tmp_path / "inbox")
    received = draft(inbox, "a.png")

    def link(source: Path, target: Path, **_: object) -> None:
        raise OSError(errno.ENAMETOOLONG, "File name too long", str(target))

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(HttpError) as refused:
        inbox.commit(received, ANY)

    assert (refused.value.status, refused.value.error_class) == (400, "name_too_long")


def test_after_a_partial_upload_the_other_files_are_discarded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = uploads(tmp_path / "inbox")
    drafts = [draft(inbox, f"{number}.png") for number in range(3)]
    commit = inbox.commit

    def full(draft: ReceivedFile, options: RequestOptions, *, is_awaited: bool) -> Upload:
        if draft is drafts[1]:
            raise HttpError(507, "disk_full", "no room")
        return commit(draft, options, is_awaited=is_awaited)

    monkeypatch.setattr(inbox, "commit", full)
    with pytest.raises(PartialUpload) as partly:
        inbox.commit_all(drafts)

    accepted = [each.id for each in partly.value.accepted]
    assert (partly.value.status, accepted) == (507, [drafts[0].token])
    assert [path.name for path in (tmp_path / "inbox").rglob("*.png")] == ["0.png"]


def test_a_partial_upload_is_reported_as_json_and_on_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = uploads(tmp_path / "inbox")
    commit = inbox.commit

    def full(draft: ReceivedFile, options: RequestOptions, *, is_awaited: bool) -> Upload:
        if draft.name == "2.png":
            raise HttpError(507, "disk_full", "no room")
        return commit(draft, options, is_awaited=is_awaited)

    monkeypatch.setattr(inbox, "commit", full)
    site: Any = SimpleNamespace(
        uploads=inbox,
        upload_bytes=10**6,
        catalogue=None,
        policies=POLICIES,
        can_render=True,
        access=AccessControl(None),
        state=tmp_path,
    )
    reader = Reader(
        Starlette(routes=[*api.routes(site), *pages.routes(site, Templates(pages.STATIC))])
    )
    sent = [("f", ("1.png", IMAGE)), ("f", ("2.png", IMAGE))]

    problem = reader.post("/upload", files=sent)
    page = reader.post("/upload-form", files=sent)

    assert (problem.status_code, problem.json()["error_class"]) == (507, "disk_full")
    assert [each["name"] for each in problem.json()["documents"]] == ["1.png"]
    assert (page.status_code, "1 file was uploaded" in page.text) == (507, True)
    landed = sorted(path.name for path in (tmp_path / "inbox/web").iterdir())
    assert landed == ["1 (2).png", "1.png"]
