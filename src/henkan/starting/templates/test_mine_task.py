"""What the task mine_task makes of an answer, and that a generator and a discriminator learn it."""

from __future__ import annotations

from pathlib import Path

import torch

from henkan.trying.options import built, tried

FOLDER = Path(__file__).parents[1]


def test_the_answer_is_clipped_to_a_picture() -> None:
    task = built("task", "mine_task", FOLDER)
    sample = {"source": torch.full((1, 3, 4, 4), 0.5), "target": torch.ones(1, 3, 4, 4)}
    raw = torch.full((1, 3, 4, 4), 1.5)
    composed = task.compose(raw, sample)
    assert composed["output"].max() == 1.0 and composed["prediction"] is raw
    assert list(task.condition(sample)) == ["image"]


def test_networks_learn_it() -> None:
    tried("task", "mine_task", FOLDER)
