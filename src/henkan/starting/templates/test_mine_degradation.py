"""What the degradation mine_degradation makes of a picture, and that a generator learns to undo it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from henkan.errors import UserError
from henkan.trying.options import built, tried

FOLDER = Path(__file__).parents[1]


def test_a_gain_multiplies_and_is_clipped() -> None:
    degradation = built("degradation", "mine_degradation", FOLDER)
    target = torch.tensor([0.2, 0.8]).view(1, 1, 1, 2).expand(1, 3, 4, 2)
    made = degradation.apply({"target": target, "gain": torch.tensor([[2.0]])})
    torch.testing.assert_close(made["source"][0, 0, 0], torch.tensor([0.4, 1.0]))
    assert made["target"] is target


def test_the_same_draw_gives_the_same_and_lies_in_the_range() -> None:
    degradation = built("degradation", "mine_degradation", FOLDER)
    picture = np.zeros((8, 8, 3), np.uint8)
    gains = [degradation.draw(picture, np.random.default_rng(seed))["gain"].item() for seed in (0, 0, 1)]
    assert gains[0] == gains[1] != gains[2]
    assert all(0.25 <= gain <= 2.0 for gain in gains)


def test_a_range_that_falls_is_refused() -> None:
    degradation = type(built("degradation", "mine_degradation", FOLDER))
    with pytest.raises(UserError, match="must rise"):
        degradation(low=2.0, high=1.0)


def test_a_generator_learns_to_undo_it() -> None:
    tried("degradation", "mine_degradation", FOLDER)
