"""Run folders of before are read: `config_b953adc.yaml` is the config that commit wrote, but for its paths."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from omegaconf import OmegaConf

from henkan.config.build import build
from henkan.launching.execute import execute
from henkan.training import checkpoint
from henkan.training.assemble import build_network

WRITTEN = Path(__file__).parent / "config_b953adc.yaml"


@pytest.fixture
def old(pictures: Path, tmp_path: Path) -> Path:
    """A run folder as that commit left it, with first weights."""
    folder = tmp_path / "runs" / "glcic-mse+adversarial+perceptual-seed0-b10b1e34e0"
    text = WRITTEN.read_text()
    for name, path in {"runs": folder.parent, "pictures": pictures, "cache": tmp_path / "cache"}.items():
        text = text.replace(f"{{{name}}}", str(path))
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.yaml").write_text(text)
    network = build_network(OmegaConf.to_container(OmegaConf.create(text)), "generator")  # type: ignore[arg-type]
    weights = {f"generator.{name}": value for name, value in network.state_dict().items()}
    checkpoint.save({"state_dict": weights, "iteration": 6}, folder / "checkpoints" / "last.ckpt")
    return folder


def test_an_old_run_can_be_scored_and_applied(old: Path, pictures: Path, tmp_path: Path) -> None:
    written = (old / "config.yaml").read_text()
    assert "henkan.features.Lite0" in written and "predictor" not in written
    assert execute("evaluate", [f"run={old}"]).code == 0
    assert set(json.loads((old / "evaluation.json").read_text())["means"]) == {"psnr", "psnr_hole"}
    hole = np.zeros((40, 48), np.uint8)
    hole[10:20, 10:20] = 255
    cv2.imwrite(str(tmp_path / "hole.png"), hole)
    photograph = pictures / "test" / "000.png"
    words = [f"run={old}", f"input={photograph}", f"mask={tmp_path / 'hole.png'}", f"output={tmp_path / 'out'}"]
    assert execute("predict", words).code == 0
    before, after = cv2.imread(str(photograph)), cv2.imread(str(tmp_path / "out" / "000.png"))
    assert before is not None and after is not None
    assert np.array_equal(before[hole == 0], after[hole == 0])
    assert not np.array_equal(before, after)
    assert (old / "config.yaml").read_text() == written


def test_what_an_old_config_names_is_there(old: Path) -> None:
    from henkan.config.history import up_to_date

    config = up_to_date(OmegaConf.load(old / "config.yaml"))  # type: ignore[arg-type]
    assert build(config.loss.perceptual.features).func.__name__ == "Lite0"
