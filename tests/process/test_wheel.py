"""The published packages: what is in them, and that they read in an environment of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from daemon.core.fs import sha256_of
from daemon.core.shipped import DETECTOR, LEXICON, RECOGNISER, shipped_digest
from tests.support.repository import REPOSITORY
from tests.support.samples.images import png
from tests.support.samples.pictures import text_page

MAX_MEGABYTES = 500  # of an environment with the wheel and all that it needs


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist, the wheel built from the sdist, without a network."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, check=False,
    )  # fmt: skip
    if tracked.returncode:
        pytest.skip("not in a git checkout: which files belong to it is not known")
    for name in filter(None, os.fsdecode(tracked.stdout).split("\0")):
        if (REPOSITORY / name).exists():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(REPOSITORY / name, source / name)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return out


def wheel_in(folder: Path) -> Path:
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_the_wheel_contains_every_file_of_the_package_and_nothing_else(built: Path) -> None:
    files = [path for path in (REPOSITORY / "daemon").rglob("*") if path.is_file()]
    names = {str(p.relative_to(REPOSITORY)) for p in files if "__pycache__" not in p.parts}

    with zipfile.ZipFile(wheel_in(built)) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert names - found == set()
    assert {name.split("/")[0] for name in found} == {"daemon"}
    assert {name for name in found - names if not name.startswith("daemon/shipped/")} == set()


def test_the_sdist_contains_what_builds_tests_and_documents(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
    inner = {name.split("/", 1)[1] for name in names if "/" in name}

    expected = {"pyproject.toml", "config.yaml", "Makefile", "README.md", "LICENSE"}
    expected |= {"daemon/__main__.py", "tests/__init__.py", "docs/README.md", "models/SHA256SUMS"}
    assert expected <= inner


@pytest.mark.parametrize(
    "command",
    [["twine", "check", "--strict", "{wheel}", "{sdist}"], ["check_wheel_contents", "{wheel}"]],
    ids=["twine", "check-wheel-contents"],
)
def test_the_packages_pass_the_checks_of_the_index(built: Path, command: list[str]) -> None:
    (sdist,) = built.glob("*.tar.gz")
    words = [word.format(wheel=wheel_in(built), sdist=sdist) for word in command]

    checked = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True)

    assert checked.returncode == 0, checked.stdout + checked.stderr


def skip_without_index(pip: subprocess.CompletedProcess[str]) -> None:
    if pip.returncode and "Failed to establish a new connection" in pip.stderr:
        pytest.skip("the package index cannot be reached")


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and its plain dependencies, without pip, as uv makes it."""
    environment = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    pip = subprocess.run(
        [
            sys.executable, "-m", "pip", "--python", environment, "--disable-pip-version-check",
            "install", "--quiet", "--no-compile", "--only-binary", ":all:",
            "--constraint", REPOSITORY / "requirements/constraints.txt", wheel_in(built),
        ],
        capture_output=True, text=True,
    )  # fmt: skip
    skip_without_index(pip)
    assert pip.returncode == 0, pip.stderr
    return environment


@pytest.mark.slow
def test_an_environment_with_the_wheel_is_small(installed: Path) -> None:
    files = (path for path in installed.rglob("*") if path.is_file() and not path.is_symlink())

    assert sum(path.stat().st_blocks * 512 for path in files) < MAX_MEGABYTES * 1e6


def in_environment(
    environment: Path, folder: Path, *words: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [environment / "bin/ocr-daemon", *words],
        cwd=folder, capture_output=True, text=True, timeout=120,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder)},
    )  # fmt: skip


@pytest.mark.slow
def test_an_installed_wheel_reads_in_any_folder_without_a_config(
    installed: Path, tmp_path: Path
) -> None:
    (tmp_path / "scan.png").write_bytes(png(text_page(["Invoice 2041", "Total 17.50"])))

    read = in_environment(installed, tmp_path, "once", "scan.png", "--text")

    assert read.returncode == 0, read.stderr
    assert read.stdout.split() == ["Invoice", "2041", "Total", "17.50"]
    assert [path.name for path in tmp_path.iterdir()] == ["scan.png"]


@pytest.mark.slow
def test_an_installed_wheel_has_no_torch_and_says_what_it_would_need(
    installed: Path, tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").write_text("model: {backend: torchscript}\nallow_root: true\n")
    (tmp_path / "scan.png").write_bytes(png(text_page(["x"])))

    checked = in_environment(installed, tmp_path, "check")
    read = in_environment(installed, tmp_path, "once", "scan.png", "--text")

    remedy = "torch is not installed; install the extra [torch], or use auto"
    assert (checked.returncode, remedy in checked.stdout) == (78, True)
    assert (read.returncode, remedy in read.stderr) == (78, True)


@pytest.mark.slow
def test_init_in_an_installed_wheel_writes_every_key(installed: Path, tmp_path: Path) -> None:
    said = in_environment(installed, tmp_path, "init", "--full")
    shown = in_environment(installed, tmp_path, "config", "show", "--json")

    assert said.returncode == 0, said.stderr
    assert json.loads(shown.stdout)["model"]["file"].startswith(str(installed))


def test_the_digests_of_the_shipped_files_are_right() -> None:
    names = [f"{RECOGNISER}.onnx", f"{RECOGNISER}.pt", DETECTOR, LEXICON]

    for name in names:
        assert sha256_of(REPOSITORY / "models" / name) == shipped_digest(name)


@pytest.mark.slow
def test_every_dependency_has_a_wheel_for_arm64(built: Path, tmp_path: Path) -> None:
    platforms = [f"manylinux_2_{minor}_aarch64" for minor in (17, 28)]

    resolved = subprocess.run(
        [
            sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--dry-run",
            "--target", tmp_path, "--python-version", "3.11", "--only-binary", ":all:",
            *(word for platform in platforms for word in ("--platform", platform)),
            "--constraint", REPOSITORY / "requirements/constraints.txt",
            f"{wheel_in(built)}[heif,web]",
        ],
        capture_output=True, text=True,
    )  # fmt: skip

    skip_without_index(resolved)
    assert resolved.returncode == 0, resolved.stderr
    assert "onnxruntime" in resolved.stdout
