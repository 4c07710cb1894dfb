"""DeconvNet and FCN: the checkable numbers, switches, sizes, and what they start from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from published import published
from torch import Tensor, nn

from henkan.errors import MissingWeights, UserError
from henkan.generators.deconvnet import DeconvNet, pooled, unpooled
from henkan.generators.fcn import FCN
from henkan.pretrained.features import VGG16Oxford


def count(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def test_deconvnet_states_the_paper() -> None:
    with torch.device("meta"):
        network = DeconvNet(21)
        answer = network(torch.empty(2, 3, 224, 224))["raw"]
    assert count(network) == 251_805_653
    assert network.whole[0].weight.numel() == 7 * 7 * 512 * 4096 == 102_760_448
    assert answer.shape == (2, 21, 224, 224)
    deconvolutions = [layer for layer in network.modules() if isinstance(layer, nn.ConvTranspose2d)]
    assert [layer.out_channels for layer in deconvolutions] == [
        *(512, 512, 512, 512),
        *(512, 512, 256),
        *(256, 256, 128),
        *(128, 64),
        *(64, 64),
    ]
    assert len([layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]) == 13 + 3 + 13


def test_fcn_at_full_width() -> None:
    with torch.device("meta"):
        network = FCN(21)
        assert network(torch.empty(1, 3, 64, 96))["raw"].shape == (1, 21, 64, 96)
    # VGG-16's convolutions, their normalization, and 1 x 1 scores of 256, 512 and 512 channels.
    assert count(network) == 14_714_688 + 2 * 4_224 + 21 * (256 + 512 + 512 + 3) == 14_750_079


def test_unpooling_puts_maxima_back() -> None:
    x = torch.randn(2, 3, 8, 6, generator=torch.Generator().manual_seed(0))
    maxima, switches = pooled(x)
    back = unpooled(maxima, switches)
    assert back.shape == x.shape
    kept = back != 0
    assert torch.equal(back[kept], x[kept])
    # One of each four pixels, the largest.
    blocks = kept.unfold(2, 2, 2).unfold(3, 2, 2).flatten(-2)
    assert (blocks.sum(-1) == 1).all()
    assert torch.equal(back.unfold(2, 2, 2).unfold(3, 2, 2).flatten(-2).sum(-1), maxima)


def test_the_decoder_has_the_switches_of_the_picture() -> None:
    torch.manual_seed(0)
    network = DeconvNet(3, side=32, width=0.125).eval()
    seen: list[Tensor] = []
    network.decoder[-1].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    image = torch.rand(1, 3, 32, 32)
    network(image)
    first = network.encoder.blocks[0](network.encoder.seen(image))
    _, switches = pooled(first)
    places = torch.zeros_like(first).flatten(2).scatter_(2, switches.flatten(2), 1.0).view_as(first)
    assert (seen[0][places == 0] == 0).all() and (seen[0] != 0).any()


@pytest.mark.parametrize("network", [DeconvNet(4, side=64, width=0.125), FCN(4, stride=2, width=0.125)])
def test_any_multiple_of_32_and_grey(network: nn.Module) -> None:
    assert network.eval()(torch.rand(1, 1, 64, 96))["raw"].shape == (1, 4, 64, 96)
    grey = torch.rand(1, 1, 64, 64)
    assert torch.equal(network(grey)["raw"], network(grey.expand(-1, 3, -1, -1))["raw"])


def test_fcn_knows_nothing_at_first_and_learns_from_every_scale() -> None:
    network = FCN(3, stride=2, width=0.125)
    raw = network(torch.rand(2, 3, 64, 64))["raw"]
    assert not raw.any()
    torch.nn.functional.cross_entropy(raw, torch.randint(3, (2, 64, 64))).backward()
    assert len(network.scores) == 5 and all(score.weight.grad.abs().max() > 0 for score in network.scores)


def test_what_cannot_be() -> None:
    with pytest.raises(UserError, match=r"size=48: networks of five pools need a multiple of 32"):
        DeconvNet(3, side=48, width=0.125)
    for network in (DeconvNet, FCN):
        for classes in (None, 0, 1):
            with pytest.raises(UserError, match="needs two at least"):
                network(classes)
    with pytest.raises(UserError, match="instance normalization leaves nothing of a vector"):
        DeconvNet(3, side=32, width=0.125, normalization=nn.InstanceNorm2d)
    with pytest.raises(UserError, match=r"a picture of 96x32 pixels is smaller than the 64"):
        DeconvNet(3, side=64, width=0.125)(torch.rand(1, 3, 32, 96))
    with pytest.raises(UserError, match=r"set batch_size=2 or more"):
        DeconvNet(3, side=64, width=0.125)(torch.rand(1, 3, 64, 64))
    with pytest.raises(UserError, match=r"generator\.stride=3 must be one of 2, 4, 8, 16, 32"):
        FCN(3, stride=3)
    with pytest.raises(UserError, match=r"generator\.encoder=vgg19 must be vgg16, vgg16_oxford, or null"):
        FCN(3, width=0.125, encoder="vgg19")  # type: ignore[arg-type]


def test_published_weights_that_are_absent_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("HENKAN_WEIGHTS", "TORCH_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    with pytest.raises(MissingWeights, match=r"vgg16_oxford\.safetensors is missing"):
        FCN(3, encoder="vgg16_oxford")


def test_the_encoder_starts_from_published_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    path = published("vgg16_oxford.safetensors")
    monkeypatch.setenv("HENKAN_WEIGHTS", str(path.parent))
    network = FCN(3, encoder="vgg16_oxford", normalization=None)
    image = torch.rand(1, 3, 32, 32)
    expected = VGG16Oxford(["relu5_3"])(image)["relu5_3"]
    x = network.encoder.seen(image)
    for place, block in enumerate(network.encoder.blocks):
        x = block(x) if place == 0 else block(torch.nn.functional.max_pool2d(x, 2))
    torch.testing.assert_close(x, expected, rtol=1e-4, atol=1e-3)
    assert all(weight.requires_grad for weight in network.parameters())
    with pytest.raises(UserError, match="published weights are of width 1"):
        FCN(3, width=0.5, encoder="vgg16_oxford")
