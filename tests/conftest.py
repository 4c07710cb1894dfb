"""What many tests need: a small folder of real-looking pictures, and composed configs of tiny runs."""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from omegaconf import DictConfig
from published import there
from tiny_study import STUDY

from henkan.config.composition import compose_root
from henkan.data import notices
from henkan.launching.launcher import WarmProcesses

torch.set_num_threads(1)

# As henkan has it: tests look whether the package is there before henkan loads it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# No network: neither in this process nor in those that tests start, the servers that runs are forked from included.
NO_NETWORK = Path(__file__).parent / "no_network"
runpy.run_path(str(NO_NETWORK / "sitecustomize.py"))
os.environ["PYTHONPATH"] = os.pathsep.join([str(NO_NETWORK), *filter(None, [os.environ.get("PYTHONPATH")])])


@pytest.fixture(scope="session")
def beside() -> Callable[[str], Path]:
    """What returns a file or folder of `HENKAN_TEST_FILES` (by default the folder `shared` beside the checkout)."""
    return there


@pytest.fixture(scope="session", autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the key of this person's runs out of the home folder, here and in processes that tests start."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture(autouse=True)
def told_nothing() -> None:
    """Every test is told of data files as a new process would be."""
    notices.forget()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train, val and test pictures of colored shapes, 40 x 48 pixels."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for split, count in (("train", 24), ("val", 4), ("test", 6)):
        (root / split).mkdir()
        for number in range(count):
            image = np.full((40, 48, 3), rng.integers(0, 256, 3), np.uint8)
            for _ in range(4):
                center = (int(rng.integers(0, 48)), int(rng.integers(0, 40)))
                cv2.circle(image, center, int(rng.integers(3, 15)), rng.integers(0, 256, 3).tolist(), -1)
            cv2.imwrite(str(root / split / f"{number:03d}.png"), image)
    return root


@pytest.fixture
def tiny(pictures: Path, tmp_path: Path) -> list[str]:
    """Overrides of a run that takes a second: GLCIC's three phases of 6, 4 and 8 iterations on the shapes."""
    return [
        "experiment=glcic",
        "scale=smoke",
        "data=image_folder",
        f"data.path={pictures}",
        f"paths.runs={tmp_path / 'runs'}",
        f"paths.cache={tmp_path / 'cache'}",
        "optimizer=adam",
        "logger=none",
        "metric=[psnr,psnr_hole]",
        "trainer.threads=1",
        "trainer.log_every=2",
        "trainer.precision=32-true",
        "schedule.reconstruction.iterations=6",
        "schedule.discriminator.iterations=4",
        "schedule.joint.iterations=8",
        "checkpoint.every=3",
        "validation.every=6",
    ]


@pytest.fixture(scope="session")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train, val and test drawings of black lines, 48 x 40 pixels."""
    root = tmp_path_factory.mktemp("drawings")
    rng = np.random.default_rng(0)
    for split, count in (("train", 12), ("val", 2), ("test", 3)):
        (root / split).mkdir()
        for number in range(count):
            page = np.full((48, 40), 255, np.uint8)
            for _ in range(3):
                begin, end = rng.integers(0, 40, (2, 2)).tolist()
                cv2.line(page, begin, end, 0, 2)
            cv2.imwrite(str(root / split / f"{number}.png"), page)
    return root


@pytest.fixture(scope="session")
def labelled(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pictures of colored shapes with maps of three classes by their brightness, of which a rim is unknown."""
    root = tmp_path_factory.mktemp("labelled")
    (root / "pictures").symlink_to(pictures, target_is_directory=True)
    for path in sorted(pictures.glob("*/*.png")):
        image = cv2.imread(str(path))
        assert image is not None
        labels = np.minimum(image.mean(2) // 86, 2).astype(np.uint8)
        labels[:2] = 255
        place = root / "labels" / path.relative_to(pictures)
        place.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place), labels)
    return root


@pytest.fixture
def drawn(drawings: Path, tmp_path: Path) -> list[str]:
    """Overrides of runs on these drawings that take a second."""
    return [
        "scale=smoke",
        "data=line_folder",
        f"data.path={drawings}",
        f"paths.runs={tmp_path / 'runs'}",
        f"paths.cache={tmp_path / 'cache'}",
        "optimizer=adam",
        "logger=csv",
        "metric=[mse,line_f,grey_gap]",
        "trainer.threads=1",
        "trainer.log_every=2",
        "validation.every=4",
    ]


@pytest.fixture
def unpaired(drawings: Path) -> list[str]:
    """Overrides that make both unpaired streams of these drawings."""
    streams = ("unpaired_source", "unpaired_target")
    return [
        word
        for name in streams
        for word in (f"data@streams.{name}.data=line_folder", f"streams.{name}.data.path={drawings}")
    ]


@pytest.fixture
def composed() -> Callable[..., DictConfig]:
    """Compose a root of the config tree with overrides."""
    return lambda overrides, root="train": compose_root(root, overrides)


@pytest.fixture(scope="session")
def processes() -> Iterator[WarmProcesses]:
    """Start `henkan` commands in fresh processes forked from a warm one."""
    with WarmProcesses(2) as warm:
        yield warm


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Any], None]:
    """Put another `main` in place of `henkan.verbs.train`'s; nothing heavy is imported, nothing trained."""
    monkeypatch.chdir(tmp_path)

    def put(main: Any) -> None:
        module = ModuleType("henkan.verbs.train")
        module.main = main  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "henkan.verbs.train", module)

    return put


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny_study"
    folder.mkdir()
    (folder / "study.yaml").write_text(STUDY)
    return folder


BASELINE = """
import torch
from torch import nn


class White(nn.Module):
    multiple = 1

    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"raw": torch.ones_like(image)}
"""


@pytest.fixture
def white(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with a generator that has no parameters."""
    here = tmp_path / "here"
    (here / "conf" / "generator").mkdir(parents=True)
    (here / "white_baseline.py").write_text(BASELINE)
    (here / "conf" / "generator" / "white.yaml").write_text("_target_: white_baseline.White\n")
    monkeypatch.chdir(here)
