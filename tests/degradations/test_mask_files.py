"""Holes from files: drawn, any of a folder, the picture's own."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from henkan.data.masks import read_packed
from henkan.degradations import mask_files as module
from henkan.degradations.degradation import Degradation
from henkan.degradations.edited import Edited
from henkan.degradations.edits import Nothing
from henkan.degradations.mask_files import DrawnMask, FolderMasks, NamedMasks
from henkan.degradations.reversed import Reversed
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
    with pytest.raises(UserError, match=r"large\.jpg: its mask is 60x40 pixels, the picture 30x20: make them equal"):
        masks.draw(TARGET, generator_for(0), "large.jpg")


def wrapped(masks: FolderMasks) -> list[Degradation]:
    return [Reversed(masks), Edited(masks, {"nothing": Nothing()}, {"nothing": 1.0})]


def test_what_is_made_of_masks_lacks_what_they_lack_and_checks_them(folder: Path, tmp_path: Path) -> None:
    for one in wrapped(NamedMasks(folder, FILL)):
        assert one.lacking(["a.jpg", "c.jpg", "deep/b.jpg"]) == ["c.jpg"]
    save(np.zeros((20, 30), np.uint8), tmp_path / "blank" / "a.png")
    for one in wrapped(FolderMasks(tmp_path / "blank", FILL, tmp_path / "cache")):
        with pytest.raises(UserError, match="all 1 masks are blank or full"):
            one.check()


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


def test_a_blank_mask_is_passed_over(folder: Path, tmp_path: Path) -> None:
    """One mask of 22 is black, one has a pixel that a small picture does not show; no other sample is another."""
    for number in range(20):
        save(mask(64, 64, number, 2 * number), tmp_path / "many" / f"{number:02}.png")
    save(mask(64, 64, 0, 0), tmp_path / "many" / "zz.png")
    few = np.zeros((64, 64), np.uint8)
    few[1, 1] = 1
    save(few, tmp_path / "many" / "zy.png")
    reference = FolderMasks(tmp_path / "many", FILL)
    others = [reference.draw(TARGET, generator_for(seed)) for seed in range(200)]
    save(np.zeros((64, 64), np.uint8), tmp_path / "many" / "zz.png")
    masks = FolderMasks(tmp_path / "many", FILL)
    drawn = [masks.draw(TARGET, generator_for(seed)) for seed in range(200)]
    assert all(0 < one["area"] < 1 for one in drawn)
    again = [np.array_equal(one["mask"], other["mask"]) for one, other in zip(drawn, others, strict=True)]
    # Two of 22 masks are passed over, and neither serves a window.
    assert 0.8 < np.mean(again) < 1


def test_a_mask_is_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(module, "read_packed", lambda path: (read.append(path.name), read_packed(path))[1])
    masks = FolderMasks(folder, FILL)
    first = masks.draw(TARGET, generator_for(3))
    for seed in range(20):
        masks.draw(TARGET, generator_for(seed))
    assert sorted(read) == ["a.png", "b.png", "large.png"]
    assert np.array_equal(masks.draw(TARGET, generator_for(3))["mask"], first["mask"])
    # In an eighth of the memory that its pixels take.
    assert read_packed(folder / "large.png").nbytes == 40 * 8
    assert np.array_equal(read_packed(folder / "large.png").mask, mask(40, 60, 10, 20))
    assert isinstance(pickle.loads(pickle.dumps(masks)), FolderMasks)


def test_masks_are_checked_once(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    cache = tmp_path_factory.mktemp("cache")
    save(np.zeros((20, 30), np.uint8), folder / "blank.png")
    FolderMasks(folder, FILL, cache).check()
    assert f"{folder}: 1 of 4 masks are blank or full and never drawn" in capsys.readouterr().err
    with monkeypatch.context() as patched:
        patched.setattr(module, "read_mask", lambda path: pytest.fail("it was read again"))
        FolderMasks(folder, FILL, cache).check()
        assert "1 of 4" in capsys.readouterr().err
    for name in ("x.png", "y.png"):
        (folder / name).write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"x\.png is not a picture: .* \(and 1 more of 6 masks\)"):
        FolderMasks(folder, FILL, cache).check()
    for path in folder.rglob("*.png"):
        save(np.ones((20, 30), np.uint8), path)
    with pytest.raises(UserError, match="all 6 masks are blank or full: give some with paint on black"):
        FolderMasks(folder, FILL, cache).check()
    NamedMasks(folder, FILL, cache).check()


def test_other_masks_are_another_manifest(folder: Path) -> None:
    first = FolderMasks(folder, FILL).manifest()
    assert FolderMasks(folder, FILL).manifest() == first
    save(mask(20, 30, 4, 5), folder / "a.png")
    assert FolderMasks(folder, FILL).manifest() != first
