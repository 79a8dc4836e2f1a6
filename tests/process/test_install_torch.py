"""PyTorch comes from the index of its CPU wheels, alone; where that fails, from pip's own index."""

from __future__ import annotations

import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.repository import REPOSITORY

PACKAGES = ("torch", "sympy")


def make_wheel(folder: Path, name: str) -> None:
    """Write a wheel of an empty package with version 1.0; that of torch requires sympy."""
    info = f"{name}-1.0.dist-info"
    requires = "Requires-Dist: sympy\n" if name == "torch" else ""
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


class Index:
    """A package index on this machine, and the paths that it was asked for."""

    def __init__(self, root: Path, packages: tuple[str, ...]) -> None:
        self.asked: list[str] = []
        root.mkdir()
        for name in packages:
            (root / name).mkdir()
            make_wheel(root / name, name)
        asked = self.asked

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, *args: object) -> None:
                asked.append(self.path)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(root)))
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """An index with torch and what it needs."""
    found = Index(tmp_path / "index", PACKAGES)
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def without_torch(tmp_path: Path) -> Iterator[Index]:
    """An index that knows torch and has no wheel of it."""
    found = Index(tmp_path / "without", ())
    (tmp_path / "without/torch").mkdir()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", made], check=True)
    return made


def install(environment: Path, tmp_path: Path, cpu: str, usual: str) -> subprocess.CompletedProcess:
    """Install torch and remove it again; `usual` is pip's own index."""
    (tmp_path / "torch.txt").write_text("torch==1.0\n")
    python = environment / "bin/python"
    said = subprocess.run(
        [python, "-m", "tools.install_torch", tmp_path / "torch.txt", cpu],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=120,
        env={"PATH": "/usr/bin:/bin", "PIP_CONFIG_FILE": "/dev/null", "PIP_INDEX_URL": usual},
    )  # fmt: skip
    subprocess.run(
        [python, "-m", "pip", "uninstall", "--quiet", "--yes", *PACKAGES],
        check=True, capture_output=True,
    )  # fmt: skip
    return said


def test_torch_alone_comes_from_the_cpu_index(
    environment: Path, tmp_path: Path, index: Index
) -> None:
    said = install(environment, tmp_path, index.address, "http://127.0.0.1:9")

    assert said.returncode == 0, said.stdout + said.stderr
    assert "Successfully installed torch-1.0\n" in said.stdout
    assert {path.split("/")[1] for path in index.asked} == {"torch"}


def test_an_index_that_cannot_be_reached_is_named_and_pip_asks_its_own(
    environment: Path, tmp_path: Path, index: Index
) -> None:
    said = install(environment, tmp_path, "http://127.0.0.1:9", index.address)

    assert said.returncode == 0, said.stdout + said.stderr
    assert "http://127.0.0.1:9 cannot be used (" in said.stdout
    assert "may be the build for CUDA" in said.stdout
    assert "Successfully installed sympy-1.0 torch-1.0\n" in said.stdout


def test_an_index_without_a_wheel_for_this_machine_is_named_and_pip_asks_its_own(
    environment: Path, tmp_path: Path, index: Index, without_torch: Index
) -> None:
    said = install(environment, tmp_path, without_torch.address, index.address)

    assert said.returncode == 0, said.stdout + said.stderr
    assert "cannot be used (pip found no wheel there)" in said.stdout


def test_without_an_index_pip_asks_its_own(environment: Path, tmp_path: Path, index: Index) -> None:
    said = install(environment, tmp_path, "", index.address)

    assert said.returncode == 0, said.stdout + said.stderr
    assert "cannot be used" not in said.stdout
