"""Fields of a document from the inbox to the sidecar, the CSV, the hook, REST and the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.running_daemon import until
from tests.support.samples import pdf_of_text
from tests.support.web.site import Site, running

FIELDS = {  # in the order of their names, in which the config of a workspace is written
    "date": "first date",
    "iban": {"label": "IBAN"},
    "order": {"label": "Order", "pattern": "[A-Z]+-[0-9]+"},
    "total": 'last amount right of "Total"',
}
PAPER = pdf_of_text([["Order: EL-118", "17 March 2026", "Total: 5.00"], ["Total: 1,978.20"]])
VALUES = {"total": "1978.20", "date": "2026-03-17", "order": "EL-118", "iban": None}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("site")
    tell = ["/bin/sh", "-c", f"echo $OCR_FIELD_TOTAL,$OCR_FIELD_IBAN > {root}/told"]
    profile = {
        "name": "web", "folders": ["web"], "fields": FIELDS, "outputs": ["fields_csv"],
        "hooks": [{"name": "tell", "command": tell}],
        "naming": {"name": "{date} {order}", "folder": "{date:%Y}/{iban|no bank}"},
    }  # fmt: skip
    with running(root, config={"profiles": [profile]}) as made:
        yield made


def test_fields_are_in_sidecar_csv_hook_rest_and_page(site: Site) -> None:
    uploaded = site.upload("paper.pdf", PAPER)

    document = site.settled(uploaded["location"])

    sidecar = site.workspace.answer("web/paper.pdf.json")
    assert {each["name"]: each["value"] for each in sidecar["fields"]} == VALUES
    assert [(each["page"], each.get("reason")) for each in sidecar["fields"]] == [
        (1, None), (None, "no_label"), (1, None), (2, None),
    ]  # fmt: skip
    assert document["fields"] == sidecar["fields"]
    path = "2026/no bank/2026-03-17 EL-118.fields.csv"
    assert [each["name"] for each in sidecar["outputs"]] == [path]
    table = (site.workspace.outbox / "web" / path).read_text("utf-8")
    assert table.split() == ["file,date,iban,order,total", "paper.pdf,2026-03-17,,EL-118,1978.20"]
    told = Path(site.workspace.root / "told")
    assert until(lambda: told.exists() and told.read_text(), 20, what="the hook") == "1978.20,\n"
    page = site.get(f"{uploaded['location']}/view").text
    assert '<td><bdi lang="">1978.20</bdi></td>' in page
    assert "not found: no page has its label" in page


def test_another_folder_has_no_fields(site: Site) -> None:
    site.workspace.drop("other.pdf", PAPER)

    sidecar = site.workspace.answer("other.pdf.json")

    assert "fields" not in sidecar


def test_an_output_with_a_name_of_its_own_is_downloaded_and_deleted(site: Site) -> None:
    pages = [["Order: EL-118", "17 March 2026", "Total: 5.00"], ["Another one"]]
    document = site.settled(site.upload("second.pdf", pdf_of_text(pages))["location"])

    (output,) = (each for each in document["outputs"] if each["kind"] == "fields_csv")
    found = site.get(output["location"])
    assert output["name"].endswith(("EL-118.fields.csv", "EL-118.2.fields.csv"))
    path = site.workspace.outbox / "web" / output["name"]
    assert (found.status_code, found.content) == (200, path.read_bytes())
    assert site.workspace.command("verify", "--deep").returncode == 0
    assert site.delete(f"/documents/{document['id']}").status_code == 204
    assert not path.exists()
