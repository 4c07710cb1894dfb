"""What the loss mine_loss is at pictures that are known, and that a generator learns by it."""

from __future__ import annotations

from pathlib import Path

import torch

from henkan.trying.options import built, tried

FOLDER = Path(__file__).parents[1]


def test_equal_pictures_cost_nothing_and_a_step_costs_its_height() -> None:
    loss = built("loss", "mine_loss", FOLDER)
    flat, step = torch.zeros(2, 3, 4, 5), torch.zeros(2, 3, 4, 5)
    step[1, :, :, 3:] = 0.5
    # One of the four differences across is 0.5.
    torch.testing.assert_close(loss(step, flat), torch.tensor([0.0, 0.125]))


def test_a_generator_learns_by_it() -> None:
    tried("loss", "mine_loss", FOLDER)
