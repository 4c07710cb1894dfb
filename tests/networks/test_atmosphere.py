"""Dark channels, guided filters and where the airlight is looked up."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import minimum_filter, uniform_filter

from henkan.color import luma
from henkan.networks.atmosphere import darkest, lookup, refined


@pytest.mark.parametrize("side", [1, 3, 15])
def test_the_dark_channel_is_the_least_around_and_treats_all_edges_alike(side: int) -> None:
    image = torch.rand(2, 3, 20, 26, generator=torch.Generator().manual_seed(0))
    found = darkest(image, side)
    # Of neighbors outside the picture scipy repeats the nearest, which are no darker than those inside.
    expected = [minimum_filter(one.numpy().min(0), side, mode="nearest") for one in image]
    assert np.array_equal(found[:, 0].numpy(), np.stack(expected))
    for axis in (2, 3):
        assert torch.equal(darkest(image.flip(axis), side), found.flip(axis))


def test_the_guided_filter_is_the_formula() -> None:
    generator = torch.Generator().manual_seed(0)
    image, t = torch.rand(1, 3, 18, 22, generator=generator), torch.rand(1, 1, 18, 22, generator=generator)
    guide, values = (one[0, 0].double().numpy() for one in (luma(image), t))

    def mean(of: np.ndarray) -> np.ndarray:
        return np.asarray(uniform_filter(of, 7, mode="nearest"))

    a = (mean(guide * values) - mean(guide) * mean(values)) / (mean(guide**2) - mean(guide) ** 2 + 1e-3)
    b = mean(values) - a * mean(guide)
    found = refined(t, image, 3, 1e-3)[0, 0].numpy()
    assert np.abs(found - (mean(a) * guide + mean(b))).max() < 1e-4


def test_windows_may_be_larger_than_the_picture() -> None:
    image = torch.rand(1, 3, 8, 5)
    found = refined(torch.full((1, 1, 8, 5), 0.3), image, 50, 1e-3)
    torch.testing.assert_close(found, torch.full((1, 1, 8, 5), 0.3), atol=1e-5, rtol=0)


def test_the_airlight_is_looked_up_where_the_score_is_highest() -> None:
    image, score = torch.zeros(1, 3, 10, 10), torch.zeros(1, 1, 10, 10)
    image[..., 9, 9] = 1.0
    image[0, :, 0, 0], image[0, :, 0, 1] = torch.tensor([0.9, 0.2, 0.1]), torch.tensor([0.1, 0.8, 0.1])
    score[..., 0, :2] = 1.0
    # Green is lighter than red, and what is brightest of all is not among the two.
    assert lookup(image, score, 0.02, brightest=True).flatten().tolist() == pytest.approx([0.1, 0.8, 0.1])
    assert lookup(image, score, 0.02, brightest=False).flatten().tolist() == pytest.approx([0.5, 0.5, 0.1])
    assert lookup(image, score, 0.0001, brightest=False).shape == (1, 3, 1, 1)
