"""Old sidecars wherever sidecars are read.

Those before 0.1.0 had `sag` in place of `curvature`, those of version 1.0 neither unread regions
nor warnings.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from daemon.cli.verify import verify, verify_deep
from daemon.config.hook import Hook
from daemon.config.load import load
from daemon.core.folder_rules import FolderRules
from daemon.inbox.claims.by_rename import RenameClaims
from daemon.inbox.scan import Scanner
from daemon.ledger.deliveries import Deliveries
from daemon.ledger.ledger import Ledger
from daemon.outbox.hooks.payload import notifications
from daemon.outbox.publish import Outbox
from daemon.outbox.sidecar import is_valid
from daemon.supervisor import ledger_recovery
from daemon.supervisor.delivery import Delivery
from daemon.web.index.catalogue import Catalogue
from daemon.web.index.paths import WebPaths
from tests.support.running_daemon import Workspace, until
from tests.support.web.stand_in import site_of
from tests.torture import pretended, series
from tests.torture.life import living, quick_workspace
from tests.unit.supervisor.test_delivery import policy

NAME = "scan.png"
PLACE = f"{NAME}.json"
HOOK = Hook(name="all", on=("done",), command=("tell",))


def make_old(path: Path) -> dict[str, Any]:
    """Rewrite a sidecar as the versions before 0.1.0 wrote it; return what it was."""
    content = json.loads(path.read_text())
    old = json.loads(path.read_text())
    old["schema_version"] = "1.0"
    del old["warnings"]
    for page in old["pages"]:
        page["sag"] = page.pop("curvature")
        del page["unread"], page["warnings"]
    path.write_text(json.dumps(old, ensure_ascii=False, indent=1) + "\n")
    return content


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a daemon that has answered one file of two pages."""
    workspace = quick_workspace(tmp_path_factory.mktemp("old"), "pretended")
    workspace.drop(NAME, pretended.content("First page", "Second page"))
    with living(workspace, "pretended") as life:
        until(lambda: len(workspace.files_in(workspace.archive)) == 1 and series.is_done(workspace))
        assert life.terminate() == 0
    return workspace.root


@pytest.fixture
def workspace(answered: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(answered, tmp_path / "workspace")
    return quick_workspace(tmp_path / "workspace", "pretended")


@pytest.fixture
def current(workspace: Workspace) -> dict[str, Any]:
    """The sidecar as this version wrote it; the one in the outbox is made an old one."""
    return make_old(workspace.outbox / PLACE)


def catalogue_of(workspace: Workspace) -> Catalogue:
    places = WebPaths(
        workspace.inbox, workspace.outbox, workspace.archive, workspace.failed,
        workspace.state / "ledger.sqlite3", workspace.state / "search.sqlite3",
    )  # fmt: skip
    return Catalogue(places, Scanner(workspace.inbox, (), ()))


def test_an_old_sidecar_is_read_as_this_version_writes_it(
    workspace: Workspace, current: dict[str, Any]
) -> None:
    answer = Outbox(workspace.outbox).read(PLACE)

    assert answer == current
    assert is_valid(answer)


def test_an_old_sidecar_holds_before_the_deep_proof(
    workspace: Workspace, current: dict[str, Any]
) -> None:
    del current
    balance, depth = verify(load(workspace.config)), verify_deep(load(workspace.config))

    assert (balance.answered, balance.holds) == (1, True)
    assert (depth.unchanged, depth.holds) == (1, True)


def test_a_ledger_is_rebuilt_from_old_sidecars(
    workspace: Workspace, current: dict[str, Any]
) -> None:
    assert ledger_recovery.rebuild(load(workspace.config)) == 1

    ledger = Ledger(workspace.state / "ledger.sqlite3", read_only=True)
    entry = ledger.entry(current["processing"]["claim"])
    ledger.close()
    assert entry is not None
    assert (entry.name, entry.answer, entry.status) == (NAME, PLACE, "done")


def test_a_hook_is_notified_of_an_old_sidecar_as_of_a_new_one(
    workspace: Workspace, current: dict[str, Any]
) -> None:
    answer = Outbox(workspace.outbox).read(PLACE)
    assert answer is not None

    (notification,) = notifications(NAME, PLACE, answer, [HOOK])

    assert [notification] == notifications(NAME, PLACE, current, [HOOK])


def test_a_restart_that_finds_an_old_sidecar_takes_it_for_the_answer(tmp_path: Path) -> None:
    for name in ("inbox", "outbox"):
        (tmp_path / name).mkdir()
    (tmp_path / "inbox" / NAME).write_bytes(b"bytes")
    claims = RenameClaims(tmp_path / "inbox", "one", tmp_path / "archive", tmp_path / "failed")
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    delivery = Delivery(
        claims, ledger, Outbox(tmp_path / "outbox"), FolderRules(policy(hooks=(HOOK,)))
    )
    claim = claims.take(NAME)
    ledger.add_claim(claim, "default@1")
    old = {
        "schema_version": "1.0",
        "source": {
            "name": NAME, "relative_path": NAME, "sha256": claim.sha256, "bytes": 5,
            "media_type": "image/png",
        },
        "status": "done",
        "engine": {"profile": "default@1"},
        "processing": {
            "claim": claim.id, "started_at": "2026-01-02T03:04:05.000Z",
            "finished_at": "2026-01-02T03:04:06.000Z", "seconds": 1.0, "attempt": 1,
        },
        "pages": [{"number": 1, "sag": 0.5, "confidence": 0.9, "text": "old"}],
        "text": "old",
    }  # fmt: skip
    (tmp_path / "outbox" / PLACE).write_text(json.dumps(old, indent=1))

    work = delivery.new_document(claim, is_recovered=True)
    delivery.record(work)
    ledger.close()

    assert work.document is not None
    assert work.document.status == "done"
    deliveries = Deliveries(tmp_path / "ledger.sqlite3", read_only=True)
    (notification,) = deliveries.undelivered()
    deliveries.close()
    assert json.loads(notification.text)["data"]["text"] == "old"


def test_the_page_of_a_document_shows_an_old_sidecar(
    workspace: Workspace, current: dict[str, Any]
) -> None:
    catalogue = catalogue_of(workspace)
    claim = current["processing"]["claim"]

    answer = site_of(catalogue, workspace.state).get(f"/documents/{claim}/view")  # type: ignore[arg-type]

    assert answer.status_code == 200
    assert "First page" in answer.text


def test_rest_returns_an_old_sidecar_as_this_version_writes_it(
    workspace: Workspace, current: dict[str, Any]
) -> None:
    catalogue = catalogue_of(workspace)
    found = catalogue.document(current["processing"]["claim"])
    assert found is not None

    _, pages = catalogue.pages(found)

    assert list(pages) == current["pages"]
