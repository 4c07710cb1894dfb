"""Patches at a picture's own size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from pictures_on_disk import noise
from PIL import Image

from henkan.data.distortions import Distortions
from henkan.data.frame import Cut
from henkan.data.framing import CropFlip, Framing, TurnCrop
from henkan.data.paired_folder import PairedFolder
from henkan.data.patches import Patch, Patches
from henkan.data.stream import TrainingStream
from henkan.degradations.identity import Identity
from henkan.errors import UserError
from henkan.randomness import generator_for


def test_pixels_are_cut_turned_and_mirrored_in_this_order() -> None:
    picture = noise(9, 11)
    cut = picture[2:7, 3:8]
    assert np.array_equal(Patch(2, 3, 5, 0, False)(picture), cut)
    assert np.array_equal(Patch(2, 3, 5, 1, False)(picture), cut[::-1].transpose(1, 0, 2))
    assert np.array_equal(Patch(2, 3, 5, 2, False)(picture), cut[::-1, ::-1])
    assert np.array_equal(Patch(2, 3, 5, 1, True)(picture), cut.transpose(1, 0, 2))
    assert Patch(2, 3, 5, 3, True)(picture).flags.c_contiguous


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("mirror", [False, True])
def test_the_matrix_says_where_each_pixel_goes(turns: int, mirror: bool) -> None:
    picture = noise(12, 10)
    patch = Patch(3, 1, 6, turns, mirror)
    framed = patch(picture)
    rows, columns = np.mgrid[3:9, 1:7]
    centers = np.stack((columns.ravel() + 0.5, rows.ravel() + 0.5, np.ones(36)))
    x, y = np.floor(patch.matrix @ centers).astype(int)
    assert np.array_equal(framed[y, x], picture[rows.ravel(), columns.ravel()])


def test_a_turn_is_that_of_a_cut_without_its_interpolation() -> None:
    smooth = np.repeat(np.add.outer(4 * np.arange(24), 5 * np.arange(24)).astype(np.uint8)[..., None], 3, axis=2)
    exact, resampled = Patch(4, 6, 12, 1, False)(smooth), Cut(4, 6, 12, 12, False, 90.0)(smooth)
    assert np.abs(exact.astype(int) - resampled).max() <= 1


def test_patches_reach_every_border_and_all_eight_symmetries_alike() -> None:
    drawn = [Patches(8).draw(12, 10, generator_for(0, i), "a.png") for i in range(1600)]
    assert {patch.top for patch in drawn} == set(range(5)) and {patch.left for patch in drawn} == set(range(3))
    counts = Counter((patch.turns, patch.mirror) for patch in drawn)
    assert len(counts) == 8 and min(counts.values()) > 150
    assert all(patch.size == 8 for patch in drawn)


def test_no_setting_shifts_the_place_and_each_does_what_it_says() -> None:
    both, neither = (
        [framing.draw(40, 30, generator_for(1, i), "a") for i in range(60)]
        for framing in (Patches(8), Patches(8, flip=0.0, turn=False))
    )
    assert [(one.top, one.left) for one in both] == [(one.top, one.left) for one in neither]
    assert {(one.turns, one.mirror) for one in neither} == {(0, False)}
    assert (
        neither[0].keeps((8, 8, 3)) and not neither[0].keeps((9, 8, 3)) and not Patch(0, 0, 8, 2, False).keeps((8, 8))
    )
    assert both == [Patches(8).draw(40, 30, generator_for(1, i), "a") for i in range(60)]


def test_a_picture_and_its_companion_are_framed_alike(tmp_path: Path) -> None:
    for folder in ("source", "target"):
        (tmp_path / folder / "train").mkdir(parents=True)
        Image.fromarray(noise(20, 24)).save(tmp_path / folder / "train" / "a.png")
    stream = TrainingStream(PairedFolder(tmp_path), Patches(8), Identity(), 0)
    samples = [stream["generator", i] for i in range(12)]
    assert all(np.array_equal(sample["source"], sample["target"]) for sample in samples)
    assert len({sample["target"].tobytes() for sample in samples}) == 12


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UserError, match=r"small\.png is 20x12 pixels, smaller than the 16x16 patch"):
        Patches(16).draw(12, 20, generator_for(0), "small.png")


@pytest.mark.parametrize(
    "framing", [Patches, partial(CropFlip, resize=None), partial(TurnCrop, shrink=(1.0, 2.0)), Distortions]
)
@pytest.mark.parametrize("chance", [1.5, -0.1])
def test_a_mirror_has_a_chance(framing: Callable[..., Framing], chance: float) -> None:
    with pytest.raises(UserError, match=rf"augmentation\.flip={chance} must lie in"):
        framing(16, flip=chance)
