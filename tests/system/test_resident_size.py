"""How much memory the supervising process takes."""

from __future__ import annotations

from pathlib import Path
from time import sleep

from tests.support.running_daemon import Workspace, until
from tests.support.samples import png, text_page


def test_the_resident_size_of_the_daemon_stays_under_sixty_megabytes(tmp_path: Path) -> None:
    import psutil

    workspace = Workspace(tmp_path)
    with workspace.running() as daemon:
        for number in range(12):
            workspace.drop(f"{number}.png", png(text_page([f"Light {number}"])))
        until(lambda: len(workspace.answers()) == 12)
        until(lambda: len(workspace.files_in(workspace.archive)) == 12)
        sleep(2)  # the memory of the last document is returned when it is over

        resident = psutil.Process(daemon.process.pid).memory_info().rss

    print(resident)
    assert resident < 60e6, f"{resident / 1e6:.1f} MB"
