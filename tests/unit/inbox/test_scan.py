"""Scanning a real folder."""

import os
import socket
from pathlib import Path

import pytest

from daemon.config.sections import Watch
from daemon.inbox import scan
from daemon.inbox.scan import LINKED, Scanner


def names(inbox: Path, *excluded: Path) -> set[str]:
    return set(Scanner(inbox, Watch().ignore, excluded).scan().files)


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")


def test_every_regular_file_is_listed_by_its_relative_path(tmp_path: Path) -> None:
    for name in ("a.png", "sub/b.pdf", "sub/deep/noending", "-rf", "a\nb.png", "字.tif"):
        touch(tmp_path / name)

    assert names(tmp_path) == {
        "a.png", "sub/b.pdf", "sub/deep/noending", "-rf", "a\nb.png", "字.tif",
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "x.part", "x.tmp", "x.partial", "x.crdownload", "x.filepart", "x.pd~", "~$x.pdf", "._x.png",
        ".nfs000001", ".syncthing.x.pdf.tmp", ".goutputstream-ABC", ".hidden", "@eaDir/x.png",
        ".ocr-daemon/work/i/t/x.png", "x.pdf.error.json",
    ],
)  # fmt: skip
def test_temporary_files_are_never_listed(tmp_path: Path, name: str) -> None:
    touch(tmp_path / name)

    assert names(tmp_path) == set()


def test_links_fifos_and_sockets_are_never_listed(tmp_path: Path) -> None:
    touch(tmp_path / "real.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "real.png")
    (tmp_path / "folder").symlink_to("/etc")
    os.mkfifo(tmp_path / "fifo.png")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.png"))

    assert names(tmp_path) == {"real.png"}


def test_excluded_folders_inside_the_inbox_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path / "archive/old.png")
    touch(tmp_path / "sub/archive/theirs.png")

    assert names(tmp_path, tmp_path / "archive") == {"sub/archive/theirs.png"}


def test_a_name_that_is_no_unicode_is_listed_as_the_filesystem_has_it(tmp_path: Path) -> None:
    touch(tmp_path / os.fsdecode(b"caf\xe9.png"))

    (name,) = names(tmp_path)

    assert os.fsencode(name) == b"caf\xe9.png"


def test_a_missing_inbox_is_an_error_and_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        names(tmp_path / "gone")


def test_folders_nested_by_the_hundred_are_walked(tmp_path: Path) -> None:
    deep = tmp_path / "/".join("d" * 600)
    deep.mkdir(parents=True)
    touch(deep / "a.png")

    assert len(names(tmp_path)) == 1


def test_excluded_folders_are_left_out_if_the_inbox_is_a_link(tmp_path: Path) -> None:
    touch(tmp_path / "real/archive/old.png")
    (tmp_path / "link").symlink_to(tmp_path / "real")

    assert names(tmp_path / "link", tmp_path / "real/archive") == set()
    assert names(tmp_path / "real", tmp_path / "link/x/../archive") == set()


def test_a_folder_that_cannot_be_entered_is_named_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "closed/a.png")
    touch(tmp_path / "open/b.png")
    scandir = os.scandir

    def refuse(folder: Path) -> object:
        if folder.name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    seen = Scanner(tmp_path, (), ()).scan()

    assert set(seen.files) == {"open/b.png"}
    assert seen.refused == {"closed/": "the folder cannot be listed (Permission denied)"}


def test_a_hard_link_outside_the_inbox_blocks_a_file_until_it_is_gone(tmp_path: Path) -> None:
    """A maildir writer links its draft into place and unlinks it; a thief never does."""
    (tmp_path / "inbox").mkdir()
    touch(tmp_path / "draft")
    os.link(tmp_path / "draft", tmp_path / "inbox/scan.png")
    scanner = Scanner(tmp_path / "inbox", (), ())

    before = scanner.scan()
    (tmp_path / "draft").unlink()
    after = scanner.scan()

    assert (set(before.files), before.refused) == (set(), {"scan.png": LINKED})
    assert (set(after.files), after.refused) == ({"scan.png"}, {})


def test_hard_links_that_are_all_in_the_inbox_are_accepted(tmp_path: Path) -> None:
    touch(tmp_path / "a.png")
    (tmp_path / "sub").mkdir()
    os.link(tmp_path / "a.png", tmp_path / "sub/b.png")

    assert names(tmp_path) == {"a.png", "sub/b.png"}


def test_a_hard_link_stays_accepted_when_the_daemon_moves_the_other_name_away(
    tmp_path: Path,
) -> None:
    (tmp_path / "inbox").mkdir()
    touch(tmp_path / "inbox/a.png")
    os.link(tmp_path / "inbox/a.png", tmp_path / "inbox/b.png")
    scanner = Scanner(tmp_path / "inbox", (), ())
    scanner.scan()
    (tmp_path / "inbox/a.png").rename(tmp_path / "archived.png")

    assert [set(scanner.scan().files) for _ in range(2)] == [{"b.png"}, {"b.png"}]


def test_an_ignored_name_counts_as_a_link_outside(tmp_path: Path) -> None:
    touch(tmp_path / ".draft")
    os.link(tmp_path / ".draft", tmp_path / "scan.png")

    assert names(tmp_path) == set()


@pytest.mark.parametrize("place", ["archive/b.png", "failed/deep/b.png", "inbox/.ocr-daemon/w/b"])
def test_a_link_whose_other_name_is_in_our_folders_is_accepted_by_a_new_scanner(
    tmp_path: Path, place: str
) -> None:
    """As after a restart: the first name was answered before."""
    touch(tmp_path / place)
    (tmp_path / "inbox").mkdir(exist_ok=True)
    os.link(tmp_path / place, tmp_path / "inbox/a.png")
    scanner = Scanner(tmp_path / "inbox", (), (tmp_path / "archive", tmp_path / "failed"))

    assert [set(scanner.scan().files) for _ in range(2)] == [{"a.png"}, {"a.png"}]


def test_a_link_with_names_in_our_folders_and_elsewhere_is_refused(tmp_path: Path) -> None:
    touch(tmp_path / "archive/b.png")
    (tmp_path / "inbox").mkdir()
    for name in ("inbox/a.png", "elsewhere.png"):
        os.link(tmp_path / "archive/b.png", tmp_path / name)
    scanner = Scanner(tmp_path / "inbox", (), (tmp_path / "archive", tmp_path / "failed"))

    assert [scanner.scan().refused for _ in range(2)] == [{"a.png": LINKED}, {"a.png": LINKED}]
    (tmp_path / "elsewhere.png").unlink()
    assert set(scanner.scan().files) == {"a.png"}


def test_a_name_is_counted_once_where_a_folder_of_ours_contains_the_inbox(tmp_path: Path) -> None:
    """Else the name in the inbox would explain itself, and a secret would be read."""
    touch(tmp_path / "secret")
    (tmp_path / "ours/inbox").mkdir(parents=True)
    os.link(tmp_path / "secret", tmp_path / "ours/inbox/a.png")
    (tmp_path / "link").symlink_to(tmp_path / "ours")
    own = (tmp_path / "ours", tmp_path / "link", tmp_path / "ours/inbox")

    assert Scanner(tmp_path / "ours/inbox", (), own[:2]).scan().refused == {"a.png": LINKED}
    assert Scanner(tmp_path / "ours/inbox", (), own).scan().refused == {"a.png": LINKED}


def test_our_folders_are_searched_again_only_after_the_names_of_a_file_have_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An archive may hold a million files, and a refused file may wait for weeks."""
    searched = []
    count_names = scan._count_names
    monkeypatch.setattr(
        scan, "_count_names", lambda *arguments: searched.append(1) or count_names(*arguments)
    )
    touch(tmp_path / "elsewhere.png")
    (tmp_path / "inbox").mkdir()
    os.link(tmp_path / "elsewhere.png", tmp_path / "inbox/a.png")
    scanner = Scanner(tmp_path / "inbox", (), ())

    for _ in range(5):
        scanner.scan()
    assert len(searched) == 1
    os.link(tmp_path / "elsewhere.png", tmp_path / "inbox/b.png")
    for _ in range(5):
        scanner.scan()

    assert len(searched) == 2


def test_a_scan_names_what_it_ignores_and_why(tmp_path: Path) -> None:
    for name in ("a.png", "sub/b.part", ".hidden/c.png"):
        touch(tmp_path / name)
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    os.mkfifo(tmp_path / "fifo.png")

    ignored = Scanner(tmp_path, Watch().ignore, ()).scan().ignored

    assert ignored == {
        "sub/b.part": scan.IGNORED, ".hidden": scan.IGNORED,
        "link.png": scan.SYMBOLIC_LINK, "fifo.png": scan.SPECIAL,
    }  # fmt: skip
