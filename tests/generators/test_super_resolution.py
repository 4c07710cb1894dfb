"""The generators of super-resolution: SRCNN, SRResNet and MSRResNet, EDSR, RRDBNet."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from henkan.color import LUMA
from henkan.errors import UserError
from henkan.generators.edsr import EDSR
from henkan.generators.rrdbnet import RRDBNet
from henkan.generators.srcnn import SRCNN
from henkan.generators.srresnet import MSRResNet, SRResNet
from henkan.networks.resampling import enlarged
from henkan.networks.upsampling import interpolated
from henkan.sample import to_8_bit

DIV2K = (0.4488, 0.4371, 0.4040)

TINY: dict[str, Callable[[int], nn.Module]] = {
    "srcnn": lambda scale: SRCNN(scale, width=0.1),
    "srcnn_y": lambda scale: SRCNN(scale, channels=1, kernels=(9, 5, 5), width=0.1),
    "srresnet": lambda scale: SRResNet(scale, blocks=2, width=0.1),
    "srresnet_plain": lambda scale: SRResNet(scale, blocks=2, width=0.1, normalization=None),
    "msrresnet": lambda scale: MSRResNet(scale, blocks=2, width=0.1, skip="bicubic"),
    "edsr": lambda scale: EDSR(scale, DIV2K, blocks=2, width=0.1),
    "rrdbnet": lambda scale: RRDBNet(scale, blocks=1, width=0.1),
}


def tiny(name: str, scale: int = 4) -> nn.Module:
    torch.manual_seed(0)
    return TINY[name](scale)


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda: SRCNN(4, channels=1), 8_129),
        (lambda: SRCNN(4), 20_099),
        (lambda: SRCNN(4, kernels=(9, 5, 5)), 69_251),
        (lambda: SRResNet(4), 1_549_462),
        (lambda: MSRResNet(4), 1_517_571),
        (lambda: MSRResNet(2), 1_369_859),
        (lambda: MSRResNet(4, blocks=8, width=0.5), 232_963),
        # Two convolutions to as many channels in place of two to four times as many.
        (lambda: MSRResNet(4, upsampling="nearest"), 1_517_571 - 2 * 3 * 64 * (64 * 9 + 1)),
        (lambda: EDSR(4, DIV2K), 1_517_571),
        (lambda: EDSR(2, DIV2K), 1_369_859),
        (lambda: EDSR(4, DIV2K, 256, 32, 0.1), 43_089_923),
        (lambda: EDSR(2, DIV2K, 256, 32, 0.1), 40_729_603),
        (lambda: RRDBNet(4), 16_697_987),
        (lambda: RRDBNet(2), 16_703_171),
        (lambda: RRDBNet(4, blocks=6), 4_467_779),
        (lambda: RRDBNet(4, blocks=1).body[0].rdb1, 239_808),
    ],
)
def test_parameters_are_the_published_ones(build: Callable[[], nn.Module], expected: int) -> None:
    with torch.device("meta"):
        assert parameters(build()) == expected


def test_weights_without_biases_are_the_papers() -> None:
    for kernels, expected in (((9, 1, 5), 8_032), ((9, 5, 5), 57_184)):
        network = SRCNN(4, channels=1, kernels=kernels)
        assert sum(weight.numel() for weight in network.parameters() if weight.ndim == 4) == expected


def test_other_ways_to_count_srresnet_are_published_too() -> None:
    """Without a bias before batch norm, which takes it away again, and with a slope for each channel of a PReLU."""
    with torch.device("meta"):
        network = SRResNet(4)
    layers = [layer for layer in network.modules() if not list(layer.children())]
    before = [one for one, after in pairwise(layers) if isinstance(after, nn.BatchNorm2d)]
    assert len(before) == 33
    assert parameters(network) - sum(layer.bias.numel() for layer in before) == 1_547_350
    # All of them see 64 channels.
    slopes = [layer for layer in layers if isinstance(layer, nn.PReLU)]
    assert {layer.num_parameters for layer in slopes} == {1}
    assert parameters(network) + (64 - 1) * len(slopes) == 1_550_659


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_answer_is_exactly_as_much_larger(name: str, scale: int) -> None:
    if name == "rrdbnet" and scale == 3:
        with pytest.raises(UserError, match=r"degradation\.scale=3: an RRDBNet enlarges by 1, 2 or 4"):
            tiny(name, scale)
        return
    network = tiny(name, scale)
    raw = network(torch.rand(2, 3, 12, 10))["raw"]
    assert raw.shape == (2, 3, 12 * scale, 10 * scale) and network.scale == scale
    raw.square().mean().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in network.parameters())


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_what_is_repeated_leaves_no_checkerboard(scale: int) -> None:
    flat = torch.full((1, 3, 24, 24), 0.5)
    for upsampling, expected in (("nearest", True), ("shuffle", False)):
        torch.manual_seed(0)
        network = MSRResNet(scale, blocks=1, width=0.125, upsampling=upsampling)
        inner = network(flat)["raw"][..., 8 * scale : -8 * scale, 8 * scale : -8 * scale]
        assert torch.allclose(inner, inner.mean((2, 3), keepdim=True), atol=1e-6) is expected


@pytest.mark.parametrize("name", TINY)
def test_raw_is_float32_under_autocast_and_follows_the_seed(name: str) -> None:
    network, image = tiny(name).eval(), torch.rand(1, 3, 8, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert network(image)["raw"].dtype == torch.float32
    again, given = tiny(name), image.clone()
    assert torch.equal(network(image)["raw"], again.eval()(image)["raw"]) and torch.equal(image, given)


@pytest.mark.parametrize("name", [name for name in TINY if name != "rrdbnet"])
def test_a_tile_with_its_context_answers_as_the_whole(name: str) -> None:
    network = tiny(name).double().eval()
    image = torch.rand(1, 3, 8, 64, dtype=torch.float64)
    cut, context = 16, network.context
    assert isinstance(context, int)
    whole = network(image)["raw"]
    tile = network(image[..., cut - context :] if context < cut else image)["raw"]
    start = 4 * min(cut, context)
    torch.testing.assert_close(tile[..., start:], whole[..., 4 * cut :])


def zeroed(network: nn.Module) -> nn.Module:
    for weight in network.parameters():
        nn.init.zeros_(weight)
    return network


def test_what_a_network_says_that_has_learned_nothing() -> None:
    image = torch.rand(1, 3, 6, 6)
    for skip in ("bilinear", "bicubic"):
        raw = zeroed(MSRResNet(4, blocks=1, width=0.1, skip=skip))(image)["raw"]
        assert torch.equal(raw, interpolated(image, 4, skip))
    mean = torch.tensor(DIV2K).view(1, 3, 1, 1)
    assert torch.equal(zeroed(EDSR(4, DIV2K, blocks=1, width=0.1))(image)["raw"], mean.expand(1, 3, 24, 24))
    # Black to white are -1 to 1 inside.
    assert torch.equal(zeroed(SRResNet(4, blocks=1, width=0.1))(image)["raw"], torch.full((1, 3, 24, 24), 0.5))


def test_one_channel_changes_y_and_leaves_the_colors() -> None:
    network, image = tiny("srcnn_y"), torch.rand(1, 3, 8, 8)
    change = network(image)["raw"] - enlarged(image, 4)
    assert change.abs().max() > 0.01
    torch.testing.assert_close(change[:, :1].expand_as(change), change)
    alone = network(image[:, :1].expand(-1, 3, -1, -1))["raw"]
    torch.testing.assert_close(alone[:, :1], network(image[:, :1])["raw"], rtol=0, atol=1e-5)
    assert sum(LUMA) == pytest.approx(1.0)
    with pytest.raises(UserError, match=r"built for 3 channels and is given 1: set generator\.channels=1"):
        tiny("srcnn")(image[:, :1])
    with pytest.raises(UserError, match=r"generator\.kernels=\[9, 4, 5\]"):
        SRCNN(4, kernels=(9, 4, 5))


def test_an_edge_does_not_darken() -> None:
    network = SRCNN(2, kernels=(9, 1, 5), width=0.1)
    white = network(torch.ones(1, 3, 8, 8))["raw"]
    torch.testing.assert_close(white, white[..., :1, :1].expand_as(white))


def test_how_rrdbnet_starts() -> None:
    torch.manual_seed(0)
    network = RRDBNet(4, blocks=1)
    dense = network.body[0].rdb2
    for number, inputs in enumerate((64, 96, 128, 160, 192), start=1):
        layer = getattr(dense, f"conv{number}")
        assert layer.in_channels == inputs
        assert layer.weight.std().item() == pytest.approx(0.1 * (2 / (9 * inputs)) ** 0.5, rel=0.02)
        assert layer.bias.abs().max().item() == 0
    assert network.conv_first.bias is not None and network.conv_first.bias.abs().max() > 0


def test_rrdbnet_of_two_takes_squares_of_pixels_apart() -> None:
    network = RRDBNet(2, blocks=1, width=0.1)
    assert network.multiple == 2 and network.conv_first.in_channels == 12
    assert RRDBNet(1, blocks=1, width=0.1).conv_first.in_channels == 48


def test_the_published_weights_load_and_are_what_they_are(beside: Callable[[str], Path]) -> None:
    """Real-ESRGAN's x4plus: the formula on a small crop, written out; and a picture of Set5."""
    path = beside("weights/realesrgan_x4plus.safetensors")
    weights = {name: value.float() for name, value in load_file(path).items()}
    with torch.device("meta"):
        network = RRDBNet(4)
    network.load_state_dict(weights, assign=True)

    def conv(x: torch.Tensor, name: str) -> torch.Tensor:
        return nn.functional.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=1)

    def leaky(x: torch.Tensor) -> torch.Tensor:
        return x.maximum(0.2 * x)

    torch.manual_seed(0)
    image = torch.rand(1, 3, 6, 5)
    first = x = conv(image, "conv_first")
    for block in range(23):
        outer = x
        for dense in (1, 2, 3):
            seen = [x]
            for number in range(1, 5):
                seen.append(leaky(conv(torch.cat(seen, 1), f"body.{block}.rdb{dense}.conv{number}")))
            x = x + 0.2 * conv(torch.cat(seen, 1), f"body.{block}.rdb{dense}.conv5")
        x = outer + 0.2 * x
    x = first + conv(x, "conv_body")
    for name in ("conv_up1", "conv_up2"):
        x = leaky(conv(x.repeat_interleave(2, 2).repeat_interleave(2, 3), name))
    expected = conv(leaky(conv(x, "conv_hr")), "conv_last")
    with torch.no_grad():
        torch.testing.assert_close(network(image)["raw"], expected, rtol=1e-4, atol=1e-4)
    # A part of the picture is enough.
    target = np.asarray(Image.open(beside("data/set5/bird.png")).convert("RGB"))[64:192, 64:192]
    small = Image.fromarray(target).resize((32, 32), Image.Resampling.BICUBIC)
    source, target = (torch.from_numpy(np.array(one)).permute(2, 0, 1)[None] / 255 for one in (small, target))
    with torch.no_grad():
        output = to_8_bit(network(source)["raw"])
    error = (output - target)[..., 4:-4, 4:-4].square().mean()
    # It is trained to please, not to be near: 25.03 dB on the whole picture.
    assert 23 < -10 * error.log10() < 28
