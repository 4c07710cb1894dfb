"""The U-Net that is shown residuals: they vanish on what is smooth, and say where it is not."""

from __future__ import annotations

import pytest
import torch

from henkan.errors import UserError
from henkan.generators.high_pass import HighPassUNet

SMALL = {"side": 16, "width": 0.0625, "normalization": None}


def test_answers_a_map_and_everything_learns() -> None:
    network = HighPassUNet(**SMALL)  # type: ignore[arg-type]
    raw = network(torch.rand(2, 3, 16, 32))["raw"]
    assert raw.shape == (2, 1, 16, 32) and raw.min() >= 0 and raw.max() <= 1
    raw.mean().backward()
    assert all(weight.grad is not None for weight in network.parameters())
    # Fixed filters are no weights.
    assert "filters" not in network.state_dict()


def test_residuals_of_what_is_smooth_are_none() -> None:
    network = HighPassUNet(**SMALL)  # type: ignore[arg-type]
    steps = torch.arange(16.0) / 255
    slope = (steps[:, None] * 2 + steps[None] * 3).expand(1, 3, 16, 16)
    inside = network.residuals(slope)[..., 2:-2, 2:-2]
    torch.testing.assert_close(inside, torch.full_like(inside, 0.5), atol=1e-4, rtol=0)


def test_residuals_of_a_point_are_the_filters() -> None:
    network = HighPassUNet(limit=24.0, **SMALL)  # type: ignore[arg-type]
    image = torch.zeros(1, 3, 16, 16)
    image[0, 1, 8, 8] = 12 / 255
    found = (network.residuals(image) - 0.5) * 48
    assert found.shape == (1, 9, 16, 16) and not found[0, :3].abs().gt(1e-4).any()
    # Green's: a line of (1, -2, 1) / 2, a square of -4 / 4 in its middle, and the larger one of -12 / 12.
    torch.testing.assert_close(found[0, 3, 8, 7:10], torch.tensor([6.0, -12.0, 6.0]), atol=1e-3, rtol=0)
    torch.testing.assert_close(found[0, 4, 7:10, 8], torch.tensor([6.0, -12.0, 6.0]), atol=1e-3, rtol=0)
    torch.testing.assert_close(found[0, 5, 6, 6:11], torch.tensor([-1.0, 2.0, -2.0, 2.0, -1.0]), atol=1e-3, rtol=0)
    torch.testing.assert_close(found[0, 3:6].sum((1, 2)), torch.zeros(3), atol=1e-2, rtol=0)
    # And cut where they are large.
    assert network.residuals(image * 100).min() == 0


def test_refuses_other_channels_and_a_limit_of_none() -> None:
    with pytest.raises(UserError, match=r"given 1: set generator\.in_channels=1"):
        HighPassUNet(**SMALL)(torch.rand(1, 1, 16, 16))  # type: ignore[arg-type]
    with pytest.raises(UserError, match="limit=0"):
        HighPassUNet(limit=0.0)
