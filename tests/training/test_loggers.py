"""What a run shows: nothing, or pictures in files; every logger of the config is one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import yaml
from hydra.utils import get_object
from logged_run import LoggedRun, panels, rows
from PIL import Image

from henkan.config.build import build
from henkan.config.trees import config_folder
from henkan.training.loggers import Files, RunLogger, Silent
from henkan.training.loggers.lightning import told
from henkan.training.loggers.logger import group_of, kind_of


@pytest.mark.parametrize("name", sorted(path.stem for path in (config_folder() / "logger").glob("*.yaml")))
def test_every_logger_of_the_config_is_built(name: str) -> None:
    node = yaml.safe_load((config_folder() / "logger" / f"{name}.yaml").read_text())
    if name in ("mlflow", "tensorboard", "trackio"):
        pytest.importorskip(name, reason=f"needs the package {name}: pip install 'henkan[{name}]'")
    assert isinstance(build(node), RunLogger)
    assert get_object(node["_target_"]).__module__.startswith("henkan.training.loggers.")


def test_silent_writes_nothing(run: LoggedRun) -> None:
    record, config, folder = run
    logger = Silent()
    logger.start(folder, record, config, [])
    logger.log(rows(1, 1)[0])
    logger.images("validation", panels(), 1)
    logger.table("test", ["file"], [["a.png"]])
    logger.finish("done", {})
    assert list(folder.iterdir()) == []


def test_files_writes_a_grid_for_each_validation(run: LoggedRun) -> None:
    record, config, folder = run
    logger = Files()
    logger.start(folder, record, config, [])
    logger.images("validation", panels(), 500)
    logger.images("validation", [], 600)
    (path,) = (folder / "panels").iterdir()
    assert path.name == "validation_0000500.png"
    import cv2

    picture = cv2.imread(str(path))
    # Three examples below each other, two panels beside each other, two pixels between.
    assert picture.shape == (2 + 3 * 10, 2 + 2 * 10, 3)
    assert picture[5, 5].max() == 0 and picture[5, 15].min() == 255


def test_runs_of_a_sweep_are_grouped_by_it(run: LoggedRun) -> None:
    record, config, _ = run
    alone = {**config, "study": None, "variant": None, "swept": "adversarial_0.01"}
    assert (group_of({**record, "sweep": "2026-11-26_10-00-00"}, alone), kind_of(alone)) == (
        "2026-11-26_10-00-00", "adversarial_0.01"
    )  # fmt: skip
    assert (group_of(record, alone), kind_of({**alone, "swept": None})) == (None, "train")


def test_pictures_of_many_sizes_are_one_grid(run: LoggedRun) -> None:
    record, config, folder = run
    logger = Files()
    logger.start(folder, record, config, [])
    logger.images("validation", [{"output": torch.zeros(3, 4, 6)}, {"output": torch.zeros(3, 8, 2)}], 1)
    (path,) = (folder / "panels").iterdir()
    with Image.open(path) as picture:
        shown = np.asarray(picture)
    assert shown.shape == (2 * 10 + 2, 6 + 4, 3)
    assert shown[3, 3].max() == 0 and shown[8, 3].min() == 255 and shown[13, 3].max() == 0 and shown[13, 6].min() == 255


def test_a_run_that_trains_nothing_has_tags_too(run: LoggedRun) -> None:
    record, config, folder = run
    found = told(record, {**config, "schedule": {}, "recipe": None}, folder)
    assert "phases" not in found and found["task"] == told(record, config, folder)["task"]
    assert told(record, config, folder)["phases"] == ">".join(config["schedule"])
