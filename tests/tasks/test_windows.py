from __future__ import annotations

import pytest
import torch

from henkan.errors import UserError
from henkan.tasks.windows import cut_windows


def test_windows_equal_slices() -> None:
    images = torch.rand(3, 2, 20, 30)
    centers = torch.tensor([[10, 15], [5, 6], [14, 24]])
    windows = cut_windows(images, centers, 8)
    for image, (y, x), window in zip(images, centers.tolist(), windows, strict=True):
        assert torch.equal(window, image[:, y - 4 : y + 4, x - 4 : x + 4])


def test_a_window_at_the_border_is_moved_inside() -> None:
    images = torch.rand(2, 1, 10, 10)
    windows = cut_windows(images, torch.tensor([[0, 0], [9, 9]]), 4)
    assert torch.equal(windows[0], images[0, :, :4, :4])
    assert torch.equal(windows[1], images[1, :, 6:, 6:])


def test_gradient_reaches_exactly_the_window() -> None:
    images = torch.rand(1, 1, 8, 8, requires_grad=True)
    cut_windows(images, torch.tensor([[4, 4]]), 2).sum().backward()
    assert images.grad is not None
    expected = torch.zeros(1, 1, 8, 8)
    expected[..., 3:5, 3:5] = 1
    assert torch.equal(images.grad, expected)


def test_a_window_larger_than_the_picture_is_refused() -> None:
    with pytest.raises(UserError, match="12 pixels does not fit a picture of 10x20"):
        cut_windows(torch.rand(1, 3, 10, 20), torch.tensor([[5, 5]]), 12)
