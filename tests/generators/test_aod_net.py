"""AOD-Net: its size, its formula, and weights by their published names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from torch import Tensor

from henkan.generators.aod_net import AODNet
from henkan.training import checkpoint

# Kernels and inputs of the published layers, e_conv1 to e_conv5, each of three outputs.
LAYOUT = ((1, 3), (3, 3), (5, 6), (7, 6), (3, 12))


def published(seed: int = 0) -> dict[str, Tensor]:
    """Weights in the published layout, of a size that keeps some of every layer above 0."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for number, (side, inputs) in enumerate(LAYOUT, 1):
        weights[f"e_conv{number}.weight"] = torch.randn(3, inputs, side, side, generator=generator) / side / inputs
        weights[f"e_conv{number}.bias"] = torch.rand(3, generator=generator) * 0.2
    return weights


def convolved(x: np.ndarray, weights: dict[str, Tensor], number: int) -> np.ndarray:
    """ReLU of one layer, (C, H, W), written down with scipy."""
    kernels, biases = (weights[f"e_conv{number}.{kind}"].double().numpy() for kind in ("weight", "bias"))
    sums = [
        sum(correlate2d(plane, kernel, mode="same") for plane, kernel in zip(x, kernels[k], strict=True)) + biases[k]
        for k in range(3)
    ]
    return np.maximum(np.stack(sums), 0.0)


def test_parameters_are_the_paper_s() -> None:
    assert sum(weight.numel() for weight in AODNet().parameters()) == 1761


def test_published_weights_give_what_the_formula_gives(tmp_path: Path) -> None:
    weights, network = published(), AODNet()
    torch.save(weights, tmp_path / "aod.pth")
    path = tmp_path / "aod.pth"
    checkpoint.load_weights(network, torch.load(path, weights_only=True), path)
    image = torch.rand(1, 3, 13, 17, generator=torch.Generator().manual_seed(1))
    x = image[0].double().numpy()
    first = convolved(x, weights, 1)
    second = convolved(first, weights, 2)
    third = convolved(np.concatenate((first, second)), weights, 3)
    fourth = convolved(np.concatenate((second, third)), weights, 4)
    k = convolved(np.concatenate((first, second, third, fourth)), weights, 5)
    assert all((one > 0).mean() > 0.1 for one in (first, second, third, fourth, k)), "nothing is tested by zeros"
    expected = np.maximum(k * x - k + 1.0, 0.0)
    assert np.abs(network(image)["raw"][0].detach().numpy() - expected).max() < 1e-6


def test_where_k_is_one_the_picture_stays() -> None:
    network = AODNet()
    with torch.no_grad():
        for weight in network.parameters():
            weight.zero_()
        network.e_conv5.bias.fill_(1.0)  # type: ignore[union-attr]
    # Thirds and tenths are not exact in binary, so 8-bit pictures come back within rounding.
    image = torch.randint(0, 256, (2, 3, 9, 9)) / 255.0
    torch.testing.assert_close(network(image)["raw"], image, atol=1e-7, rtol=0)
    exact = torch.randint(0, 257, (2, 3, 9, 9)) / 256.0
    assert torch.equal(network(exact)["raw"], exact)


def test_it_starts_near_the_hazy_picture() -> None:
    torch.manual_seed(0)
    image = torch.rand(1, 3, 32, 32)
    assert (AODNet()(image)["raw"] - image).abs().max() < 0.1


@pytest.mark.parametrize("size", [(1, 1), (3, 200)])
def test_any_size_and_bfloat16(size: tuple[int, int]) -> None:
    network = AODNet()
    with torch.autocast("cpu", torch.bfloat16):
        raw = network(torch.rand(2, 3, *size))["raw"]
    assert raw.shape == (2, 3, *size) and raw.dtype == torch.float32 and raw.min() >= 0
    raw.sum().backward()
    assert network.e_conv5.weight.grad is not None and network.e_conv5.weight.grad.isfinite().all()
