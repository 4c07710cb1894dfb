"""How networks enlarge, and the block that they are made of."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from henkan.errors import UserError
from henkan.networks.resampling import enlarged
from henkan.networks.unnormalized import PlainBlock, initialize_small
from henkan.networks.upsampling import enlarging, interpolated, steps


@pytest.mark.parametrize(("scale", "layers"), [(2, 1), (3, 1), (4, 2), (8, 3)])
def test_it_enlarges_by_the_scale(scale: int, layers: int) -> None:
    up = enlarging(4, scale, nn.PReLU)
    assert up(torch.rand(2, 4, 3, 5)).shape == (2, 4, 3 * scale, 5 * scale)
    assert sum(isinstance(layer, nn.Conv2d) for layer in up) == layers
    # Each step has an activation of its own.
    assert len({id(layer) for layer in up if isinstance(layer, nn.PReLU)}) == layers
    assert not any(isinstance(layer, nn.PReLU) for layer in enlarging(4, scale))


def test_other_scales_are_refused() -> None:
    with pytest.raises(UserError, match=r"degradation\.scale=5: this network enlarges by 2, 3, 4, 8"):
        steps(5)


def test_a_plain_interpolation() -> None:
    image = torch.arange(8.0).view(1, 1, 2, 4)
    assert torch.equal(interpolated(image, 2, "bicubic"), enlarged(image, 2))
    assert interpolated(image, 2, "bilinear")[0, 0, 0, :4].tolist() == [0.0, 0.25, 0.75, 1.25]


def test_a_block_adds_its_share() -> None:
    torch.manual_seed(0)
    block, x = PlainBlock(8, 0.1), torch.randn(2, 8, 5, 7)
    given = x.clone()
    torch.testing.assert_close(block(x), x + 0.1 * block.layers(x))
    assert torch.equal(x, given)


def test_a_tenth_of_he() -> None:
    torch.manual_seed(0)
    block = PlainBlock(64)
    initialize_small(block)
    first = block.layers[0]
    assert isinstance(first, nn.Conv2d) and first.bias is not None
    assert first.weight.std().item() == pytest.approx(0.1 * (2 / 576) ** 0.5, rel=0.02)
    assert first.bias.abs().max().item() == 0
