"""The wheel is enough: configs ship inside it, and what lies in the working directory counts as much."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
# `uv run` says where it is.
UV = os.environ.get("UV", "uv")
MINE = """
class Mine:
    def __call__(self, input, target):
        return (input - target).abs().flatten(1).mean(1)
"""


def command(*words: str | Path, cwd: Path) -> str:
    # What this test run's own environment says about Python must not leak in.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    environment["PYTHONPATH"] = str(REPOSITORY / "tests" / "no_network")
    done = subprocess.run(list(map(str, words)), cwd=cwd, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{' '.join(map(str, words))}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel; uv has the build backend since it installed this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    command(UV, "build", "--wheel", "--offline", "--out-dir", folder, REPOSITORY, cwd=folder)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a new environment that sees this one's packages, but not this checkout."""
    environment = tmp_path_factory.mktemp("environment")
    command(sys.executable, "-m", "venv", "--without-pip", environment, cwd=environment)
    python = environment / "bin" / "python"
    command(UV, "pip", "install", "--offline", "--no-deps", "--python", python, wheel, cwd=environment)
    site = Path(
        command(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=environment).strip()
    )
    # A bare path in a .pth file is put on sys.path; the .pth files in there (the editable install) are not read.
    (site / "packages.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return environment / "bin"


def test_the_wheel_holds_code_plugins_and_configs(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for needed in ("henkan/cli/run.py", "henkan/conf/train.yaml", "henkan/conf/loss/mse.yaml"):
        assert needed in names
    assert any(name.startswith("hydra_plugins/") for name in names)
    # One namespace package for the plugins of everybody.
    assert "hydra_plugins/__init__.py" not in names
    configs = {path.relative_to(REPOSITORY / "conf").as_posix() for path in (REPOSITORY / "conf").rglob("*.yaml")}
    assert {name.removeprefix("henkan/conf/") for name in names if name.startswith("henkan/conf/")} == configs
    for path in (REPOSITORY / "src" / "henkan" / "zoo").iterdir():
        assert path.is_dir() or f"henkan/zoo/{path.name}" in names
    assert "henkan-0.1.0.dist-info/licenses/NOTICE" in names


def test_the_wheel_holds_studies_without_their_pictures(wheel: Path) -> None:
    held = {
        name.removeprefix("henkan/experiments/")
        for name in zipfile.ZipFile(wheel).namelist()
        if "/experiments/" in name
    }
    lie = REPOSITORY / "experiments"
    files = {path.relative_to(lie).as_posix() for kind in ("*.yaml", "*.md") for path in lie.rglob(kind)}
    assert held == {name for name in files if "/results/" not in name}
    assert "mse_vs_gan/study.yaml" in held


def test_a_study_and_the_version_from_the_installed_wheel(installed: Path, tmp_path: Path) -> None:
    assert command(installed / "henkan", "--version", cwd=tmp_path).startswith("henkan 0.1.0 (Python ")
    printed = command(installed / "henkan", "study", "mse_vs_gan", "--dry-run", "scale=smoke", cwd=tmp_path)
    assert "adversarial 0.02" in printed


@pytest.mark.slow
def test_what_henkan_new_writes_trains_at_once_beside_the_installed_wheel(installed: Path, tmp_path: Path) -> None:
    command(installed / "henkan", "new", "loss", "sharper_edges", cwd=tmp_path)
    command(installed / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=tmp_path)
    words = ("experiment=glcic", "scale=smoke", "loss=[mse,sharper_edges]", "weights.sharper_edges=0.5")
    assert "an iteration of it was tried" in command(installed / "henkan", "check", *words, cwd=tmp_path)
    printed = command(installed / "henkan", "train", *words, cwd=tmp_path)
    columns = (tmp_path / printed.splitlines()[-1] / "metrics.csv").read_text().splitlines()[0]
    assert "weighted/sharper_edges" in columns


@pytest.mark.slow
def test_a_loss_of_ones_own_beside_the_installed_wheel(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "conf" / "loss").mkdir(parents=True)
    (tmp_path / "conf" / "loss" / "mine.yaml").write_text("mine: {_target_: mine.Mine}\n")
    where = command(installed / "python", "-c", "import henkan; print(henkan.__file__)", cwd=tmp_path)
    assert not Path(where.strip()).is_relative_to(REPOSITORY / "src")

    words = ("experiment=glcic", "scale=smoke", "loss=[mse,mine]")
    printed = command(installed / "henkan", "train", *words, cwd=tmp_path)
    folder = tmp_path / printed.splitlines()[-1]
    assert "loss/mine" in (folder / "metrics.csv").read_text().splitlines()[0]
    assert (folder / "checkpoints" / "last.ckpt").is_file()


def test_a_loss_of_ones_own_in_a_launched_process(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "conf" / "loss").mkdir(parents=True)
    (tmp_path / "conf" / "loss" / "mine.yaml").write_text("mine: {_target_: mine.Mine}\n")
    words = ("scale=smoke", "logger=none", "loss=[mse,mine]", "schedule=single", "seed=0,1", "evaluation.split=null")
    printed = command(installed / "henkan", "train", "-m", *words, cwd=tmp_path)
    folders = [tmp_path / line for line in printed.splitlines()]
    assert len(folders) == 2
    for folder in folders:
        assert "loss/mine" in (folder / "metrics.csv").read_text().splitlines()[0]
