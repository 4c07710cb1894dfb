"""The wheel is enough: configs ship inside it, and what lies in the working directory counts as much."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np
import pytest
from PIL import Image
from tiny_page import body

REPOSITORY = Path(__file__).parents[1]
# `uv run` says where it is.
UV = os.environ.get("UV", "uv")
MINE = """
class Mine:
    def __call__(self, input, target):
        return (input - target).abs().flatten(1).mean(1)
"""


# What somebody writes who has just installed it.
LOADED = """
import henkan
import numpy as np

picture = np.full((40, 56, 3), 250, np.uint8)
picture[20] = 30
made = henkan.load("lines")(picture)
print(type(made).__name__, made.shape, made.dtype)
"""


def outside() -> dict[str, str]:
    """Return this environment without what the test run's own says about Python, which must not leak in."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return environment | {"PYTHONPATH": str(REPOSITORY / "tests" / "no_network")}


def command(*words: str | Path, cwd: Path) -> str:
    done = subprocess.run(list(map(str, words)), cwd=cwd, env=outside(), capture_output=True, text=True, timeout=600)
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


@pytest.mark.slow
def test_a_study_and_the_version_from_the_installed_wheel(installed: Path, tmp_path: Path) -> None:
    assert command(installed / "henkan", "--version", cwd=tmp_path).startswith("henkan 0.1.0 (Python ")
    printed = command(installed / "henkan", "study", "mse_vs_gan", "--dry-run", "scale=smoke", cwd=tmp_path)
    assert "adversarial 0.02" in printed


@pytest.mark.slow
def test_a_network_that_came_along_from_the_installed_wheel(installed: Path, tmp_path: Path) -> None:
    page = np.full((60, 80, 3), 250, np.uint8)
    page[30:32, 10:70] = 40
    Image.fromarray(page).save(tmp_path / "sketch.png")
    words = ("model=lines", f"input={tmp_path / 'sketch.png'}", "output=made", "trainer.accelerator=cpu")
    command(installed / "henkan", "predict", *words, cwd=tmp_path)
    (made,) = (tmp_path / "made").rglob("*.png")
    with Image.open(made) as picture:
        assert picture.size == (80, 60)
    said = command(installed / "python", "-c", LOADED, cwd=tmp_path)
    assert said.strip() == "ndarray (40, 56) uint8"


@pytest.mark.slow
def test_a_study_is_run_from_the_installed_wheel(installed: Path, tmp_path: Path) -> None:
    words = ("mse_vs_gan", "scale=smoke", "seeds=[0]", "logger=csv")
    printed = command(installed / "henkan", "study", *words, cwd=tmp_path)
    assert "mse_vs_gan: test scores, 16 pictures" in printed
    assert all(variant in printed for variant in ("mse", "adversarial 0.004", "adversarial 0.02"))
    assert (tmp_path / printed.splitlines()[-1]).name == "report.html"
    assert (tmp_path / printed.splitlines()[-1]).is_file()


@pytest.mark.slow
def test_the_page_is_served_from_the_installed_wheel(installed: Path, tmp_path: Path) -> None:
    """A network makes something of an example, as the page asks for it."""
    server = subprocess.Popen(
        [installed / "henkan", "serve", "port=0", "trainer.accelerator=cpu"],
        cwd=tmp_path,
        env=outside(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        found = re.search(r"henkan is at (http://127\.0\.0\.1:\d+)", server.stdout.readline())
        assert found is not None
        url = found[1]

        def ask(path: str, content: bytes | None = None) -> bytes:
            headers = {"Content-Type": "application/octet-stream"}
            with urlopen(Request(f"{url}{path}", content, headers), timeout=120) as answer:
                read: bytes = answer.read()
                return read

        assert b"<title>henkan</title>" in ask("/")
        choices = json.loads(ask("/offer.json"))["tasks"]["line_drawing"]["choices"]
        (lines,) = (choice["id"] for choice in choices if choice["name"] == "lines")
        example = ask("/example/line_drawing.png")
        made = ask("/make", body({"choice": lines}, {"picture": example}))
        sizes = [Image.open(io.BytesIO(content)).size for content in (example, made)]
        assert sizes[0] == sizes[1]
    finally:
        server.terminate()
        server.wait(60)


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


@pytest.mark.slow
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
