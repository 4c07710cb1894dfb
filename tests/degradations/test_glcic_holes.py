"""GLCIC trains on every kind of hole: each brings the local discriminator's windows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from omegaconf import DictConfig

from henkan.verbs import train

Compose = Callable[..., DictConfig]

KINDS = {
    "rectangle": {"rectangle"},
    "rectangle_content": {"rectangle"},
    "free_form": {"strokes", "boxes"},
    "mask_folder": {"folder"},
    "drawn_mask": {"drawn"},
    "object_mask": {"object"},
}


@pytest.mark.parametrize("degradation", KINDS)
def test_glcic_trains_with_it(degradation: str, tiny: list[str], composed: Compose, tmp_path: Path) -> None:
    mask = np.zeros((40, 48), np.uint8)
    mask[10:20, 0:14] = 255
    (tmp_path / "masks").mkdir()
    cv2.imwrite(str(tmp_path / "masks" / "m.png"), mask)
    where = {"mask_folder": tmp_path / "masks", "drawn_mask": tmp_path / "masks" / "m.png"}
    place = [f"degradation.path={where[degradation]}"] if degradation in where else []
    train.main(composed([*tiny, f"degradation={degradation}", *place]))
    (folder,) = (path for path in (tmp_path / "runs").iterdir() if (path / "run.json").is_file())
    samples, scores = (pd.read_csv(folder / name) for name in ("samples.csv", "scores.csv"))
    assert set(samples["kind"]) <= KINDS[degradation]
    assert samples["area"].between(0, 1, inclusive="neither").all()
    assert scores["psnr_hole"].notna().all()
    curves = pd.read_csv(folder / "metrics.csv")
    joint = curves[curves["phase"] == "joint"].filter(like="adversarial")
    assert joint.size and np.isfinite(joint).all(axis=None)
    assert pd.read_csv(folder / "areas.csv")["pictures"].sum() == len(scores)
