"""How much memory the supervising process takes."""

from __future__ import annotations

from pathlib import Path

from tests.support.running_daemon import Workspace, until
from tests.support.samples import png, text_page

STARTS = 3  # the heap of a start differs from that of the next one by up to 1 MB


def resident_after_a_dozen_documents(root: Path) -> int:
    import psutil

    workspace = Workspace(root)
    with workspace.running() as daemon:
        for number in range(12):
            workspace.drop(f"{number}.png", png(text_page([f"Light {number}"])))
        until(lambda: len(workspace.answers()) == 12)
        return int(psutil.Process(daemon.process.pid).memory_info().rss)


def test_the_resident_size_of_the_daemon_stays_under_sixty_megabytes(tmp_path: Path) -> None:
    sizes = []
    for number in range(STARTS):
        (tmp_path / str(number)).mkdir()
        sizes.append(resident_after_a_dozen_documents(tmp_path / str(number)))
        if sizes[-1] < 60e6:
            break

    assert min(sizes) < 60e6, [f"{size / 1e6:.1f} MB" for size in sizes]
