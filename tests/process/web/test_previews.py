"""Page images, rendered by the real sandboxed process under the options of their folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pymupdf
import pytest

from daemon.config.load import load
from daemon.core.folder_rules import FolderRules
from daemon.core.options import Limits, Rendering
from daemon.web import server
from daemon.web.index.records import DocumentDetails
from daemon.web.previews.page_images import PageImages
from tests.support.running_daemon import Workspace
from tests.support.web.stand_in import item


def locked(path: Path) -> Path:
    """Write a PDF of one page that needs the password `hunter2`."""
    with pymupdf.open() as document:
        document.new_page(width=200, height=100)
        document.save(path, encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="hunter2")
    return path


def found(original: Path, landed_as: str) -> DocumentDetails:
    digest = hashlib.sha256(original.read_bytes()).hexdigest()
    done = item("a", landed_as, pages=1)
    return DocumentDetails(done, None, (), original, landed_as, digest)


def test_a_page_is_rendered_with_the_password_of_its_profile(tmp_path: Path) -> None:
    secret = Limits(), Rendering(passwords=("hunter2",))
    images = PageImages(
        tmp_path / "pages", FolderRules((Limits(), Rendering()), [(["bank"], secret)])
    )
    original = locked(tmp_path / "a.pdf")

    drawn = images.get(found(original, "bank/a.pdf"), 1)

    assert drawn.read_bytes().startswith(b"\xff\xd8\xff")
    with pytest.raises(LookupError):
        images.get(found(original, "other/a.pdf"), 1)


def test_page_images_use_the_profiles_of_the_config(tmp_path: Path) -> None:
    bank = {"name": "bank", "folders": ["bank"], "pdf": {"passwords": ["hunter2"]}}
    workspace = Workspace(tmp_path, profiles=[bank])

    context = server.build_context(load(workspace.config))

    assert context.page_images.get(found(locked(tmp_path / "a.pdf"), "bank/a.pdf"), 1).exists()
