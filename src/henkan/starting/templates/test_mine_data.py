"""What pictures the data mine_data have, and that a run trains on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from henkan.trying.options import built, tried

FOLDER = Path(__file__).parents[1]


def test_every_split_has_pictures_and_each_is_always_the_same() -> None:
    data = built("data", "mine_data", FOLDER)
    assert [len(data.names(split)) for split in ("train", "val", "test")] == [80, 10, 10]
    first, second = (data.picture(name) for name in data.names("train")[:2])
    assert first.shape == (96, 96, 3) and first.dtype == np.uint8
    np.testing.assert_array_equal(first, data.picture(data.names("train")[0]))
    assert (first != second).any()


def test_a_run_trains_on_them() -> None:
    tried("data", "mine_data", FOLDER)
