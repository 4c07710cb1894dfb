"""The residual block, and how networks of it start."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from henkan.networks.residual import ResidualBlock, initialize_residual


def test_a_block_adds_to_what_it_is_given() -> None:
    block = ResidualBlock(8, None)
    for parameter in block.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(2, 8, 5, 7)
    given = x.clone()
    assert torch.equal(block(x), x.relu())
    assert torch.equal(x, given)


def test_layers_of_a_block() -> None:
    block = ResidualBlock(8, nn.BatchNorm2d)
    assert [type(layer) for layer in (*block.first, *block.second)] == [
        nn.Conv2d,
        nn.BatchNorm2d,
        nn.ReLU,
        nn.Conv2d,
        nn.BatchNorm2d,
    ]


def test_many_blocks_start_without_growth() -> None:
    torch.manual_seed(0)
    blocks = nn.Sequential(*(ResidualBlock(64, None) for _ in range(16)))
    initialize_residual(blocks)
    first = blocks[0]
    assert isinstance(first, ResidualBlock)
    deviation = (2 / 576) ** 0.5
    assert first.first[0].weight.std().item() == pytest.approx(deviation, rel=0.05)  # type: ignore[operator]
    assert first.second[0].weight.std().item() == pytest.approx(deviation / 4, rel=0.05)  # type: ignore[operator]
    x = torch.rand(2, 64, 16, 16)
    assert blocks(x).square().mean() < 10 * x.square().mean()
