"""What `status` and `health` print of a daemon that has worked."""

from __future__ import annotations

from tests.support.running_daemon import House
from tests.support.samples import png, text_page


def test_status_counts_what_became_of_every_file(house: House) -> None:
    content = png(text_page(["Counted"]))
    with house.running():
        house.drop("a.png", content)
        house.answer("a.png.json")
        house.drop("b.png", content)
        house.drop("c.png", b"\x89PNG\r\n\x1a\n broken")
        house.answer("b.png.json")
        house.answer("c.png.json")
        alive = house.command("health")
    house.drop("d.png", content)

    status = house.command("status").stdout

    counted = dict(
        line.split(maxsplit=1) for line in status.replace("in work", "in-work").splitlines()
    )
    assert counted.pop("oldest").startswith("d.png")
    assert counted == {
        "done": "1", "partial": "0", "failed": "1", "duplicate": "1", "in-work": "0",
        "waiting": "1",
    }  # fmt: skip
    assert (alive.returncode, alive.stdout.split(":")[0]) == (0, "alive")
    assert house.command("health").returncode == 1
