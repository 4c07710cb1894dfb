"""The discriminator that sees through a frozen network."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from henkan.discriminators.projected import ProjectedDiscriminator
from henkan.errors import UserError
from henkan.pretrained.features import Lite0

LAYERS = ("stage1", "stage2", "stage3")
COUNTS = (16, 24, 40)


def built(**settings: object) -> ProjectedDiscriminator:
    torch.manual_seed(0)
    return ProjectedDiscriminator(partial(Lite0), LAYERS, **{"channels": 8, **settings})  # type: ignore[arg-type]


def test_a_logit_a_layer_and_place_the_coarse_ones_repeated() -> None:
    logits, maps = built()(torch.rand(2, 3, 32, 48))
    assert logits.shape == (2, 3, 16, 24)
    assert [tuple(one.shape[1:]) for one in maps] == [(8, 16, 24)] * 2 + [(8, 8, 12)] * 2 + [(8, 4, 6)] * 2
    for layer, times in ((1, 2), (2, 4)):
        coarse = logits[:, layer, ::times, ::times]
        repeated = coarse.repeat_interleave(times, 1).repeat_interleave(times, 2)
        torch.testing.assert_close(logits[:, layer], repeated, rtol=0, atol=0)


def test_only_the_heads_are_trained_and_saved() -> None:
    network = built(spectral_norm=False)
    heads = sum((count * 8 + 8) + (8 * 8 * 9 + 8) + (8 + 1) for count in COUNTS)
    assert sum(parameter.numel() for parameter in network.parameters()) == heads
    assert sum(value.numel() for value in network.state_dict().values()) == heads


def test_a_head_that_adds_up_says_what_the_features_are() -> None:
    network, pictures = built(spectral_norm=False), torch.rand(1, 3, 32, 32)
    for mixed, around, last in zip(network.maps[::2], network.maps[1::2], network.last, strict=True):
        for layer in (mixed[0], around[0], last):
            torch.nn.init.zeros_(layer.weight)
            torch.nn.init.zeros_(layer.bias)
        # The first map, far above zero, so that no slope of a leaky ReLU comes in.
        mixed[0].weight.data[0, 0] = 1.0
        mixed[0].bias.data[0] = 1000.0
        around[0].weight.data[0, 0, 1, 1] = 1.0
        last.weight.data[0, 0] = 1.0
        last.bias.data[0] = -1000.0
    logits, _ = network(pictures)
    features = Lite0(LAYERS)(pictures)
    torch.testing.assert_close(logits[:, 0], features["stage1"][:, 0], rtol=0, atol=1e-3)
    torch.testing.assert_close(logits[:, 2, ::4, ::4], features["stage3"][:, 0], rtol=0, atol=1e-3)


def test_a_gradient_reaches_the_picture_and_not_the_frozen_network() -> None:
    network, pictures = built(), torch.rand(1, 3, 32, 32, requires_grad=True)
    logits, _ = network(pictures)
    logits.sum().backward()
    assert pictures.grad is not None and pictures.grad.abs().sum() > 0
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_what_it_refuses() -> None:
    with pytest.raises(UserError, match="three channels, RGB, not 4"):
        built(in_channels=4)
    with pytest.raises(UserError, match="pictures of 8 pixels a side at least, not 32x6"):
        built()(torch.rand(1, 3, 6, 32))
    with pytest.raises(UserError, match=r"discriminator\.layers: pooled is a vector, not a map"):
        ProjectedDiscriminator(Lite0, ["stage1", "pooled"])
