from __future__ import annotations

import pytest
import torch

from henkan.errors import UserError
from henkan.losses.total_variation import TotalVariation


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gives_one_full_precision_value_per_image(dtype: torch.dtype) -> None:
    value = TotalVariation()(torch.rand(2, 3, 4, 5).to(dtype), mask=torch.ones(2, 1, 4, 5))
    assert value.shape == (2,) and value.dtype == torch.float32 and (value > 0).all()


def test_closed_form() -> None:
    flat = torch.full((3, 4), 0.3)
    ramp = 0.1 * torch.arange(4.0).expand(3, 4)  # 9 horizontal pairs of 0.1, 8 vertical ones of 0
    stripes = (torch.arange(3.0) % 2)[:, None].expand(3, 4)  # 8 vertical pairs of 1, 9 horizontal ones of 0
    input = torch.stack([flat, ramp, stripes])[:, None].expand(3, 2, 3, 4)
    torch.testing.assert_close(TotalVariation()(input), torch.tensor([0, 0.9 / 17, 8 / 17]))


def test_a_pair_counts_if_both_pixels_do() -> None:
    input = torch.tensor([[0.0, 1.0, 1.5], [9.0, 9.0, 9.0]]).expand(1, 3, 2, 3)
    mask = torch.tensor([[0.0, 1.0, 1.0], [0.0, 0.0, 0.0]]).expand(1, 1, 2, 3)
    torch.testing.assert_close(TotalVariation()(input, mask), torch.tensor([0.5]))


@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (1, 3, 4, 4)])
def test_no_pair_gives_zero(shape: tuple[int, ...]) -> None:
    input = torch.rand(shape).requires_grad_()
    lonely = torch.zeros(1, 1, *shape[2:])
    lonely[..., 0, 0] = 1
    value = TotalVariation()(input, lonely)
    value.sum().backward()
    assert value == 0 and input.grad is not None and not input.grad.any()


def test_refuses_what_does_not_fit() -> None:
    input = torch.rand(2, 3, 4, 4)
    with pytest.raises(UserError, match="pictures"):
        TotalVariation()(input[0])
    for mask in (torch.ones(1, 1, 4, 4), torch.ones(2, 3, 4, 4), torch.ones(2, 1, 4, 1)):
        with pytest.raises(UserError, match="one channel"):
            TotalVariation()(input, mask)


def test_gradient() -> None:
    torch.manual_seed(0)
    input = torch.rand(2, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    mask = torch.zeros(2, 1, 3, 4, dtype=torch.float64)
    mask[..., :2] = 1
    assert torch.autograd.gradcheck(TotalVariation(), (input,))
    assert torch.autograd.gradcheck(lambda x: TotalVariation()(x, mask), (input,))
    TotalVariation()(input, mask).sum().backward()
    assert input.grad is not None and input.grad[..., :2].any() and not input.grad[..., 2:].any()
