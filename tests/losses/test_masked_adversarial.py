"""LaMa's objective: labels by patch."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import softplus

from henkan.errors import UserError
from henkan.losses.adversarial import NonSaturating
from henkan.losses.masked_adversarial import MaskedNonSaturating


def half() -> torch.Tensor:
    mask = torch.zeros(2, 1, 8, 8)
    mask[..., :4] = 1.0
    return mask


def test_closed_form() -> None:
    real, fake = torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 4, 4)
    found = MaskedNonSaturating().discriminator(real, fake, half())
    assert found.tolist() == pytest.approx([2 * math.log(2)] * 2)
    fake[..., :2], fake[..., 2:] = -3.0, 5.0
    expected = math.log(2) + 0.5 * (softplus(torch.tensor(-3.0)) + softplus(torch.tensor(-5.0)))
    assert MaskedNonSaturating().discriminator(real, fake, half()).tolist() == pytest.approx([float(expected)] * 2)


def test_a_full_mask_is_the_plain_objective() -> None:
    real, fake = torch.randn(2, 1, 5, 5), torch.randn(2, 1, 5, 5)
    masked, plain = MaskedNonSaturating(), NonSaturating()
    assert torch.allclose(masked.discriminator(real, fake, torch.ones(2, 1, 8, 8)), plain.discriminator(real, fake))
    assert torch.equal(masked.generator(fake), plain.generator(fake))


def test_known_patches_are_pulled_up_and_missing_ones_down() -> None:
    fake = torch.zeros(2, 1, 4, 4, requires_grad=True)
    MaskedNonSaturating().discriminator(torch.zeros(2, 1, 4, 4), fake, half()).sum().backward()
    assert fake.grad is not None
    assert (fake.grad[..., :2] > 0).all() and (fake.grad[..., 2:] < 0).all()


def test_one_logit_a_picture_cannot_be_labeled() -> None:
    with pytest.raises(UserError, match="discriminator=lama"):
        MaskedNonSaturating().discriminator(torch.zeros(2, 1), torch.zeros(2, 1), half())
    with pytest.raises(UserError, match="labeled by a mask"):
        MaskedNonSaturating().discriminator(torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 4, 4))
