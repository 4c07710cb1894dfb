"""The discriminator of TextureGAN."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from henkan.discriminators.texture import TextureDiscriminator
from henkan.errors import UserError


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def tiny(**settings: object) -> TextureDiscriminator:
    torch.manual_seed(0)
    return TextureDiscriminator(**{"width": 0.25, **settings})  # type: ignore[arg-type]


def test_parameters_are_the_papers() -> None:
    with torch.device("meta"):
        assert parameters(TextureDiscriminator()) == 3_357_761
        assert parameters(TextureDiscriminator(side=32)) == 3_357_761
        assert parameters(TextureDiscriminator(in_channels=1)) == 3_357_761 - 2 * 32 * 81


@pytest.mark.parametrize(
    ("size", "sides", "logits"),
    [
        ((128, 128), [61, 30, 14, 14, 14, 7], (3, 3)),
        ((256, 256), [125, 62, 30, 30, 30, 15], (7, 7)),
        ((64, 128), [61, 30, 14, 14, 14, 7], (1, 3)),
        ((64, 64), [29, 14, 6, 6, 6, 3], (1, 1)),
        ((43, 43), [19, 9, 4, 4, 4, 2], (1, 1)),
    ],
)
def test_logits_and_maps(size: tuple[int, int], sides: list[int], logits: tuple[int, int]) -> None:
    scores, maps = tiny()(torch.rand(2, 3, *size))
    assert scores.shape == (2, 1, *logits)
    assert [map_.shape[-1] for map_ in maps] == sides


@pytest.mark.parametrize(("side", "maps", "smallest"), [(43, 19, 43), (42, 21, 25), (32, 16, 25), (25, 13, 25)])
def test_small_crops_are_padded_more(side: int, maps: int, smallest: int) -> None:
    network = tiny(side=side)
    scores, features = network(torch.rand(2, 3, side, side))
    assert scores.shape == (2, 1, 1, 1)
    assert features[0].shape[-1] == maps
    assert network.smallest == smallest


@pytest.mark.parametrize(("side", "size"), [(128, (64, 42)), (32, (24, 32))])
def test_a_picture_without_a_single_logit_is_refused(side: int, size: tuple[int, int]) -> None:
    network = tiny(side=side)
    expected = f"{network.smallest} pixels a side at least, not {size[1]}x{size[0]}: choose a larger size"
    with pytest.raises(UserError, match=expected):
        network(torch.rand(2, 3, *size))


def test_the_layers_are_the_published_ones() -> None:
    network = tiny()
    layers = [layer for block in network.maps for layer in block.children() if isinstance(layer, nn.Conv2d)]
    layers.append(network.last)
    assert [layer.kernel_size[0] for layer in layers] == [9, 5, 5, 4, 4]
    assert {(layer.stride[0], layer.padding) for layer in layers} == {(2, (1, 1))}
    assert [layer.out_channels for layer in layers] == [8, 16, 64, 32, 1]
    dropped = [any(isinstance(layer, nn.Dropout) for layer in block.modules()) for block in network.maps]
    assert dropped == [False, False, True, False, False, True]
    assert {layer.p for layer in network.modules() if isinstance(layer, nn.Dropout)} == {0.2}
    slopes = {layer.negative_slope for layer in network.modules() if isinstance(layer, nn.LeakyReLU)}
    assert slopes == {0.2}
    active = [any(isinstance(layer, nn.LeakyReLU) for layer in block.modules()) for block in network.maps]
    assert active == [True, True, True, False, False, False]


def test_only_the_residual_blocks_are_normalized() -> None:
    has = [sum(isinstance(layer, nn.BatchNorm2d) for layer in block.modules()) for block in tiny().maps]
    assert has == [0, 0, 0, 2, 2, 0]
    assert not list(tiny(normalization=None).buffers())


def test_dropout_only_in_training() -> None:
    network, image = tiny(), torch.rand(2, 3, 64, 64)
    assert not torch.equal(network(image)[0], network(image)[0])
    network.eval()
    assert torch.equal(network(image)[0], network(image)[0])
    still = tiny(dropout=0.0)
    assert torch.equal(still(image)[0], still(image)[0])


def test_initialization_follows_the_seed() -> None:
    network, again = tiny(width=1.0), tiny(width=1.0)
    assert network.last.weight.std().item() == pytest.approx((2 / 2048) ** 0.5, rel=0.05)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), again.parameters(), strict=True))


def test_spectral_norm_bounds_every_layer() -> None:
    network = tiny(spectral_norm=True, normalization=None)
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    assert len(layers) == 9
    for layer in layers:
        for _ in range(300):
            _ = layer.weight
        assert torch.linalg.svdvals(layer.weight.flatten(1))[0].item() == pytest.approx(1.0, abs=2e-3)


def test_logits_are_float32_under_autocast() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert tiny()(torch.rand(2, 3, 64, 64))[0].dtype == torch.float32
