from __future__ import annotations

import pytest
import torch

from henkan.errors import UserError
from henkan.losses.squared_variation import SquaredVariation


def test_closed_form() -> None:
    flat = torch.full((3, 4), 0.3)
    ramp = 0.1 * torch.arange(4.0).expand(3, 4)  # 9 horizontal pairs of 0.1
    stripes = (torch.arange(3.0) % 2)[:, None].expand(3, 4)  # 8 vertical pairs of 1
    input = torch.stack([flat, ramp, stripes])[:, None].expand(3, 2, 3, 4)
    torch.testing.assert_close(SquaredVariation()(input), torch.tensor([0.0, 0.5 * 2 * 0.09, 0.5 * 2 * 8]))


def test_its_gradient_is_what_is_published() -> None:
    """Strength times the differences to the neighbors on the right and below, on both of a pair."""
    input = torch.rand(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(SquaredVariation(), input)
    SquaredVariation()(input).sum().backward()
    x = input.detach()
    expected = torch.zeros_like(x)
    down, right = x[..., :-1, :] - x[..., 1:, :], x[..., :-1] - x[..., 1:]
    expected[..., :-1, :] += down
    expected[..., 1:, :] -= down
    expected[..., :-1] += right
    expected[..., 1:] -= right
    assert input.grad is not None
    torch.testing.assert_close(input.grad, expected)


def test_half_precision_and_refusal() -> None:
    assert SquaredVariation()(torch.rand(2, 3, 4, 4).bfloat16()).dtype == torch.float32
    with pytest.raises(UserError, match="needs pictures"):
        SquaredVariation()(torch.rand(3, 4, 4))
