"""Holes from files: drawn, any of a folder, the picture's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from henkan.degradations.mask_files import DrawnMask, FolderMasks, NamedMasks
from henkan.errors import UserError
from henkan.randomness import generator_for

FILL = [0.5, 0.5, 0.5]
TARGET = np.zeros((20, 30, 3), np.uint8)


def mask(height: int, width: int, top: int, left: int) -> np.ndarray:  # type: ignore[type-arg]
    found = np.zeros((height, width), np.uint8)
    found[top : top + 4, left : left + 6] = 1
    return found


def save(pixels: np.ndarray, path: Path) -> Path:  # type: ignore[type-arg]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels * 255).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(mask(20, 30, 3, 5), tmp_path / "a.png")
    save(mask(20, 30, 10, 20), tmp_path / "deep" / "b.png")
    save(mask(40, 60, 10, 20), tmp_path / "large.png")
    return tmp_path


def test_a_drawn_mask_is_that_of_every_picture(folder: Path) -> None:
    drawn = DrawnMask(folder / "a.png", FILL).draw(TARGET, generator_for(0))
    assert np.array_equal(drawn["mask"][0], mask(20, 30, 3, 5))
    assert (drawn["area"], drawn["kind"], drawn["window"].tolist()) == (24 / 600, "drawn", [5, 8])
    fitted = DrawnMask(folder / "large.png", FILL).draw(TARGET, generator_for(0))
    assert fitted["mask"].shape == (1, 20, 30) and 0 < fitted["mask"].sum() < 24


def test_any_mask_of_a_folder(folder: Path) -> None:
    masks = FolderMasks(folder, FILL)
    several = [masks.draw(TARGET, generator_for(seed))["mask"].tobytes() for seed in range(20)]
    assert len(set(several)) > 2
    assert masks.draw(TARGET, generator_for(3))["mask"].tobytes() == several[3]
    assert masks.draw(TARGET, generator_for(3))["kind"] == "folder"


def test_each_picture_has_its_own(folder: Path) -> None:
    masks = NamedMasks(folder, FILL)
    assert np.array_equal(masks.draw(TARGET, generator_for(0), "deep/b.jpg")["mask"][0], mask(20, 30, 10, 20))
    with pytest.raises(UserError, match=r"c\.jpg has no mask: .*c\.png .* is missing"):
        masks.draw(TARGET, generator_for(0), "c.jpg")
    with pytest.raises(UserError, match=r"large\.jpg has 30x20 pixels, its mask 60x40"):
        masks.draw(TARGET, generator_for(0), "large.jpg")


def test_empty_full_and_no_masks(tmp_path: Path) -> None:
    save(np.zeros((20, 30), np.uint8), tmp_path / "empty" / "a.png")
    save(np.ones((20, 30), np.uint8), tmp_path / "full" / "a.png")
    for name, said in (("empty", "is empty"), ("full", "covers the whole picture")):
        with pytest.raises(UserError, match=said):
            FolderMasks(tmp_path / name, FILL).draw(TARGET, generator_for(0))
        with pytest.raises(UserError, match=said):
            NamedMasks(tmp_path / name, FILL).draw(TARGET, generator_for(0), "a.png")
    # Planning a run asks for this first.
    with pytest.raises(UserError, match="is no folder"):
        FolderMasks(tmp_path / "nowhere", FILL).manifest()
    with pytest.raises(UserError, match="there is no mask"):
        DrawnMask(tmp_path / "nowhere.png", FILL).manifest()


def test_other_masks_are_another_manifest(folder: Path) -> None:
    first = FolderMasks(folder, FILL).manifest()
    assert FolderMasks(folder, FILL).manifest() == first
    save(mask(20, 30, 4, 5), folder / "a.png")
    assert FolderMasks(folder, FILL).manifest() != first
