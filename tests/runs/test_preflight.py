"""What would end a run after its last iteration is known before the first: one line, exit code 2, nothing trained."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from omegaconf import DictConfig

from henkan.launching.execute import execute
from henkan.runs import preflight
from henkan.runs.plan import plan_run
from henkan.runs.preflight import check_pictures

Compose = Callable[..., DictConfig]


@pytest.fixture
def folder(pictures: Path, tmp_path: Path) -> Path:
    return shutil.copytree(pictures, tmp_path / "own")


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])


def refused(words: list[str], capfd: pytest.CaptureFixture[str]) -> str:
    """Return the last line that a command of `train` says that ends with 2, before any run was begun."""
    capfd.readouterr()
    assert execute("train", words).code == 2
    runs = next(Path(word.partition("=")[2]) for word in words if word.startswith("paths.runs="))
    assert not list(runs.glob("*/run.json"))
    *_, line = capfd.readouterr().err.splitlines()
    return line


def test_a_missing_test_split(tiny: list[str], folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(folder / "test")
    words = [*tiny, f"data.path={folder}", "statistics.mean=[0.5,0.5,0.5]"]
    line = refused(words, capfd)
    assert f"{folder}: the split test, which is scored after training, is empty" in line
    assert "evaluation.split=null" in line
    shutil.rmtree(folder / "val")
    assert "the split val is empty" in refused([*words, "evaluation.split=null"], capfd)


def test_without_a_test_split_nothing_is_asked_where_none_is_scored(
    tiny: list[str], folder: Path, composed: Compose
) -> None:
    shutil.rmtree(folder / "test")
    check_pictures(plan_run(composed([*tiny, f"data.path={folder}", "evaluation.split=null"])))


@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.parametrize("skip", ["false", "true"])
def test_an_unreadable_picture_that_is_scored(
    tiny: list[str], folder: Path, capfd: pytest.CaptureFixture[str], split: str, skip: str
) -> None:
    words = [*tiny, f"data.path={folder}", "statistics.mean=[0.5,0.5,0.5]", f"data.skip_broken={skip}"]
    truncate(folder / split / "001.png")
    assert f"{split}/001.png cannot be decoded" in (line := refused(words, capfd)) and f"({'it is scored'}" in line
    truncate(folder / split / "003.png")
    line = refused(words, capfd)
    assert f"{split}/001.png cannot be decoded" in line and f"(and 1 more of {split}; henkan data" in line


def test_masks_without_partners(tiny: list[str], folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    masks = folder.parent / "masks"
    mask = np.zeros((40, 48), np.uint8)
    mask[10:20, 10:20] = 255
    for path in sorted((folder / "test").glob("*.png"))[:-2]:
        (masks / "test").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(masks / "test" / path.name), mask)
    words = [*tiny, f"data.path={folder}", "degradation@evaluation.degradation=mask_folder_named"]
    words += [f"evaluation.degradation.path={masks}", "statistics.mean=[0.5,0.5,0.5]"]
    line = refused(words, capfd)
    assert "2 of 6 pictures have no mask, the first is test/004.png" in line
    for name in ("004.png", "005.png"):
        cv2.imwrite(str(masks / "test" / name), mask[:20])
    assert "its mask is 48x20 pixels, the picture 48x40: make them equal (and 1 more of test" in refused(words, capfd)


def test_what_was_readable_is_not_read_again(
    tiny: list[str], folder: Path, composed: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_run(composed([*tiny, f"data.path={folder}"]))
    check_pictures(plan)
    monkeypatch.delattr(preflight, "unreadable")
    check_pictures(plan)
    with pytest.raises(NameError):
        check_pictures(plan_run(composed([*tiny, f"data.path={folder}", "evaluation.seed=1"])))


def test_broken_training_pictures_are_passed_over_and_recorded(
    tiny: list[str], folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for number in range(6):
        truncate(folder / "train" / f"{number:03d}.png")
    words = [*tiny, f"data.path={folder}", "data.skip_broken=true", "trainer.workers=1"]
    assert execute("train", words).code == 0
    said = capfd.readouterr().err
    assert f"henkan: {folder}: 24 train, 4 val, 6 test, by the folders test, train, val" in said
    (record,) = (tmp_path / "runs").glob("*/run.json")
    warnings = [line for line in json.loads(record.read_text())["warnings"] if "takes the place" in line]
    assert 1 <= len(warnings) == len(set(warnings)) <= 6
    assert all("/train/00" in line and f"henkan: {line}" in said for line in warnings)
