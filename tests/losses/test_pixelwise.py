"""The pixelwise terms MSE, L1, Charbonnier and Huber: the same tests for each."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from henkan.errors import UserError
from henkan.losses.charbonnier import Charbonnier
from henkan.losses.huber import Huber
from henkan.losses.l1 import L1
from henkan.losses.mse import MSE

TERMS = pytest.mark.parametrize("term", [MSE(), L1(), Charbonnier(), Huber()], ids=lambda term: type(term).__name__)


def pictures(*shape: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    """Return an input, a target that differs everywhere, and a mask that counts the left column."""
    torch.manual_seed(0)
    target = torch.rand(shape, dtype=dtype)
    mask = torch.zeros(shape[0], 1, *shape[2:], dtype=dtype)
    mask[..., 0] = 1
    return target + 0.1 + 0.1 * torch.rand(shape, dtype=dtype), target, mask


@TERMS
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.uint8])
def test_gives_one_full_precision_value_per_image(term: Any, dtype: torch.dtype) -> None:
    input, target, mask = (values.to(dtype) for values in pictures(2, 3, 4, 5))
    for value in (term(input, target), term(input, target, mask=mask)):
        assert value.shape == (2,) and value.dtype == torch.float32 and value.isfinite().all()


@pytest.mark.parametrize(
    ("term", "of_a_half", "of_zero"),
    [
        (MSE(), 0.25, 0.0),
        (L1(), 0.5, 0.0),
        (Charbonnier(eps=0.1), math.sqrt(0.26), 0.1),
        (Huber(delta=0.2), 0.4, 0.0),
        (Huber(delta=1.0), 0.125, 0.0),
    ],
)
def test_closed_form(term: Any, of_a_half: float, of_zero: float) -> None:
    target = torch.full((2, 3, 4, 4), 0.2)
    input = target.clone()
    input[1, :, 1, 2] += 0.5
    hole = torch.zeros(2, 1, 4, 4)
    hole[:, :, 1, 2:] = 1
    everywhere = (of_a_half + 15 * of_zero) / 16
    torch.testing.assert_close(term(input, target), torch.tensor([of_zero, everywhere]))
    # Two pixels count: the mean does not know how large the rest of the picture is.
    torch.testing.assert_close(term(input, target, hole), torch.tensor([of_zero, (of_a_half + of_zero) / 2]))


@TERMS
def test_nothing_counted_gives_zero_and_no_gradient(term: Any) -> None:
    input, target, mask = pictures(2, 3, 4, 4)
    mask[0] = 0
    value = term(input.requires_grad_(), target, mask)
    value.sum().backward()
    assert value[0] == 0 and value[1] > 0
    assert input.grad is not None and not input.grad[0].any() and input.grad[1].isfinite().all()


@TERMS
def test_refuses_to_broadcast(term: Any) -> None:
    input, target, mask = pictures(2, 3, 4, 4)
    for other in (target[:1], target[:, :1], target[..., :1], target[0]):
        with pytest.raises(UserError, match="one shape"):
            term(input, other)
    for other in (mask[:1], mask[..., :1], mask[:, 0], mask.expand_as(input)):
        with pytest.raises(UserError, match="one channel"):
            term(input, target, other)


@TERMS
def test_gradient(term: Any) -> None:
    input, target, mask = pictures(2, 3, 3, 2, dtype=torch.float64)
    input.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: term(x, target, mask), input)
    term(input, target, mask).sum().backward()
    assert input.grad is not None
    assert (input.grad[..., 0] != 0).all() and (input.grad[..., 1] == 0).all()


@TERMS
def test_gradient_of_equal_pictures_is_zero(term: Any) -> None:
    _, target, _ = pictures(1, 3, 2, 2)
    input = target.clone().requires_grad_()
    term(input, target).sum().backward()
    assert input.grad is not None and not input.grad.any()


@pytest.mark.parametrize("eps", [0.0, -1.0, math.nan])
def test_charbonnier_needs_a_positive_eps(eps: float) -> None:
    with pytest.raises(UserError, match="eps"):
        Charbonnier(eps)


@pytest.mark.parametrize("delta", [0.0, -1.0, math.nan])
def test_huber_needs_a_positive_delta(delta: float) -> None:
    with pytest.raises(UserError, match="delta"):
        Huber(delta)
