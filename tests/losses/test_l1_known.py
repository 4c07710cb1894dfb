from __future__ import annotations

import pytest
import torch

from henkan.errors import UserError
from henkan.losses.l1_known import L1Known


def test_only_known_pixels_count_and_only_they_get_a_gradient() -> None:
    mask = torch.zeros(1, 1, 4, 4)
    mask[..., :1] = 1  # a quarter is missing
    input = torch.full((1, 3, 4, 4), 0.5, requires_grad=True)
    value = L1Known()(input, torch.zeros(1, 3, 4, 4), mask)
    assert value.tolist() == [0.375]
    value.sum().backward()
    assert input.grad is not None
    assert torch.equal(input.grad, (1 - mask).expand(1, 3, 4, 4) / 48)


def test_a_mask_that_does_not_fit_is_refused() -> None:
    with pytest.raises(UserError, match="mask"):
        L1Known()(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4), torch.zeros(1, 1, 2, 2))
