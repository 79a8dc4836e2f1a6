"""A web process that is killed while lines are corrected."""

from __future__ import annotations

import contextlib
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import requests

from daemon.web.index.corrections import CorrectionStore
from tests.support.running_daemon import until
from tests.support.samples import images
from tests.support.samples.pictures import text_page
from tests.support.web.site import Site, port_of, running

LINES = 5


def test_every_correction_that_was_acknowledged_is_there_after_a_kill(tmp_path: Path) -> None:
    with running(tmp_path) as site:
        texts = [f"Line number {n}" for n in range(LINES)]
        upload = site.upload("scan.png", images.png(text_page(texts)))
        document = site.settled(upload["location"])
        lines = [
            (f"{place}-{index}", line["text"])
            for place, block in enumerate(document["pages"][0]["blocks"])
            for index, line in enumerate(block["lines"])
        ]
        acknowledged: dict[str, int] = {}
        victim = site.process()

        def correct(turn: int) -> None:
            key, read = lines[turn % len(lines)]
            form = {"page": "1", "line": key, "read": read, "text": f"{turn}"}
            with contextlib.suppress(requests.RequestException):
                answer = site.post(f"/documents/{document['id']}/view/corrections", data=form)
                assert answer.status_code == 200, answer.text
                acknowledged[read] = max(turn, acknowledged.get(read, 0))
                if turn == 40:
                    os.kill(victim.pid, signal.SIGKILL)

        # one at a time for each line, so that a later turn is a later correction of it
        with ThreadPoolExecutor(LINES) as pool:
            list(pool.map(lambda n: [correct(turn) for turn in range(n, 100, LINES)], range(LINES)))
        until(lambda: not psutil.pid_exists(victim.pid), what="it is gone")

        kept = CorrectionStore(site.workspace.outbox).of(document["sha256"])
        assert acknowledged
        assert {each.read for each in kept} >= acknowledged.keys()
        for each in kept:
            assert int(each.text or "-1") >= acknowledged.get(each.read, -1)
        restarted(site)
        page = site.get(f"/documents/{document['id']}/view").text
        assert "corrected line" in page
        assert site.workspace.command("verify").returncode == 0


def restarted(site: Site) -> None:
    """Wait until the daemon has started the web process again."""
    output = site.workspace.root / "output"
    until(lambda: output.read_text().count("web.ready") > 1, what=output.read_text()[-2000:])
    after = output.read_text().rindex('"web.ready"') - 200
    site.move_to(port_of(site.workspace, after))
