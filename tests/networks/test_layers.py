"""What the networks share."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from henkan.networks.layers import add_spectral_norm, initialize_he, initialize_pix2pix, normalized, scaled


@pytest.mark.parametrize(
    ("channels", "width", "expected"), [(64, 1.0, 64), (64, 0.25, 16), (32, 0.125, 8), (64, 0.01, 8)]
)
def test_width_multiplies_channels_down_to_eight(channels: int, width: float, expected: int) -> None:
    assert scaled(channels, width) == expected


def test_normalization_takes_the_layers_channels() -> None:
    convolution = nn.Conv2d(3, 12, 3)
    layers = normalized(convolution, nn.BatchNorm2d)
    assert layers[0] is convolution
    assert isinstance(layers[1], nn.BatchNorm2d)
    assert layers[1].num_features == 12
    assert normalized(convolution, None) == [convolution]


def test_pix2pix_initialization() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(64, 64, 4), nn.BatchNorm2d(4096))
    initialize_pix2pix(network)
    assert network[0].weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert network[0].bias.abs().max().item() == 0
    assert network[1].weight.mean().item() == pytest.approx(1.0, abs=0.002)
    assert network[1].weight.std().item() == pytest.approx(0.02, rel=0.1)


def test_he_initialization_keeps_the_signal() -> None:
    torch.manual_seed(0)
    layers: list[nn.Module] = [nn.Conv2d(64, 64, 1), nn.ReLU()]
    for _ in range(5):
        layers += [nn.ConvTranspose2d(64, 64, 4, stride=2, padding=1), nn.ReLU()]
    layers += [nn.Flatten(), nn.Linear(64 * 64**2, 32), nn.ReLU()]
    network = nn.Sequential(*layers)
    initialize_he(network)
    power = network(torch.randn(4, 64, 2, 2)).square().mean().item()
    # PyTorch's own initialization would leave 6^-7 or less; padding takes a little of the signal, too.
    assert abs(math.log(power)) < 1.0


def test_spectral_norm_makes_the_largest_singular_value_one() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 5), nn.Flatten(), nn.Linear(8, 4))
    add_spectral_norm(network)
    for layer in (network[0], network[2]):
        for _ in range(100):
            _ = layer.weight
        assert torch.linalg.svdvals(layer.weight.flatten(1))[0].item() == pytest.approx(1.0, abs=1e-3)
