"""How scored pictures are framed: at the scale that was trained, with the share of missing pixels that was trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from henkan.config.composition import compose_root
from henkan.config.resolved import Config, resolved
from henkan.data.framing import AtScale
from henkan.data.image_folder import ImageFolder
from henkan.errors import UserError
from henkan.scoring.evaluation_set import evaluation_set, framing_of


def photos(folder: Path) -> ImageFolder:
    (folder / "test").mkdir()
    rng = np.random.default_rng(0)
    for name, (width, height) in {"large": (481, 321), "fits": (90, 72), "small": (30, 20)}.items():
        pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
        Image.fromarray(pixels).save(folder / "test" / f"{name}.png")
    return ImageFolder(folder)


def config(*words: str) -> Config:
    return resolved(compose_root("train", ["scale=laptop", "statistics.mean=[0.5,0.5,0.5]", *words]))


def test_photographs_are_scored_as_they_were_trained(tmp_path: Path) -> None:
    own = config("experiment=glcic")
    assert own["size"] == 64
    data = evaluation_set(own, photos(tmp_path), "test", own["evaluation"]["framing"])
    shapes = {item["name"]: item["target"].shape[1:] for item in (data[number] for number in range(3))}
    # The shorter side in training is 64 to 96: what lies within is whole, of all else a cut of 64 of 80.
    assert shapes == {"test/large.png": (64, 64), "test/fits.png": (72, 90), "test/small.png": (64, 64)}
    areas = {item["name"]: float(item["area"]) for item in (data[number] for number in range(3))}
    # Holes are 24 to 32 pixels a side: 14 to 25 % of 64 x 64; of 481 x 321 it would be under 1 %.
    assert 0.14 <= areas["test/large.png"] <= 0.25
    assert 0.14 <= areas["test/small.png"] <= 0.25


@pytest.mark.parametrize("said", ["evaluation.framing=whole", "evaluation.framing=null"])
def test_whole_pictures_where_they_are_asked_for(said: str, tmp_path: Path) -> None:
    own = config("experiment=glcic", said)
    data = evaluation_set(own, photos(tmp_path), "test", own["evaluation"]["framing"])
    assert data.framing is None and data[1]["target"].shape == (3, 321, 481)


@pytest.mark.parametrize("recipe", ["srresnet", "lama", "ffa_net", "sketch_simplification_2016"])
def test_what_is_trained_at_its_own_scale_is_whole(recipe: str, tmp_path: Path) -> None:
    own = config(f"experiment={recipe}")
    assert own["evaluation"]["framing"] == "trained"
    assert framing_of(own, photos(tmp_path), "trained") is None


def test_an_option_of_augmentation_and_a_word_that_is_none(tmp_path: Path) -> None:
    own, pictures = config("experiment=glcic", "augmentation@evaluation.framing=center"), photos(tmp_path)
    assert framing_of(own, pictures, own["evaluation"]["framing"]).size == 64  # type: ignore[union-attr]
    with pytest.raises(UserError, match="evaluation.framing=center is neither trained nor whole.*augmentation@"):
        framing_of(own, pictures, "center")


def test_what_is_within_the_scale_is_not_touched() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (80, 100, 3), np.uint8)
    frame = AtScale(64, 64, 96).draw(80, 100, np.random.default_rng(0), "a.png")
    assert frame.keeps(picture.shape) and np.array_equal(frame(picture), picture)
    assert np.array_equal(frame.matrix, [[1, 0, 0], [0, 1, 0]])
