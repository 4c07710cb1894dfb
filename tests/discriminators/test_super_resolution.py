"""The discriminators of SRGAN, ESRGAN and Real-ESRGAN."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from henkan.discriminators.srgan import SRGANDiscriminator
from henkan.discriminators.unet_sn import UNetDiscriminator
from henkan.discriminators.vgg_style import VGGStyleDiscriminator
from henkan.errors import UserError
from henkan.sample import named_arguments

WHOLE = (SRGANDiscriminator, VGGStyleDiscriminator)


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def tiny(kind: type[nn.Module], **settings: object) -> nn.Module:
    torch.manual_seed(0)
    return kind(**{"width": 0.125, **settings})


@pytest.mark.parametrize(
    ("build", "expected", "side", "smallest"),
    [
        (SRGANDiscriminator, 23_565_505, 96, (512, 6, 6)),
        (VGGStyleDiscriminator, 14_499_401, 128, (512, 4, 4)),
        (UNetDiscriminator, 4_376_897, 256, (512, 32, 32)),
    ],
)
def test_parameters_and_maps_are_the_published_ones(
    build: Callable[[], nn.Module], expected: int, side: int, smallest: tuple[int, int, int]
) -> None:
    with torch.device("meta"):
        network = build()
        logits, maps = network(torch.zeros(2, 3, side, side))
    assert parameters(network) == expected
    assert min((tuple(one.shape[1:]) for one in maps), key=lambda shape: shape[-1]) == smallest
    assert logits.shape == ((2, 1, side, side) if build is UNetDiscriminator else (2, 1))
    assert list(named_arguments(network.forward)) == ["image"]


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("side", [32, 48, 50])
def test_a_picture_of_any_side_that_it_was_built_for(kind: type[nn.Module], side: int) -> None:
    network = tiny(kind, side=side)
    logits, maps = network(torch.rand(3, 3, side, side))
    assert logits.shape == (3, 1) and 3 <= maps[-1].shape[-1] <= 8
    with pytest.raises(UserError, match=rf"built for {side}x{side} pixels and is given 24x24"):
        network(torch.rand(3, 3, 24, 24))


@pytest.mark.parametrize("kind", WHOLE)
def test_all_convolutions_but_the_first_are_normalized(kind: type[nn.Module]) -> None:
    has = [any(isinstance(layer, nn.BatchNorm2d) for layer in block) for block in tiny(kind, side=32).maps]
    assert has == [False] + [True] * (len(has) - 1)
    plain = tiny(kind, side=32, normalization=None, spectral_norm=True)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in plain.modules())
    assert all(is_parametrized(layer) for layer in plain.modules() if isinstance(layer, nn.Conv2d | nn.Linear))


def test_what_each_is_shown() -> None:
    seen: list[torch.Tensor] = []
    for kind in WHOLE:
        network = tiny(kind, side=32)
        network.maps[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        network(torch.full((2, 3, 32, 32), 0.75))
    assert [float(one[0, 0, 0, 0]) for one in seen] == [0.5, 0.75]


def test_a_depth_that_leaves_nothing() -> None:
    with pytest.raises(UserError, match=r"discriminator\.depth=4 leaves nothing of 8 pixels"):
        tiny(VGGStyleDiscriminator, side=8, depth=4)
    with pytest.raises(UserError, match="8 pixels a side at least, not 7x12"):
        tiny(UNetDiscriminator)(torch.rand(1, 3, 12, 7))


def test_the_u_net_has_one_logit_a_pixel_and_adds_what_it_saw_before() -> None:
    network = tiny(UNetDiscriminator, width=0.05, spectral_norm=False)
    image = torch.rand(2, 3, 20, 26)
    logits, maps = network(image)
    assert logits.shape == (2, 1, 20, 26)
    assert [tuple(one.shape[-2:]) for one in maps] == [
        (20, 26), (10, 13), (5, 6), (2, 3), (5, 6), (10, 13), (20, 26), (20, 26), (20, 26)
    ]  # fmt: skip
    # Nothing comes up, and the finest map is what goes on.
    for block in network.maps[4:7]:
        nn.init.zeros_(block[0].weight)
    logits, maps = network(image)
    assert maps[6].abs().max() == 0
    fine = network.maps[8](network.maps[7](maps[0]))
    assert torch.equal(logits, network.last(fine))


def test_spectral_norm_is_of_all_layers_but_the_first_and_the_last() -> None:
    network = tiny(UNetDiscriminator)
    has = [is_parametrized(layer) for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    assert has == [False] + [True] * 8 + [False]
    network(torch.rand(1, 3, 16, 16))[0].mean().backward()
    layer = network.maps[4][0]
    for _ in range(300):
        _ = layer.weight
    assert torch.linalg.svdvals(layer.weight.flatten(1))[0].item() == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("kind", [*WHOLE, UNetDiscriminator])
def test_logits_are_float32_under_autocast_and_follow_the_seed(kind: type[nn.Module]) -> None:
    settings = {"side": 32} if kind in WHOLE else {}
    network, again, image = tiny(kind, **settings).eval(), tiny(kind, **settings).eval(), torch.rand(2, 3, 32, 32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert network(image)[0].dtype == torch.float32
    assert torch.equal(network(image)[0], again(image)[0])
