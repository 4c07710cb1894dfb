"""Holes in the shape of objects."""

from __future__ import annotations

import numpy as np
import pytest

from henkan.data.pictures import Picture, Pictures
from henkan.degradations.object_mask import ObjectMask, silhouette
from henkan.errors import UserError
from henkan.randomness import generator_for

FILL = [0.5, 0.5, 0.5]


def ring() -> Picture:
    """A dark ring on white, 9 x 9 with a white middle, in a picture of 20 x 24."""
    picture = np.full((20, 24, 3), 255, np.uint8)
    picture[4:13, 6:15] = 20
    picture[7:10, 9:12] = 255
    return picture


class Rings(Pictures):
    def __init__(self) -> None:
        super().__init__(["train/a.png"], "rings")

    def picture(self, name: str) -> Picture:
        return ring()

    def manifest(self) -> str:
        return "rings"


def test_a_silhouette_has_no_hole_inside() -> None:
    assert silhouette(ring()).tolist() == np.ones((9, 9)).tolist()


def test_share_and_place() -> None:
    masks = ObjectMask(Rings(), [0.1, 0.2], FILL)
    target = np.zeros((64, 80, 3), np.uint8)
    drawn = [masks.draw(target, generator_for(seed)) for seed in range(30)]
    areas = [float(one["area"]) for one in drawn]
    assert all(0.08 < area < 0.22 for area in areas)
    assert max(areas) - min(areas) > 0.05
    assert len({tuple(one["window"].tolist()) for one in drawn}) > 20
    assert {one["kind"] for one in drawn} == {"object"}
    assert masks.draw(target, generator_for(7))["mask"].tobytes() == drawn[7]["mask"].tobytes()


def test_an_object_never_leaves_the_picture_or_fills_it() -> None:
    target = np.zeros((12, 50, 3), np.uint8)
    for seed in range(20):
        mask = ObjectMask(Rings(), [0.8, 0.9], FILL).draw(target, generator_for(seed))["mask"]
        assert mask.shape == (1, 12, 50) and 0 < mask.mean() < 1


def test_shares_rise() -> None:
    with pytest.raises(UserError, match="must rise"):
        ObjectMask(Rings(), [0.3, 0.2], FILL)
