"""GLCIC's discriminators."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from henkan.discriminators.glcic import GlobalDiscriminator, GlobalLocalDiscriminator, LocalDiscriminator
from henkan.errors import UserError


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def tiny(**settings: object) -> GlobalLocalDiscriminator:
    torch.manual_seed(0)
    return GlobalLocalDiscriminator(**{"side": 64, "window": 32, "width": 0.125, **settings})  # type: ignore[arg-type]


def test_parameters_are_the_papers() -> None:
    with torch.device("meta"):
        both = GlobalLocalDiscriminator()
        assert parameters(both) == 45_063_681
        assert parameters(both.whole) == 25_808_384
        assert parameters(both.local) == 19_253_248
        assert parameters(GlobalDiscriminator()) == 25_808_384 + 1025
        assert parameters(LocalDiscriminator()) == 19_253_248 + 1025


def test_parameters_of_the_face_variant() -> None:
    with torch.device("meta"):
        assert parameters(GlobalLocalDiscriminator(side=160, window=96)) == 39_557_121
        assert parameters(GlobalLocalDiscriminator(160, 96, depth=5, window_depth=5)) == 39_557_121


@pytest.mark.parametrize(
    ("side", "depth", "last"),
    [(256, 6, 4), (128, 5, 4), (160, 5, 5), (96, 5, 3), (64, 4, 4), (32, 3, 4), (12, 2, 3), (4, 1, 2)],
)
def test_depth_leaves_about_four_pixels(side: int, depth: int, last: int) -> None:
    network = GlobalDiscriminator(side=side, width=0.01)
    logits, maps = network(torch.rand(2, 3, side, side))
    assert logits.shape == (2, 1)
    assert len(maps) == depth
    assert maps[-1].shape[-2:] == (last, last)


def test_features_are_the_maps_of_both_branches() -> None:
    logits, maps = tiny()(torch.rand(2, 3, 64, 64), torch.rand(2, 3, 32, 32))
    assert logits.shape == (2, 1)
    assert [map_.shape[-1] for map_ in maps] == [32, 16, 8, 4, 16, 8, 4]
    assert all(map_.min() >= 0 for map_ in maps)


def test_both_inputs_count() -> None:
    network = tiny().eval()
    image, window = torch.rand(2, 3, 64, 64), torch.rand(2, 3, 32, 32)
    logits = network(image, window)[0]
    assert not torch.equal(logits, network(image.flip(0), window)[0])
    assert not torch.equal(logits, network(image, window.flip(0))[0])


@pytest.mark.parametrize(("image", "window"), [((96, 96), (32, 32)), ((64, 32), (32, 32)), ((64, 64), (16, 16))])
def test_another_size_is_refused(image: tuple[int, int], window: tuple[int, int]) -> None:
    with pytest.raises(UserError, match=r"built for (64x64|32x32) pixels and is given"):
        tiny()(torch.rand(1, 3, *image), torch.rand(1, 3, *window))


def test_initialization_follows_the_seed() -> None:
    assert all(torch.equal(a, b) for a, b in zip(tiny().parameters(), tiny().parameters(), strict=True))


def test_instance_normalization_fits_too() -> None:
    network = tiny(normalization=nn.InstanceNorm2d)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())
    assert network(torch.rand(1, 3, 64, 64), torch.rand(1, 3, 32, 32))[0].isfinite().all()


def test_spectral_norm_bounds_every_layer() -> None:
    network = tiny(spectral_norm=True, normalization=None)
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert len(layers) == 4 + 3 + 2 + 1
    for layer in layers:
        for _ in range(300):
            _ = layer.weight
        assert torch.linalg.svdvals(layer.weight.flatten(1))[0].item() == pytest.approx(1.0, abs=1e-3)
