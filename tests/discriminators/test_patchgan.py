"""pix2pix's discriminator."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from henkan.discriminators.patchgan import PatchGAN, UnconditionalPatchGAN
from henkan.errors import UserError


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def tiny(**settings: object) -> PatchGAN:
    torch.manual_seed(0)
    return PatchGAN(**{"in_channels": 6, "width": 0.125, **settings})  # type: ignore[arg-type]


def test_parameters_are_the_papers() -> None:
    with torch.device("meta"):
        assert parameters(PatchGAN(in_channels=6)) == 2_768_705
        assert parameters(UnconditionalPatchGAN(in_channels=3)) == 2_768_705 - 3 * 64 * 16


@pytest.mark.parametrize(("size", "logits"), [((256, 256), (30, 30)), ((64, 96), (6, 10)), ((24, 24), (1, 1))])
def test_one_logit_a_patch(size: tuple[int, int], logits: tuple[int, int]) -> None:
    scores, maps = tiny()(torch.rand(2, 3, *size), torch.rand(2, 3, *size))
    assert scores.shape == (2, 1, *logits)
    assert len(maps) == 4


@pytest.mark.parametrize(("n_layers", "expected"), [(1, 16), (2, 34), (3, 70), (4, 142), (5, 286)])
def test_receptive_field(n_layers: int, expected: int) -> None:
    network = UnconditionalPatchGAN(3, n_layers, width=0.01, normalization=None).double()
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.constant_(layer.weight, 1.0 / layer.weight[0].numel())
    side = expected + 2 * 2 ** (n_layers + 1)
    image = torch.ones(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    logits = network(image)[0]
    center = logits.shape[-1] // 2
    (gradient,) = torch.autograd.grad(logits[0, 0, center, center], image)
    assert int((gradient[0, 0] != 0).any(dim=0).sum()) == expected


def test_the_first_and_the_last_layer_are_not_normalized() -> None:
    network = tiny()
    has = [any(isinstance(layer, nn.BatchNorm2d) for layer in block) for block in network.maps]
    assert has == [False, True, True, True]
    assert isinstance(network.last, nn.Conv2d)


def test_the_condition_comes_first() -> None:
    network = tiny().eval()
    image, condition = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    expected = network.judge(torch.cat((condition, image), dim=1))[0]
    assert torch.equal(network(image, condition)[0], expected)
    assert not torch.equal(network(condition, image)[0], expected)


def test_a_picture_without_a_single_patch_is_refused() -> None:
    with pytest.raises(UserError, match=r"24 pixels a side at least, not 23x24: lower discriminator\.n_layers"):
        tiny()(torch.rand(1, 3, 24, 23), torch.rand(1, 3, 24, 23))


def test_no_layer_of_stride_two_is_refused() -> None:
    with pytest.raises(UserError, match="n_layers=0"):
        PatchGAN(in_channels=6, n_layers=0)


def test_initialization_is_the_papers_and_follows_the_seed() -> None:
    network, again = tiny(width=1.0), tiny(width=1.0)
    assert network.maps[2][0].weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), again.parameters(), strict=True))


def test_spectral_norm_bounds_every_layer() -> None:
    network = tiny(spectral_norm=True, normalization=None)
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    assert len(layers) == 5
    for layer in layers:
        for _ in range(300):
            _ = layer.weight
        assert torch.linalg.svdvals(layer.weight.flatten(1))[0].item() == pytest.approx(1.0, abs=1e-3)
