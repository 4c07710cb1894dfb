"""The whole picture's colors, told or not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from henkan.color import BINS
from henkan.data.stream import collate
from henkan.degradations.global_colors import GlobalColors
from henkan.errors import UserError
from henkan.sample import to_float


def made(chance: float) -> dict[str, torch.Tensor]:
    red = np.full((8, 8, 3), (255, 0, 0), np.uint8)
    red[:, :2] = 128
    degradation = GlobalColors(chance)
    items = [{"target": red.transpose(2, 0, 1), **degradation.draw(red, np.random.default_rng(k))} for k in range(64)]
    return degradation.apply(to_float(collate(items)))


def test_shares_and_saturation_are_told() -> None:
    sample = made(1.0)
    histogram, saturation = sample["ab_histogram"][0].flatten(), sample["saturation"][0].flatten()
    assert sample["ab_histogram"].shape == (64, BINS**2 + 1, 1, 1)
    # A quarter is neutral; red has a = 80, b = 67.
    assert histogram[264] == 0.25 and histogram[19 * BINS + 18] == 0.75 and histogram[-1] == 1
    assert histogram[:-1].sum() == 1 and saturation.tolist() == [0.75, 1.0]
    assert "tells" not in sample and sample["source"].shape == (64, 1, 8, 8)


def test_what_is_not_told_is_zero() -> None:
    sample = made(0.0)
    assert not sample["ab_histogram"].any() and not sample["saturation"].any()


def test_each_is_told_by_itself() -> None:
    sample = made(0.5)
    told = torch.stack([sample[name][:, -1, 0, 0] for name in ("ab_histogram", "saturation")])
    assert 0.3 < told.mean() < 0.7 and (told[0] != told[1]).any()


def test_a_chance_out_of_range() -> None:
    with pytest.raises(UserError, match=r"chance=1\.5"):
        GlobalColors(1.5)
