"""Scribbler's generator."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from henkan.errors import UserError
from henkan.generators.scribbler import Scribbler
from henkan.networks.residual import ResidualBlock


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def tiny(**settings: object) -> Scribbler:
    torch.manual_seed(0)
    return Scribbler(**{"width": 0.25, **settings})  # type: ignore[arg-type]


def test_parameters_are_the_papers() -> None:
    with torch.device("meta"):
        assert parameters(Scribbler(in_channels=5)) == 7_849_801
        assert parameters(Scribbler()) == 7_849_513 == 7_849_801 - 3 * 3 * 32
        assert parameters(Scribbler(base=64)) == 31_366_217


@pytest.mark.parametrize("side", [(64, 64), (8, 8), (24, 40)])
@pytest.mark.parametrize("normalization", [nn.BatchNorm2d, None])
def test_shape_and_range(side: tuple[int, int], normalization: type[nn.Module] | None) -> None:
    raw = tiny(normalization=normalization)(torch.rand(2, 4, *side))["raw"]
    assert raw.shape == (2, 3, *side)
    assert 0 <= raw.min() <= raw.max() <= 1


def test_residual_blocks_of_each_resolution() -> None:
    network = tiny()
    sides: list[int] = []
    for layer in network.layers:
        if isinstance(layer, ResidualBlock):
            layer.register_forward_hook(lambda *call: sides.append(call[-1].shape[-1]))
    network(torch.rand(1, 4, 64, 64))
    assert sides == [64, 32, 16, *(8,) * 5, *(16,) * 2, *(32,) * 2, *(64,) * 2]


def test_up_is_convolution_then_doubling_then_normalization() -> None:
    layers = list(tiny().layers)
    ups = [place for place, layer in enumerate(layers) if isinstance(layer, nn.Upsample)]
    assert len(ups) == 3
    for place in ups:
        kinds = [type(layer) for layer in layers[place - 1 : place + 3]]
        assert kinds == [nn.Conv2d, nn.Upsample, nn.BatchNorm2d, nn.ReLU]
        doubling = layers[place]
        assert isinstance(doubling, nn.Upsample) and doubling.mode == "bilinear" and doubling.align_corners
    end = [ResidualBlock, nn.BatchNorm2d, ResidualBlock, nn.Conv2d, nn.BatchNorm2d]
    assert [type(layer) for layer in layers[-5:]] == end


def test_the_layers_see_pictures_about_zero() -> None:
    network = tiny()
    seen: list[Tensor] = []
    network.layers.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network(torch.tensor([0.0, 0.25, 0.5, 1.0]).view(1, 4, 1, 1).expand(-1, -1, 16, 16))
    assert seen[0][0, :, 0, 0].tolist() == [-1.0, -0.5, 0.0, 1.0]


def test_no_normalization_anywhere_without_one() -> None:
    assert not list(tiny(normalization=None).buffers())


def test_without_normalization_blocks_keep_the_signal() -> None:
    network = tiny(width=1.0, normalization=None)
    x = torch.rand(2, 4, 32, 32)
    scales = []
    for layer in network.layers:
        x = layer(x)
        if isinstance(layer, ResidualBlock):
            scales.append(x.std().item())
    assert max(scales) < 10 * min(scales)


def test_other_channels_are_refused() -> None:
    with pytest.raises(UserError, match=r"4 channels and is given 3: set generator\.in_channels=3"):
        tiny()(torch.rand(1, 3, 8, 8))


def test_initialization_follows_the_seed() -> None:
    assert all(torch.equal(a, b) for a, b in zip(tiny().parameters(), tiny().parameters(), strict=True))


def test_raw_is_float32_under_autocast() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        raw = tiny()(torch.rand(1, 4, 16, 16))["raw"]
    assert raw.dtype == torch.float32
