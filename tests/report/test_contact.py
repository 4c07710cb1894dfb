"""The sheet of test pictures: what is reduced shows a detail at its own pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from henkan.report.contact import SIDE, cut, detail, fitted, lines


def flat(width: int, height: int, level: int = 90) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (200, 130), (304, 224), (101, 7)])
def test_the_detail_lies_where_outputs_differ(x: int, y: int) -> None:
    one, other = flat(400, 320), flat(400, 320)
    other[y : y + SIDE, x : x + SIDE] = 200
    assert detail([Image.fromarray(one), Image.fromarray(one), Image.fromarray(other)]) == (x, y, (400, 320))


@pytest.mark.parametrize("size", [(SIDE, SIDE), (400, SIDE), (20, 20), (2 * SIDE - 1, 2 * SIDE - 1)])
def test_small_outputs_have_no_detail(size: tuple[int, int]) -> None:
    assert detail([Image.fromarray(flat(*size, level)) for level in (0, 255)]) is None


def test_nothing_to_compare_has_no_detail() -> None:
    large = Image.fromarray(flat(300, 300))
    assert detail([]) is None
    assert detail([large]) is None
    assert detail([large, large]) is None
    assert detail([large, Image.fromarray(flat(300, 301, 0))]) is None


def test_a_cut_is_of_the_pictures_own_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (200, 240, 3), np.uint8)
    whole = Image.fromarray(pixels)
    assert np.array_equal(np.asarray(cut(whole, 30, 50, (240, 200))), pixels[50 : 50 + SIDE, 30 : 30 + SIDE])
    # Of a source a quarter as large, the same place: each pixel four times as wide.
    small = np.asarray(cut(Image.fromarray(pixels[:50, :60]), 32, 48, (240, 200)))
    assert np.array_equal(small, pixels[12:36, 8:32].repeat(4, 0).repeat(4, 1))


def test_a_reduced_row_has_a_second_line_and_given_pictures_take_no_part(tmp_path: Path) -> None:
    pixels = {name: flat(200, 200, level) for name, level in (("source", 0), ("mask", 255), ("target", 120))}
    pixels["one"], pixels["other"] = flat(200, 200), flat(200, 200)
    pixels["other"][104:, 104:] = 91
    for name, content in pixels.items():
        Image.fromarray(content).save(tmp_path / f"{name}.png")
    row = [tmp_path / f"{name}.png" for name in ("source", "mask", "one", "other", "target")]
    reduced, cuts = lines([*row[:4], None], outputs=slice(2, -1))
    assert [tile is None for tile in reduced] == [False] * 4 + [True]
    assert np.asarray(cuts[3]).min() == 91
    assert np.asarray(cuts[2]).max() == 90
    same = lines([row[0], row[1], row[2], row[2], row[4]], outputs=slice(2, -1))
    assert len(same) == 1


def test_small_pictures_are_enlarged_by_whole_pixels() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (30, 40, 3), np.uint8)
    tile = np.asarray(fitted(Image.fromarray(pixels)))
    assert np.array_equal(tile[18:78, 8:88], pixels.repeat(2, 0).repeat(2, 1))
