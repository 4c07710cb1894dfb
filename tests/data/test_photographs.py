import pickle

import numpy as np
import pytest

from henkan.data import photographs
from henkan.data.photograph_tiles import PhotographTiles
from henkan.data.photographs import Photographs
from henkan.data.splits import SPLITS
from henkan.errors import UserError


def test_ten_pictures_every_split_has_some() -> None:
    data = Photographs()
    assert [len(data.names(split)) for split in SPLITS] == [7, 1, 2]
    for split in SPLITS:
        picture = data.picture(data.names(split)[0])
        assert picture.dtype == np.uint8 and picture.shape[2] == 3 and min(picture.shape[:2]) >= 300


def test_pickles_without_its_pixels() -> None:
    data = Photographs()
    data.picture(data.names("val")[0])
    assert len(pickle.dumps(data)) < 10_000
    assert data.manifest() == pickle.loads(pickle.dumps(data)).manifest()


def test_a_wheel_without_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photographs, "SPLIT_OF", {"skimage/unicorn.png": "train"})
    with pytest.raises(UserError, match=r"scikit-image does not carry unicorn\.png"):
        Photographs()


def test_scored_photographs_become_tiles() -> None:
    whole, tiles = Photographs(), PhotographTiles(100)
    assert [len(tiles.names(split)) for split in SPLITS] == [7, 1, 36]
    np.testing.assert_array_equal(
        tiles.picture("skimage/chelsea.png@200,300"), whole.picture("skimage/chelsea.png")[200:300, 300:400]
    )
    assert {tiles.picture(name).shape for name in tiles.names("test")} == {(100, 100, 3)}
    assert {tiles.split(name) for name in tiles.names("test")} == {"test"}
    with pytest.raises(UserError, match="larger than the photographs"):
        PhotographTiles(1000)
