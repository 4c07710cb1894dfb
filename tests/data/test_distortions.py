"""Photographs bent, cut and recolored: as a whole, in order, and what comes with them alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures_on_disk import folder_of, noise
from PIL import Image

from henkan.config.build import build
from henkan.config.composition import compose_root
from henkan.data.distortions import Distortions
from henkan.data.image_folder import ImageFolder
from henkan.data.paired_folder import PairedFolder
from henkan.data.pictures import Picture
from henkan.data.stream import TrainingStream
from henkan.data.svg_folder import SvgFolder
from henkan.data.tones import Contrast
from henkan.data.warps import Affine, Lens, Perspective
from henkan.degradations.holes import Rectangle
from henkan.degradations.identity import Identity
from henkan.errors import UserError
from henkan.randomness import generator_for

BRIGHTER = Contrast(brightness=0.2)


def released(*overrides: str) -> Distortions:
    framing = build(compose_root("train", ["scale=smoke", "augmentation=distortions", *overrides]).augmentation)
    assert isinstance(framing, Distortions)
    return framing


def framed(framing: Distortions, picture: Picture, i: int = 0) -> Picture:
    frame = framing.draw(picture.shape[0], picture.shape[1], generator_for(0, i), "a.png")
    return frame.recolored(frame(picture))


def test_a_sample_is_a_function_of_the_generator() -> None:
    picture = noise(60, 80)
    framing, again = released(), released()
    made = [framed(framing, picture, i) for i in range(12)]
    assert all(one.shape == (32, 32, 3) and one.dtype == np.uint8 and one.flags.c_contiguous for one in made)
    assert all(np.array_equal(one, framed(again, picture, i)) for i, one in enumerate(made))
    assert len({one.tobytes() for one in made}) == 12


def test_without_operators_it_is_a_crop_mirrored_half_of_the_time() -> None:
    picture, framing = noise(40, 50), Distortions(16)
    corners, mirrored = set(), 0
    windows = np.lib.stride_tricks.sliding_window_view(picture, (16, 16), (0, 1)).transpose(0, 1, 3, 4, 2)
    for i in range(300):
        crop = framed(framing, picture, i)
        found = [*zip(*np.nonzero((windows == crop).all((2, 3, 4))), strict=True)]
        if not found:
            mirrored += 1
            found = [*zip(*np.nonzero((windows == crop[:, ::-1]).all((2, 3, 4))), strict=True)]
        corners.update(found)
    assert 110 < mirrored < 190
    rows, columns = zip(*corners, strict=True)
    assert (min(rows), max(rows), min(columns), max(columns)) == (0, 24, 0, 34)


def test_pictures_are_bent_as_a_whole_and_then_cut() -> None:
    """The center of the scaling is that of the picture, not of the crop: a crop anywhere fits the bent picture."""
    y, x = np.mgrid[:65, :97]
    picture = np.stack((2 * x, 2 * y, 0 * x), -1).astype(np.uint8)
    framing = Distortions(16, {"affine": Affine(scale_x=2.0, scale_y=2.0)}, flip=0.0)
    for i in range(20):
        crop = framed(framing, picture, i).astype(int)
        frame = framing.draw(65, 97, generator_for(0, i), "a.png")
        left, top = 48 + 2 * (frame.places[0, 0, 0] - 48), 32 + 2 * (frame.places[1, 0, 0] - 32)
        assert (left, top) == (round(left), round(top)) and 0 <= left <= 81 and 0 <= top <= 49
        assert np.abs(crop[..., 0] - (48 + np.arange(left, left + 16)[None])).max() <= 1
        assert np.abs(crop[..., 1] - (32 + np.arange(top, top + 16)[:, None])).max() <= 1


def test_warps_come_in_order() -> None:
    """What is first turned and then scaled is not what is first scaled and then turned."""
    turn, widen = Affine(turn=90.0), Affine(scale_x=2.0)
    places = [
        Distortions(33, warps, flip=0.0).draw(33, 33, generator_for(0), "a").places - 16
        for warps in ({"turn": turn, "widen": widen}, {"widen": widen, "turn": turn})
    ]
    # (8, 4) of the result, from the center.
    assert places[0][:, 20, 24] == pytest.approx([4.0, -4.0], abs=1e-4)
    assert places[1][:, 20, 24] == pytest.approx([2.0, -8.0], abs=1e-4)


def test_outside_is_the_mirror_image() -> None:
    picture = noise(9, 12)
    crop = framed(Distortions(16, flip=0.0), picture)
    assert np.array_equal(crop[3:12, 2:14], picture)
    assert np.array_equal(crop[2], crop[4]) and np.array_equal(crop[:, 1], crop[:, 3])
    # Shrunk to half, the picture's own border shows its mirror image.
    away = np.abs(np.arange(33) - 16)
    ramp = np.tile((7 * away)[None, :, None], (33, 1, 3)).astype(np.uint8)
    half = framed(Distortions(33, {"a": Affine(scale_x=0.5, scale_y=0.5)}, flip=0.0), ramp)
    assert half[16, 16:].tolist()[:9:4] == [[0] * 3, [56] * 3, [112] * 3]
    assert half[16, 24:].tolist()[0:9:4] == [[112] * 3, [56] * 3, [0] * 3]


def test_companions_are_bent_alike_and_keep_their_tones(tmp_path: Path) -> None:
    class Lined(ImageFolder):
        """A picture whose companion is its own red."""

        def companions(self, name: str) -> dict[str, Picture]:
            return {"lines": self.picture(name)[..., :1].copy()}

    data = Lined(folder_of(tmp_path, ["train/a.png", "train/b.png"], 40, 50))
    warps = {"p": Perspective(deviation=0.05), "a": Affine(turn=[-40, 40]), "l": Lens(strength=[-0.05, 0.05])}
    holes = Rectangle(2, 4, 8, [0.5] * 3)
    bent = TrainingStream(data, Distortions(16, warps), holes, seed=0)
    bright = TrainingStream(data, Distortions(16, warps, {"b": BRIGHTER}), holes, seed=0)
    for i in range(6):
        one, other = bent["generator", i], bright["generator", i]
        assert np.array_equal(one["lines"], one["target"][:1]) and one["lines"].shape == (1, 16, 16)
        assert np.array_equal(other["lines"], one["lines"])
        assert np.array_equal(other["target"], np.minimum(one["target"].astype(int) + 51, 255))


def test_pairs_keep_their_colors(tmp_path: Path) -> None:
    for side in ("source", "target"):
        folder_of(tmp_path / side, ["train/a.png"], 24, 24)
    pairs = PairedFolder(tmp_path)
    with pytest.raises(UserError, match=r"train/a\.png: its source would keep .* \(augmentation\.tones=null\)"):
        TrainingStream(pairs, released("scale.size=16"), Identity(), seed=0)["generator", 0]
    item = TrainingStream(pairs, released("scale.size=16", "augmentation.tones=null"), Identity(), seed=0)[
        "generator", 0
    ]
    assert np.array_equal(item["source"], item["target"])


def test_strokes_are_refused(tmp_path: Path) -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="72" height="72"><path d="M1,1 L9,9" stroke="#000"/></svg>'
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "a.svg").write_text(svg)
    drawings = SvgFolder(tmp_path, 72, cache=tmp_path / "cache")
    with pytest.raises(UserError, match="augmentation=turn_crop"):
        TrainingStream(drawings, Distortions(16), Identity(), seed=0)["generator", 0]


def test_drawings_are_black_and_white_again() -> None:
    page = np.where(noise(40, 40)[..., :1] > 128, 255, 0).astype(np.uint8)
    frame = Distortions(16, {"a": Affine(turn=30.0)}).draw(40, 40, generator_for(0), "a.png")
    assert 0 < frame(page).min(where=frame(page) > 0, initial=255) < 100
    clean = frame(page, threshold=0.9)
    assert clean.shape == (16, 16, 1) and clean.min(where=clean > 0, initial=255) >= 255 * 0.6


@pytest.mark.parametrize("group", ["warps", "tones"])
def test_leaving_one_out_changes_nothing_in_the_others(group: str) -> None:
    framing = released()
    rows: dict[str, Any] = framing.draws.describe(framing.draws.draw(5).tolist())
    for name in getattr(framing, group):
        without = released(f"augmentation.{group}.{name}=null")
        assert without.draws.describe(without.draws.draw(5).tolist()) == {
            key: value for key, value in rows.items() if key != f"{group}.{name}"
        }


def test_what_cannot_be() -> None:
    with pytest.raises(UserError, match=r"augmentation\.warps\.b is a Contrast, and no WarpOperator"):
        Distortions(16, {"b": BRIGHTER})
    with pytest.raises(UserError, match=r"augmentation\.size=1 must be 2"):
        Distortions(1)


def test_each_step_happens_to_half_of_the_pictures() -> None:
    framing = released()
    rows = np.stack([framing.draws.draw(number) for number in range(2000)])
    for (_, setting), values in zip(framing.draws.names, rows.T, strict=True):
        if setting == "happens":
            assert values.mean() == pytest.approx(0.5, abs=0.04)


def test_a_picture_of_its_own(tmp_path: Path) -> None:
    """A recolored picture is not written back into what the data keep."""
    Image.fromarray(noise(20, 20)).save(tmp_path / "a.png")
    picture = noise(20, 20)
    before = picture.copy()
    framed(Distortions(20, {}, {"b": BRIGHTER}, flip=0.0), picture)
    assert np.array_equal(picture, before)
