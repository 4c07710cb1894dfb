"""What the discriminator mine_discriminator says of pictures, and that two networks learn with it."""

from __future__ import annotations

from pathlib import Path

import torch

from henkan.trying.options import built, tried

FOLDER = Path(__file__).parents[1]


def test_it_says_logits_of_each_picture_that_depend_on_it() -> None:
    network = built("discriminator", "mine_discriminator", FOLDER)
    image = torch.rand(2, 3, 32, 32, requires_grad=True)
    logits, maps = network(image)
    assert len(logits) == 2 and [len(one) for one in maps] == [2, 2, 2]
    logits[0].sum().backward()
    assert image.grad is not None and image.grad[0].any() and not image.grad[1].any()


def test_both_networks_learn() -> None:
    tried("discriminator", "mine_discriminator", FOLDER)
