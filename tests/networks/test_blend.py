"""Between two networks, by weights and by pictures."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from henkan.errors import UserError
from henkan.networks.blend import PictureBlend, blended


class Times(nn.Module):
    scale = 2

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))
        self.register_buffer("count", torch.tensor(3))

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return {"raw": image * self.factor}


def test_weights_lie_between() -> None:
    first, second = Times(1.0).state_dict(), Times(3.0).state_dict()
    assert blended(first, second, 0.8)["factor"].item() == pytest.approx(0.8 * 1 + 0.2 * 3)
    assert blended(first, second, 1.0)["factor"].item() == 1.0 and blended(first, second, 0.0)["factor"].item() == 3.0
    assert blended(first, second, 0.5)["count"].item() == 3


def test_pictures_lie_between_and_the_blend_is_asked_what_the_first_is() -> None:
    image = torch.rand(1, 3, 4, 4)
    blend = PictureBlend(Times(1.0), Times(3.0), 0.75)
    torch.testing.assert_close(blend(image)["raw"], image * 1.5)
    assert blend.scale == 2 and not hasattr(blend, "multiple")


def test_what_cannot_be_blended() -> None:
    with pytest.raises(UserError, match=r"blend=1.5"):
        PictureBlend(Times(1.0), Times(2.0), 1.5)
    with pytest.raises(UserError, match="different networks.*weight"):
        blended(nn.Linear(2, 2).state_dict(), nn.Linear(3, 3).state_dict(), 0.5)
