"""MATLAB's bicubic: its kernel written down once more, and what any resampling must hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from henkan.errors import UserError
from henkan.networks.resampling import enlarged, mirrored, reduced


def keys(x: float) -> float:
    """Keys' cubic kernel with a = -0.5."""
    x = abs(x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def imresize(line: np.ndarray, size: int) -> np.ndarray:
    """A line of pixels at another size as MATLAB's documentation of imresize describes it, pixel by pixel."""
    factor = size / len(line)
    width = min(factor, 1.0)
    result = []
    for place in range(size):
        center = (place + 0.5) / factor - 0.5
        reach = math.ceil(2 / width) + 1
        taps = range(math.floor(center) - reach, math.ceil(center) + reach + 1)
        weights = np.array([width * keys(width * (center - tap)) for tap in taps])
        turned = [tap % (2 * len(line)) for tap in taps]
        inside = [tap if tap < len(line) else 2 * len(line) - 1 - tap for tap in turned]
        result.append(float((weights * line[inside]).sum() / weights.sum()))
    return np.array(result)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_it_is_matlabs_kernel_up_to_the_edge(scale: int) -> None:
    line = np.random.default_rng(scale).random(12 * scale)
    image = torch.from_numpy(line).float().expand(1, 1, 4 * scale, -1)
    small = reduced(image, scale)
    assert small.shape == (1, 1, 4, 12)
    np.testing.assert_allclose(small[0, 0, 0].numpy(), imresize(line, 12), atol=1e-5)
    large = enlarged(image, scale)
    assert large.shape == (1, 1, 4 * scale**2, 12 * scale**2)
    np.testing.assert_allclose(large[0, 0, 0].numpy(), imresize(line, 12 * scale**2), atol=1e-5)


def test_a_flat_picture_stays_and_both_axes_are_alike() -> None:
    flat = torch.full((1, 3, 24, 32), 0.3)
    torch.testing.assert_close(enlarged(reduced(flat, 4), 4), flat)
    image = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(reduced(image.mT, 2).mT, reduced(image, 2))
    assert reduced(image, 1) is image and enlarged(image, 1) is image


def test_mirrored_over_and_over() -> None:
    x = torch.rand(1, 2, 2, 5)
    expected = np.pad(x.numpy(), ((0, 0), (0, 0), (3, 3), (3, 3)), mode="symmetric")
    assert np.array_equal(mirrored(x, 3).numpy(), expected)
    image = torch.arange(3.0).expand(1, 1, 3, 3)
    assert mirrored(image, 5)[0, 0, 0].tolist() == [1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1]


def test_sides_that_do_not_divide_are_refused() -> None:
    with pytest.raises(UserError, match="30x24 pixels cannot be made 4 times smaller"):
        reduced(torch.zeros(1, 3, 24, 30), 4)


def test_the_gradient_of_the_sum_is_that_of_the_mean_kernel() -> None:
    image = torch.rand(1, 1, 8, 8, requires_grad=True)
    reduced(image, 4).sum().backward()
    assert image.grad is not None and image.grad.sum().item() == pytest.approx(4.0, abs=1e-5)
