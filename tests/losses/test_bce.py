"""Binary cross-entropy: torch's own values, in any precision, with a finite gradient everywhere."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from henkan.errors import UserError
from henkan.losses.bce import BCE


def test_is_torchs_per_picture() -> None:
    torch.manual_seed(0)
    input, target = torch.rand(3, 1, 4, 5) * 0.98 + 0.01, (torch.rand(3, 1, 4, 5) < 0.3).float()
    pixels = F.binary_cross_entropy(input, target, reduction="none")
    torch.testing.assert_close(BCE()(input, target), pixels.mean((1, 2, 3)))
    mask = torch.zeros(3, 1, 4, 5)
    mask[..., 1:3] = 1
    torch.testing.assert_close(BCE()(input, target, mask), pixels[..., 1:3].mean((1, 2, 3)))


def test_closed_form() -> None:
    target = torch.tensor([1.0, 0.0, 1.0, 0.0]).view(4, 1, 1, 1)
    value = BCE()(torch.tensor([0.5, 0.25, 0.0, 1.0]).view(4, 1, 1, 1), target)
    assert value.tolist() == pytest.approx([math.log(2), math.log(4 / 3), 6 * math.log(10), 6 * math.log(10)], rel=1e-2)


def test_the_gradient_is_that_of_the_logits() -> None:
    logits = torch.linspace(-12, 12, 9).view(1, 1, 3, 3).requires_grad_()
    target = torch.zeros(1, 1, 3, 3)
    BCE()(torch.sigmoid(logits), target).sum().backward()
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, torch.sigmoid(logits.detach()) / 9, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_who_is_surely_wrong_is_still_taught(target: float) -> None:
    wrong = torch.tensor([7.0, 8.0]) * (1 - 2 * target)
    x = wrong.view(2, 1, 1, 1).requires_grad_()
    BCE()((torch.tanh(x) + 1) / 2, torch.full((2, 1, 1, 1), target)).sum().backward()
    assert x.grad is not None and (x.grad.flatten() * wrong.sign() > 0.2).all()


def test_half_precision_is_raised_and_autocast_does_not_matter() -> None:
    input, target = torch.full((2, 1, 4, 4), 0.25, dtype=torch.bfloat16), torch.zeros(2, 1, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        value = BCE()(input, target)
    assert value.dtype == torch.float32 and value.tolist() == pytest.approx([math.log(4 / 3)] * 2)


def test_refuses_other_shapes() -> None:
    with pytest.raises(UserError, match="one shape"):
        BCE()(torch.rand(2, 1, 4, 4), torch.rand(2, 3, 4, 4))
