"""FFA-Net: its sizes, what attention and fusion do, and the picture that it starts from."""

from __future__ import annotations

import pytest
import torch

from henkan.generators.ffa_net import FFANet

MEAN, DEVIATION = (0.64, 0.6, 0.58), (0.14, 0.15, 0.152)


@pytest.mark.parametrize(("blocks", "count"), [(19, 4_455_913), (20, 4_682_356)])
def test_parameters_are_the_paper_s(blocks: int, count: int) -> None:
    with torch.device("meta"):
        network = FFANet(MEAN, DEVIATION, blocks)
    assert sum(weight.numel() for weight in network.parameters()) == count


def test_names_are_those_of_the_published_weights() -> None:
    names = set(FFANet(MEAN, DEVIATION, blocks=2, width=0.125).state_dict())
    block = {f"{layer}.{kind}" for layer in ("conv1", "conv2") for kind in ("weight", "bias")}
    block |= {f"{a}layer.{a}.{k}.{kind}" for a in ("ca", "pa") for k in (0, 2) for kind in ("weight", "bias")}
    assert {name.removeprefix("g2.gp.1.") for name in names if name.startswith("g2.gp.1.")} == block
    others = {name for name in names if not name.startswith("g")}
    layers = ("pre.0", "ca.1", "ca.3", "palayer.pa.0", "palayer.pa.2", "post.0", "post.1")
    assert others == {f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")}
    assert {name.split(".")[2] for name in names if name.startswith("g3")} == {"0", "1", "2"}


def test_without_a_last_layer_it_returns_what_it_is_given() -> None:
    network, image = FFANet(MEAN, DEVIATION, blocks=1, width=0.125), torch.rand(2, 3, 9, 7)
    with torch.no_grad():
        for weight in network.post[1].parameters():
            weight.zero_()
        given = (image - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(DEVIATION).view(3, 1, 1)
        torch.testing.assert_close(network(image)["raw"], given)
        plain = FFANet((0, 0, 0), (1, 1, 1), blocks=1, width=0.125)
        plain.load_state_dict(network.state_dict())
        assert torch.equal(plain(image)["raw"], image)


def test_the_layers_written_down() -> None:
    torch.manual_seed(0)
    network, image = FFANet((0, 0, 0), (1, 1, 1), blocks=1, width=0.25).double().eval(), torch.rand(1, 3, 8, 8).double()

    def gate(layers: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        first, _, last, _ = list(layers.children())[-4:]
        return torch.sigmoid(last(torch.relu(first(x))))

    x = network.pre(image)
    groups = []
    for group in (network.g1, network.g2, network.g3):
        block, convolution = group.gp
        y = torch.relu(block.conv1(x)) + x
        y = block.conv2(y)
        y = y * gate(block.calayer.ca, y.mean((2, 3), keepdim=True))
        y = y * gate(block.palayer.pa, y) + x
        x = convolution(y) + x
        groups.append(x)
    shares = gate(network.ca, torch.cat(groups, 1).mean((2, 3), keepdim=True))
    fused = sum(shares[:, 16 * k : 16 * k + 16] * groups[k] for k in range(3))
    fused = fused * gate(network.palayer.pa, fused)
    torch.testing.assert_close(network(image)["raw"], network.post(fused) + image)


@pytest.mark.parametrize("size", [(1, 1), (5, 12)])
def test_any_size_and_bfloat16(size: tuple[int, int]) -> None:
    network = FFANet(MEAN, DEVIATION, blocks=1, width=0.125)
    with torch.autocast("cpu", torch.bfloat16):
        raw = network(torch.rand(2, 3, *size))["raw"]
    assert raw.shape == (2, 3, *size) and raw.dtype == torch.float32
    raw.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_under_bfloat16_a_dark_pixel_has_all_its_tones() -> None:
    network, image = FFANet(MEAN, DEVIATION, blocks=1, width=0.125), torch.rand(1, 3, 16, 16) * 0.2
    last = network.post[1]
    assert isinstance(last, torch.nn.Conv2d) and last.bias is not None
    with torch.no_grad():
        # As a network that has learned answers: back to a picture in [0, 1].
        last.weight.mul_(0.01)
        last.bias.fill_(3.9)
        exact = network(image)["raw"]
        with torch.autocast("cpu", torch.bfloat16):
            raw = network(image)["raw"]
    assert (raw - exact).abs().max() < 0.5 / 255
