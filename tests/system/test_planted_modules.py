"""Modules that somebody put into the folder in which a command is started are never imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.running_daemon import Workspace, until
from tests.support.samples import png, text_page
from tests.support.web.site import Site, port_of

# of our dependencies, and of the standard library; with `python -m`, Python itself imports
# contextlib, warnings and others before any line of the daemon runs
PLANTED = (
    "cv2", "torch", "numpy", "onnxruntime", "jinja2", "pymupdf", "pydantic", "starlette", "typer",
    "yaml", "msgspec", "pickle", "struct", "json", "logging", "multiprocessing", "subprocess",
    "socket", "selectors", "signal", "threading", "tempfile", "sqlite3",
)  # fmt: skip
FOOTPRINT = "open({path!r}, 'w').close()\nraise ImportError('planted')\n"


class PlantedFolder:
    """A working directory with modules that leave a file behind when they are imported."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.footprints = folder / "footprints"
        self.footprints.mkdir(parents=True)
        for place in (folder, folder / "lib"):
            place.mkdir(exist_ok=True)
            for name in PLANTED:
                footprint = self.footprints / f"{place.name}-{name}"
                (place / f"{name}.py").write_text(FOOTPRINT.format(path=str(footprint)))

    def imported(self) -> list[str]:
        return sorted(path.name for path in self.footprints.iterdir())


@pytest.fixture(params=["", ":lib:"], ids=["no path", "relative path"])
def environment(request: pytest.FixtureRequest) -> dict[str, str]:
    """PYTHONPATH: absent, or with entries that are empty (the working directory) and relative."""
    return {"PYTHONPATH": request.param}


def planted(tmp_path: Path, **config: object) -> tuple[Workspace, PlantedFolder]:
    workspace = Workspace(tmp_path, **config)
    folder = PlantedFolder(tmp_path / "home")
    workspace.working_directory = folder.folder
    return workspace, folder


def test_once_with_its_workers_and_its_drawing_imports_nothing_planted(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    workspace, folder = planted(tmp_path)
    page = workspace.drop("page.png", png(text_page(["Nobody's module"])))

    done = workspace.command(
        "once", str(page), "--out", str(tmp_path / "out"), "--look", str(tmp_path / "look"),
        "--output", "searchable_pdf", "--quiet", **environment,
    )  # fmt: skip

    assert (folder.imported(), done.returncode, done.stderr) == ([], 0, "")
    assert (tmp_path / "look/page.png.1.png").exists()


def test_the_daemon_its_web_process_and_previews_import_nothing_planted(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    workspace, folder = planted(tmp_path, web={"enabled": True, "port": 0})

    with workspace.running(**environment) as daemon:
        site = Site(workspace, port_of(workspace), daemon)
        location = site.upload("page.png", png(text_page(["Nobody's module"])))["location"]
        assert site.settled(location)["status"] == "done"
        image = site.get(f"{location}/pages/1/image")

    assert (folder.imported(), image.status_code) == ([], 200)


def test_check_and_its_trial_of_the_sandbox_import_nothing_planted(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    workspace, folder = planted(tmp_path)

    checked = workspace.command("check", **environment)

    assert (folder.imported(), checked.returncode) == ([], 0)
    assert "no_new_privs" in checked.stdout


def test_a_hook_program_s_python_still_imports_from_its_own_folder(tmp_path: Path) -> None:
    """The daemon sets PYTHONSAFEPATH for its own processes; a hook gets none of it."""
    (tmp_path / "beside.py").write_text(f"open({str(tmp_path / 'called')!r}, 'w').close()")
    (tmp_path / "hook.py").write_text("import beside")
    hook = {"name": "ours", "command": ["/usr/bin/env", "python3", str(tmp_path / "hook.py")]}
    workspace, _ = planted(tmp_path, hooks=[hook])

    with workspace.running():
        workspace.drop("page.png", png(text_page(["Hook"])))

        assert until((tmp_path / "called").exists)
