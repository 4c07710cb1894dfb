"""GLCIC's completion network."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from henkan.generators.glcic import CompletionNetwork

MEAN = (0.5, 0.4, 0.3)


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def tiny() -> CompletionNetwork:
    torch.manual_seed(0)
    return CompletionNetwork(MEAN, width=0.125)


def test_parameters_are_the_papers() -> None:
    with torch.device("meta"):
        assert parameters(CompletionNetwork(MEAN)) == 6_072_131
        assert parameters(CompletionNetwork(MEAN, normalization=None)) == 6_066_179


def test_seventeen_layers_and_normalization_after_all_but_the_last() -> None:
    layers = list(tiny().layers)
    assert sum(isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) for layer in layers) == 17
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in layers) == 16
    assert isinstance(layers[-1], nn.Conv2d)


@pytest.mark.parametrize("side", [(64, 64), (32, 48), (36, 20)])
def test_shape_and_range(side: tuple[int, int]) -> None:
    raw = tiny()(torch.rand(2, 3, *side), torch.zeros(2, 1, *side))["raw"]
    assert raw.shape == (2, 3, *side)
    assert 0 <= raw.min() <= raw.max() <= 1


def test_the_papers_receptive_field() -> None:
    """It counts three input positions for each transposed convolution."""
    field, step = 1, 1
    for layer in tiny().layers:
        if isinstance(layer, nn.Conv2d):
            field += (layer.kernel_size[0] - 1) * layer.dilation[0] * step
            step *= layer.stride[0]
        elif isinstance(layer, nn.ConvTranspose2d):
            field += 2 * step
            step //= layer.stride[0]
    assert (field, step) == (307, 1)


def test_what_reaches_an_output_pixel() -> None:
    network = CompletionNetwork((0.0, 0.0, 0.0), width=0.01, normalization=None).double()
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.constant_(layer.weight, 1.0 / layer.weight[0].numel())
    image = torch.ones(1, 3, 320, 320, dtype=torch.float64, requires_grad=True)
    raw = network(image, torch.zeros(1, 1, 320, 320, dtype=torch.float64))["raw"]
    (gradient,) = torch.autograd.grad(raw[0, 0, 160, 161], image)
    reached = (gradient[0, 0] != 0).nonzero()
    assert (reached.amax(dim=0) - reached.amin(dim=0) + 1).tolist() == [299, 303]


def test_the_layers_see_known_pixels_less_the_mean_and_the_mask() -> None:
    network = tiny()
    seen: list[Tensor] = []
    network.layers.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    image, mask = torch.full((1, 3, 8, 8), 0.75), torch.zeros(1, 1, 8, 8)
    mask[..., 2:4, 2:4] = 1
    network(image, mask)
    torch.testing.assert_close(seen[0][0, :, 0, 0], torch.tensor([0.25, 0.35, 0.45, 0.0]))
    torch.testing.assert_close(seen[0][0, :, 2, 2], torch.tensor([0.0, 0.0, 0.0, 1.0]))


def test_what_the_image_holds_in_the_hole_does_not_matter() -> None:
    network = tiny()
    mask = torch.zeros(2, 1, 16, 16)
    mask[..., 4:8, 4:8] = 1
    image = torch.rand(2, 3, 16, 16)
    other = torch.where(mask > 0, torch.rand(2, 3, 16, 16), image)
    assert torch.equal(network(image, mask)["raw"], network(other, mask)["raw"])


def test_the_mean_is_saved_and_not_trained() -> None:
    network = tiny()
    torch.testing.assert_close(network.state_dict()["mean"].flatten(), torch.tensor(MEAN))
    assert "mean" not in dict(network.named_parameters())


def test_initialization_follows_the_seed() -> None:
    first, second = tiny().state_dict(), tiny().state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    other = CompletionNetwork(MEAN, width=0.125).state_dict()
    assert not torch.equal(first["layers.0.weight"], other["layers.0.weight"])


def test_without_normalization_the_weights_start_larger() -> None:
    torch.manual_seed(0)
    first = CompletionNetwork(MEAN, normalization=None).layers[0]
    assert first.weight.std().item() == pytest.approx((2 / 100) ** 0.5, rel=0.05)


def test_raw_is_float32_under_autocast() -> None:
    network = tiny()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        raw = network(torch.rand(1, 3, 16, 16), torch.zeros(1, 1, 16, 16))["raw"]
    assert raw.dtype == torch.float32
