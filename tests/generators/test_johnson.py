"""Johnson et al.'s network: its size, its bookkeeping of sides, its range, and what it sees."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from henkan.degradations.identity import Identity
from henkan.errors import UserError
from henkan.generators.johnson import BLOCKS, MEAN, Johnson, Upsampling
from henkan.networks.residual import UnpaddedBlock
from henkan.tasks.style_transfer import StyleTransfer
from henkan.transform import Transform

INSTANCE = partial(nn.InstanceNorm2d, affine=True)


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_parameters_are_the_papers() -> None:
    with torch.device("meta"):
        assert parameters(Johnson()) == parameters(Johnson(normalization=INSTANCE)) == 1_679_235
        assert parameters(Johnson(upsampling="nearest")) == 1_679_235
        half = Johnson(base=16, normalization=INSTANCE)
        norms = [module for module in half.modules() if isinstance(module, nn.InstanceNorm2d)]
        assert parameters(half) == 424_899 and len(norms) == 3 + 2 * BLOCKS + 2


@pytest.mark.parametrize("side", [(64, 64), (8, 8), (44, 60)])
@pytest.mark.parametrize("normalization", [nn.BatchNorm2d, INSTANCE, None])
def test_the_output_has_the_input_s_size(side: tuple[int, int], normalization: type[nn.Module] | None) -> None:
    torch.manual_seed(0)
    raw = Johnson(width=0.25, normalization=normalization)(torch.rand(2, 3, *side))["raw"]
    assert raw.shape == (2, 3, *side) and raw.isfinite().all()


@pytest.mark.parametrize("upsampling", ["deconvolution", "nearest"])
def test_what_the_blocks_take_away_is_what_was_mirrored(upsampling: Upsampling) -> None:
    network = Johnson(width=0.25, upsampling=upsampling)
    sides: list[int] = []
    for layer in network.layers:
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | UnpaddedBlock):
            layer.register_forward_hook(lambda *call: sides.append(call[-1].shape[-1]))
    network(torch.rand(1, 3, 64, 64))
    assert sides == [144, 72, 36, 32, 28, 24, 20, 16, 32, 64, 64]


def test_any_size_fits_once_it_is_padded() -> None:
    transform = Transform(StyleTransfer(window=8), Identity())
    image = torch.rand(1, 3, 45, 50)
    found = transform.generate(Johnson(width=0.25).eval(), {"source": image})
    assert found["output"].shape == image.shape and 0 <= found["output"].min() <= found["output"].max() <= 1


def test_range_is_150_of_255_around_the_mean_color() -> None:
    network, mean = Johnson(width=0.25, normalization=None), torch.tensor(MEAN).view(3, 1, 1) / 255
    last = network.layers[-1]
    assert isinstance(last, nn.Conv2d) and last.bias is not None
    for value, reach in ((0.0, 0.0), (1e3, 150 / 255), (-1e3, -150 / 255)):
        nn.init.zeros_(last.weight)
        nn.init.constant_(last.bias, value)
        torch.testing.assert_close(network(torch.rand(1, 3, 8, 8))["raw"][0], (mean + reach).expand(3, 8, 8))


def test_a_block_is_beside_the_center_of_what_it_reads() -> None:
    block, x = UnpaddedBlock(4, nn.BatchNorm2d).eval(), torch.rand(1, 4, 9, 9)
    nn.init.zeros_(block.layers[-2].weight)  # type: ignore[arg-type]
    nn.init.zeros_(block.layers[-2].bias)  # type: ignore[arg-type]
    torch.testing.assert_close(block(x), x[..., 2:-2, 2:-2])


@pytest.mark.parametrize("upsampling", ["deconvolution", "nearest"])
def test_an_output_pixel_sees_what_the_network_says(upsampling: Upsampling) -> None:
    torch.manual_seed(0)
    network = Johnson(width=0.25, normalization=nn.BatchNorm2d, upsampling=upsampling).double().eval()
    image = torch.rand(1, 3, 192, 192, dtype=torch.float64, requires_grad=True)
    seen = torch.zeros(192, 192, dtype=torch.bool)
    for place in range(96, 100):  # of a stride of 4
        (gradient,) = torch.autograd.grad(network(image)["raw"][0, :, place, place].sum(), image)
        seen |= gradient[0].abs().sum(0) > 0
    rows = seen.any(1).nonzero()
    assert network.context is not None
    reach = max(96 - int(rows.min()), int(rows.max()) - 99)
    assert network.context - 8 < reach <= network.context
    assert Johnson(width=0.25, normalization=INSTANCE).context is None


def test_repeated_pixels_make_no_checkerboard() -> None:
    """An even map stays even where pixels are repeated; a deconvolution covers one pixel in two more often."""
    unevenness = []
    for upsampling in ("deconvolution", "nearest"):
        torch.manual_seed(0)
        network = Johnson(width=0.25, normalization=None, upsampling=upsampling)  # type: ignore[arg-type]
        with torch.no_grad():
            # Where no padding is seen.
            raw = network(torch.full((1, 3, 64, 64), 0.9))["raw"][..., 24:-24, 24:-24]
        unevenness.append(float((raw - raw.mean((2, 3), keepdim=True)).abs().max()))
    assert unevenness[1] < 1e-5 < 1e-3 < unevenness[0]
    with pytest.raises(UserError, match=r"generator\.upsampling=cubic is neither deconvolution nor nearest"):
        Johnson(upsampling="cubic")  # type: ignore[arg-type]


def test_gradient_reaches_every_weight() -> None:
    torch.manual_seed(0)
    network = Johnson(width=0.25)
    raw: Tensor = network(torch.rand(2, 3, 16, 16))["raw"]
    functional.mse_loss(raw, torch.rand(2, 3, 16, 16)).backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in network.parameters())
    assert network.layers[0].weight.grad.any()  # type: ignore[union-attr]
