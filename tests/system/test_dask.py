"""A daemon on a Dask cluster: kills of all its parts, a poison page, the text of the local pool."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.dask_cluster import REAL, Cluster
from tests.support.running_daemon import Workspace
from tests.support.samples import png, text_page
from tests.torture import dask_kills, pretended
from tests.torture.life import living, quick_workspace

pytest.importorskip("distributed", reason="needs the extra [dask]")


def test_kills_of_each_part_lose_tear_and_double_nothing(tmp_path: Path) -> None:
    figures = dask_kills.run(tmp_path, kills=4, seed=3, gap=0.5)

    assert figures.holds, "\n".join(figures.lines())
    assert figures.verifications > 0
    assert figures.kill_log.kills.total() == 4


def test_a_poison_page_fails_alone_and_its_neighbours_are_read(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    try:
        cluster.worker("reader", slots=2, FAILPOINTS="worker.page@3=kill")
        engine = {"kind": "dask", "scheduler": cluster.address}
        workspace = quick_workspace(
            tmp_path / "daemon", "pretended", engine=engine, retry={"attempts": 2}
        )
        with living(workspace, "pretended") as life:
            life.wait_ready()
            pages = ["one", "two", "poison", "four"]
            workspace.drop("poison.png", pretended.content(*pages))
            workspace.drop("other.png", pretended.content("whole"))
            poisoned, other = (
                workspace.answer("poison.png.json"),
                workspace.answer("other.png.json"),
            )
    finally:
        cluster.end()

    assert [page["text"] for page in poisoned["pages"]] == ["one", "two", "", "four"]
    assert poisoned["status"] == "partial"
    assert poisoned["error"]["class"] == "killed"
    assert other["status"] == "done"
    assert len(cluster.events("reader", "cluster.joined")) == 1


def test_a_page_has_the_text_of_the_local_pool(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    workspace = Workspace(tmp_path)
    page = tmp_path / "page.png"
    page.write_bytes(png(text_page(["Invoice 4711 of the tenth", "Total 12.50 EUR to be paid"])))
    try:
        cluster.worker("reader", program=REAL)
        options = ("--engine", "dask", "--scheduler", cluster.address)
        cluster_text = workspace.command("once", str(page), "--text", "--quiet", *options)
        local_text = workspace.command("once", str(page), "--text", "--quiet")
    finally:
        cluster.end()

    assert cluster_text.stdout == local_text.stdout
    assert cluster_text.returncode == 0
    assert len(local_text.stdout.split()) > 5
