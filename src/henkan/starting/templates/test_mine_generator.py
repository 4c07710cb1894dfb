"""What the generator mine_generator makes of pictures of some sizes, and that it learns."""

from __future__ import annotations

from pathlib import Path

import torch

from henkan.trying.options import built, tried

FOLDER = Path(__file__).parents[1]


def test_it_makes_pictures_of_the_same_size() -> None:
    network = built("generator", "mine_generator", FOLDER)
    for height, width in ((8, 8), (13, 21)):
        image, mask = torch.rand(2, 3, height, width), torch.zeros(2, 1, height, width)
        assert network(image, mask).shape == image.shape


def test_it_learns() -> None:
    tried("generator", "mine_generator", FOLDER)
