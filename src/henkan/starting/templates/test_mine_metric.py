"""What the metric mine_metric is at pictures that are known, and that runs are scored by it."""

from __future__ import annotations

from pathlib import Path

import torch

from henkan.trying.options import built, tried

FOLDER = Path(__file__).parents[1]


def test_it_counts_the_pixels_that_are_off() -> None:
    metric = built("metric", "mine_metric", FOLDER)
    target, output = torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4)
    output[1, 0, :2, :2] = 0.5
    assert metric(output, target).tolist() == [0.0, 0.25]


def test_a_run_is_scored_by_it() -> None:
    tried("metric", "mine_metric", FOLDER)
