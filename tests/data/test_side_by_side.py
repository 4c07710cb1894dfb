"""Pairs in one picture each, as pix2pix keeps them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from henkan.data.framing import CropFlip
from henkan.data.pictures import Pictures
from henkan.data.side_by_side import SideBySide
from henkan.data.stream import EvaluationSet, TrainingStream
from henkan.degradations.identity import Identity
from henkan.errors import BrokenPicture, UserError


def pairs(path: Path, *names: str, width: int = 24) -> Path:
    """Pictures that tell by their color on which side a pixel is, and by their tone where on it."""
    for name in names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        both = np.zeros((10, width, 3), np.uint8)
        for side in (0, 1):
            half = both[:, side * (width // 2) : (side + 1) * (width // 2)]
            half[..., side], half[..., 2] = 255, np.arange(half.shape[1]) * 20
        Image.fromarray(both).save(path / name)
    return path


NAMES = ("train/a.png", "train/b.png", "val/c.png", "test/d.png")


@pytest.mark.parametrize(("direction", "source"), [("AtoB", 0), ("BtoA", 1)])
def test_halves_are_source_and_target(tmp_path: Path, direction: str, source: int) -> None:
    data = SideBySide(pairs(tmp_path, *NAMES), tmp_path / ".cache", direction)  # type: ignore[arg-type]
    assert [data.names(split) for split in ("train", "val", "test")] == [NAMES[:2], NAMES[2:3], NAMES[3:]]  # type: ignore[arg-type]
    shown, made = data.companions(NAMES[0])["source"], data.picture(NAMES[0])
    assert shown.shape == made.shape == (10, 12, 3) and made.flags["C_CONTIGUOUS"]
    for half, side in ((shown, source), (made, 1 - source)):
        assert (half[..., side] == 255).all() and (half[..., 1 - side] == 0).all()
        assert (half[0, :, 2] == np.arange(12) * 20).all()


def drawn(data: Pictures, seed: int = 3) -> list[dict[str, np.ndarray]]:
    stream = TrainingStream(data, CropFlip(8, None), Identity(), seed)
    return [stream["generator", i] for i in range(6)]


def test_halves_are_cut_alike_and_samples_are_drawn_from_the_seed(tmp_path: Path) -> None:
    data = SideBySide(pairs(tmp_path, *NAMES), tmp_path / ".cache")
    items, again = drawn(data), drawn(SideBySide(tmp_path, tmp_path / ".cache"))
    for item, same in zip(items, again, strict=True):
        assert np.array_equal(item["source"][2], item["target"][2])
        assert np.array_equal(item["target"], same["target"]) and item["name"] == same["name"]
    assert {tuple(item["target"][2, 0]) for item in drawn(data, 4)} != {tuple(item["target"][2, 0]) for item in items}


def test_an_odd_width_has_no_halves(tmp_path: Path) -> None:
    pairs(tmp_path, *NAMES)
    pairs(tmp_path, "test/e.png", width=25)
    data = SideBySide(tmp_path, tmp_path / ".cache")
    samples = EvaluationSet(data, "test", None, Identity(), 0)
    assert samples[0]["target"].shape == (3, 10, 12)
    with pytest.raises(
        BrokenPicture, match=r"test/e\.png is 25x10 pixels, and two pictures .* of an even width: cut it"
    ):
        samples[1]
    with pytest.raises(UserError, match=r"data\.direction=both must be AtoB or BtoA"):
        SideBySide(tmp_path, direction="both")  # type: ignore[arg-type]


def test_halves_of_what_is_kept_smaller_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.cache_side=101: what lies in .* cannot be kept shrunk"):
        SideBySide(pairs(tmp_path, *NAMES), tmp_path / ".cache", cache_side=101)
