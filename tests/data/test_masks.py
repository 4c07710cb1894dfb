"""What is a mask, and what cannot be one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from henkan.data.masks import check_mask, read_mask
from henkan.errors import UserError

DRAWN = np.zeros((20, 30), np.uint8)
DRAWN[5:12, 8:20] = 1


def saved(image: Image.Image, path: Path) -> Path:
    image.save(path)
    return path


@pytest.mark.parametrize("color", [(255, 255, 255), (1, 0, 0), (0, 90, 0)])
def test_what_is_not_black_is_missing(tmp_path: Path, color: tuple[int, int, int]) -> None:
    pixels = DRAWN[..., None] * np.array(color, np.uint8)
    plain = Image.fromarray(pixels)
    for mode, image in (("RGB", plain), ("P", plain.quantize(4)), ("RGBA", plain.convert("RGBA"))):
        assert np.array_equal(read_mask(saved(image, tmp_path / f"{mode}.png")), DRAWN)


def test_grey_two_tones_and_transparency(tmp_path: Path) -> None:
    assert np.array_equal(read_mask(saved(Image.fromarray(DRAWN * 255), tmp_path / "l.png")), DRAWN)
    assert np.array_equal(read_mask(saved(Image.fromarray(DRAWN * 255).convert("1"), tmp_path / "1.png")), DRAWN)
    white = np.full((20, 30, 4), 255, np.uint8)
    white[..., 3] = DRAWN * 255
    assert np.array_equal(read_mask(saved(Image.fromarray(white), tmp_path / "a.png")), DRAWN)


def test_a_jpeg_s_dirt_is_no_hole(tmp_path: Path) -> None:
    large = np.kron(DRAWN, np.ones((8, 8), np.uint8)) * 255
    path = tmp_path / "m.jpg"
    Image.fromarray(large).save(path, quality=60)
    assert (read_mask(path) != large // 255).mean() < 0.01


@pytest.mark.parametrize("radius", [1, 3, 9])
def test_a_soft_edge_is_where_it_was_painted(radius: int, tmp_path: Path) -> None:
    sharp = np.kron(DRAWN, np.ones((8, 8), np.uint8)) * 255
    soft = Image.fromarray(sharp).filter(ImageFilter.GaussianBlur(radius))
    found = read_mask(saved(soft, tmp_path / "soft.png"))
    assert (np.asarray(soft) > 0).sum() > 1.04 * (sharp > 0).sum()
    # Corners are rounded off.
    assert np.abs(found.astype(int) - sharp // 255).sum() <= (0.02 + 0.005 * radius) * (sharp > 0).sum()


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_masks_of_more_bits_are_what_they_are_in_8(mode: str, tmp_path: Path) -> None:
    sharp = np.kron(DRAWN, np.ones((8, 8), np.uint8)) * 255
    soft = np.asarray(Image.fromarray(sharp).filter(ImageFilter.GaussianBlur(4)))
    noise = np.random.default_rng(0).integers(0, 2, soft.shape, np.uint8)
    kinds = {"I;16": np.uint16, "I": np.int32, "F": np.float32}
    ending = "tif" if mode == "F" else "png" if mode == "I;16" else "tiff"
    for number, mask in enumerate((soft, np.maximum(sharp, noise))):
        plain = read_mask(saved(Image.fromarray(mask), tmp_path / f"{number}.png"))
        more = Image.fromarray((mask.astype(np.float64) * 257).astype(kinds[mode]))
        assert more.mode == mode
        assert np.array_equal(read_mask(saved(more, tmp_path / f"{number} more.{ending}")), plain)
    labels = Image.fromarray(DRAWN.astype(kinds[mode]))
    assert np.array_equal(read_mask(saved(labels, tmp_path / f"labels.{ending}")), DRAWN)


@pytest.mark.parametrize("quality", [30, 75, 95])
@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
def test_a_mask_that_was_a_jpeg_is_what_was_painted(ending: str, quality: int, tmp_path: Path) -> None:
    """14 x 24 pixels: some 400 are not black once a JPEG was made of them, and stay so in a file without loss."""
    mask = np.zeros((64, 64), np.uint8)
    mask[17:31, 20:44] = 255
    Image.fromarray(mask).save(tmp_path / "once.jpg", quality=quality)
    once = Image.open(tmp_path / "once.jpg").convert("RGB")
    assert (np.asarray(once).max(axis=2) > 0).sum() > 336
    found = read_mask(saved(once, tmp_path / f"m.{ending}"))
    assert np.array_equal(found, mask // 255) and found.sum() == 336


def test_paint_that_covers_half(tmp_path: Path) -> None:
    layers = np.full((20, 30, 4), 255, np.uint8)
    layers[..., 3] = DRAWN * 128
    assert np.array_equal(read_mask(saved(Image.fromarray(layers), tmp_path / "a.png")), DRAWN)
    # Paint of several tones is all paint.
    tones = DRAWN * 255
    tones[5:8] //= 8
    assert np.array_equal(read_mask(saved(Image.fromarray(tones), tmp_path / "b.png")), DRAWN)


def test_a_picture_is_no_mask(tmp_path: Path) -> None:
    tones = np.random.default_rng(0).integers(30, 220, (40, 40, 3), np.uint8)
    with pytest.raises(UserError, match="looks like a picture, not like a mask: are picture and mask swapped"):
        read_mask(saved(Image.fromarray(tones), tmp_path / "photo.png"))


def test_a_drawing_on_white_paper_is_no_mask(tmp_path: Path) -> None:
    drawing = np.full((40, 40, 3), 255, np.uint8)
    drawing[10:30, 10:30] = 0
    drawing[12:28, 12:28] = (230, 180, 120)
    with pytest.raises(UserError, match="looks like a drawing, not like a mask: are picture and mask swapped"):
        read_mask(saved(Image.fromarray(drawing), tmp_path / "drawing.png"))
    # Two colors that a person painted with, or a large white hole, are fine.
    two = np.zeros((40, 40, 3), np.uint8)
    two[:10], two[30:] = (255, 0, 0), (0, 255, 0)
    assert read_mask(saved(Image.fromarray(two), tmp_path / "two.png")).mean() == 0.5
    two[:36] = 255
    two[36:] = 0
    assert read_mask(saved(Image.fromarray(two), tmp_path / "large.png")).mean() == 0.9


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no mask"):
        read_mask(tmp_path / "missing.png")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(UserError, match="not a picture"):
        read_mask(tmp_path / "text.png")


def test_what_no_picture_can_have() -> None:
    check_mask(DRAWN, (20, 30, 3), "a.png")
    with pytest.raises(UserError, match=r"a\.png: its mask is 30x20 pixels, the picture 20x30"):
        check_mask(DRAWN, (30, 20, 3), "a.png")
    with pytest.raises(UserError, match=r"a\.png: its mask is empty"):
        check_mask(DRAWN * 0, (20, 30, 3), "a.png")
    with pytest.raises(UserError, match=r"a\.png: its mask covers the whole picture"):
        check_mask(DRAWN * 0 + 1, (20, 30, 3), "a.png")
