from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import torch
from omegaconf import DictConfig

from henkan.runs.plan import plan_run
from henkan.training.assemble import build_translator
from henkan.verbs import preview


def test_it_shows_what_the_networks_are_shown(
    tiny: list[str], composed: Callable[..., DictConfig], tmp_path: Path
) -> None:
    path = tmp_path / "shown" / "preview.png"
    cfg = composed([*tiny, f"output={path}", "samples=3"], "preview")
    preview.main(cfg)
    image = cv2.imread(str(path))
    assert image is not None
    assert image.std() > 10

    plan = plan_run(cfg)
    translator = build_translator(plan)
    columns = preview.pictures(plan, translator, 3, 0)
    assert list(columns) == [
        "target", "source", "for G: mask", "output",
        "D, real: image", "D, real: window", "D, fake: image", "D, fake: window",
    ]  # fmt: skip
    assert torch.equal(columns["D, real: image"], columns["target"])
    assert columns["D, fake: window"].shape == (3, 3, 16, 16)
