"""pix2pix's U-Net."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from henkan.errors import UserError
from henkan.generators.unet import UNet


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def tiny(**settings: object) -> UNet:
    torch.manual_seed(0)
    return UNet(**{"side": 32, "width": 0.125, **settings})  # type: ignore[arg-type]


def test_parameters_are_the_papers() -> None:
    with torch.device("meta"):
        assert parameters(UNet()) == 54_413_955
        assert parameters(UNet(in_channels=4)) == 54_413_955 + 64 * 16


@pytest.mark.parametrize(("side", "depth"), [(256, 8), (512, 8), (128, 7), (64, 6), (32, 5), (96, 5), (160, 5), (4, 2)])
def test_depth_follows_the_side(side: int, depth: int) -> None:
    with torch.device("meta"):
        network = UNet(side=side, width=0.1)
    assert len(network.down) == depth
    assert network.multiple == 2**depth
    assert side % network.multiple == 0


def test_an_explicit_depth_wins() -> None:
    assert tiny(side=64, depth=3).multiple == 8


@pytest.mark.parametrize("settings", [{"side": 33}, {"side": 64, "depth": 1}])
def test_a_unet_needs_two_levels(settings: dict[str, int]) -> None:
    with pytest.raises(UserError, match="U-Net of depth"):
        UNet(**settings)  # type: ignore[arg-type]


def test_a_share_is_dropped() -> None:
    with pytest.raises(UserError, match=r"generator\.dropout=2\.0 must be from 0 to 1"):
        UNet(dropout=2.0)


@pytest.mark.parametrize("side", [(32, 32), (64, 32), (32, 96)])
@pytest.mark.parametrize("batch", [1, 3])
def test_shape_and_range(side: tuple[int, int], batch: int) -> None:
    raw = tiny(out_channels=2)(torch.rand(batch, 3, *side))["raw"]
    assert raw.shape == (batch, 2, *side)
    assert 0 <= raw.min() <= raw.max() <= 1


def test_the_code_of_a_batch_of_one_is_not_normalized_away() -> None:
    network = tiny(dropout=0.0)
    codes: list[Tensor] = []
    network.down[-1].register_forward_hook(lambda *call: codes.append(call[-1]))
    network(torch.rand(1, 3, 32, 32))
    assert codes[0].shape[-2:] == (1, 1)
    assert codes[0].abs().max() > 0


def test_normalization_stands_where_the_paper_says() -> None:
    network = tiny()
    has = [any(isinstance(layer, nn.BatchNorm2d) for layer in block) for block in network.down]
    assert has == [False, True, True, True, False]
    assert all(any(isinstance(layer, nn.BatchNorm2d) for layer in block) for block in network.up)


def test_dropout_is_in_the_first_three_decoder_layers_only() -> None:
    network = tiny(side=256)
    has = [any(isinstance(layer, nn.Dropout) for layer in block) for block in network.up]
    assert has == [True, True, True, False, False, False, False]
    image = torch.rand(1, 3, 256, 256)
    assert not torch.equal(network(image)["raw"], network(image)["raw"])
    network.eval()
    assert torch.equal(network(image)["raw"], network(image)["raw"])


def test_the_mask_is_a_further_channel() -> None:
    network = tiny(in_channels=4).eval()
    image, mask = torch.rand(1, 3, 32, 32), torch.zeros(1, 1, 32, 32)
    assert not torch.equal(network(image, mask)["raw"], network(image, mask + 1)["raw"])
    with pytest.raises(UserError, match=r"generator\.in_channels=3"):
        network(image)


def test_the_first_layer_sees_minus_one_to_one() -> None:
    network = tiny()
    seen: list[Tensor] = []
    network.down[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    image = torch.zeros(1, 3, 32, 32)
    image[:, 1] = 1
    network(image)
    assert seen[0][0, :, 0, 0].tolist() == [-1, 1, -1]


def test_equals_the_textbook_u_net() -> None:
    """Skips that are kept before their activation, as in the paper, give the same picture."""
    network = tiny(side=16, dropout=0.0)
    image = torch.rand(2, 3, 16, 16)
    x, skips = image * 2 - 1, []
    for block in network.down:
        for layer in list(block)[:-1]:
            x = layer(x)
        skips.append(x)
        x = torch.nn.functional.leaky_relu(x, 0.2)
    x = skips.pop()
    for block in network.up:
        x = torch.cat((block(x.relu()), skips.pop()), dim=1)
    expected = (network.last(x.relu()).tanh() + 1) / 2
    torch.testing.assert_close(network(image)["raw"], expected)


def test_initialization_is_the_papers_and_follows_the_seed() -> None:
    network, again = tiny(width=0.5), tiny(width=0.5)
    assert network.down[3][0].weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), again.parameters(), strict=True))


def test_raw_is_float32_under_autocast() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        raw = tiny()(torch.rand(2, 3, 32, 32))["raw"]
    assert raw.dtype == torch.float32
