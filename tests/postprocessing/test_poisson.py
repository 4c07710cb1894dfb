"""Poisson blending: nothing moves, known pixels stay, and a fill of another brightness is fitted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from henkan.postprocessing import known_edge, poisson
from henkan.postprocessing.known_edge import KnownEdgeBlend
from henkan.postprocessing.known_edge import blend as fitted
from henkan.postprocessing.poisson import PoissonBlend, blend

# top, bottom, left, right in a picture of 40 x 48
BOXES = {
    "even": (10, 22, 12, 28),
    "odd": (10, 21, 12, 27),
    "even by odd": (9, 21, 13, 26),
    "at the top": (0, 13, 10, 25),
    "at the bottom": (28, 40, 11, 24),
    "at the left": (11, 24, 0, 14),
    "at the right": (12, 25, 30, 48),
    "top left": (0, 12, 0, 13),
    "top right": (0, 13, 35, 48),
    "bottom left": (27, 40, 0, 12),
    "bottom right": (26, 40, 34, 48),
    "whole width": (12, 23, 0, 48),
    "whole height": (0, 40, 20, 33),
    "all but a row": (0, 39, 0, 48),
    "one pixel": (20, 21, 20, 21),
}


def picture() -> np.ndarray:
    noise = np.random.default_rng(3).integers(0, 256, (40, 48, 3), np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (5, 5), 1), np.uint8)


def hole(*names: str) -> np.ndarray:
    mask = np.zeros((40, 48), np.uint8)
    for name in names:
        top, bottom, left, right = BOXES[name]
        mask[top:bottom, left:right] = 1
    return mask


@pytest.mark.parametrize("names", [*((name,) for name in BOXES), ("top left", "bottom right"), ("top right", "even")])
def test_a_picture_cloned_into_itself_is_itself(names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poisson.cv2, "inpaint", lambda image, *_: image)
    found = blend(picture(), hole(*names)).astype(int)
    # One level of rounding is OpenCV's; a shift by one pixel would be tens of levels.
    assert np.abs(found - picture()).max() <= 1


@pytest.mark.parametrize("name", BOXES)
def test_known_pixels_are_the_output_rounded(name: str) -> None:
    mask = torch.from_numpy(hole(name))[None, None].float()
    output = torch.rand(1, 3, 40, 48, generator=torch.Generator().manual_seed(0))
    found = PoissonBlend()(output, mask)
    known = (mask == 0).expand_as(output)
    assert torch.equal(found[known], output.mul(255).round().div(255)[known])
    assert torch.equal(found, found.mul(255).round().div(255))


def test_a_fill_that_is_too_bright_is_fitted_to_what_is_around_it() -> None:
    around = torch.full((1, 3, 40, 48), 100 / 255)
    mask = torch.from_numpy(hole("even"))[None, None].float()
    found = PoissonBlend()(around + 0.2 * mask, mask)
    assert (found - around).abs().max() <= 3 / 255


def test_the_texture_of_the_fill_stays() -> None:
    mask = np.zeros((40, 48), np.uint8)
    mask[6:34, 6:42] = 1
    truth = np.asarray(picture() // 2 + 40, np.uint8)
    brighter = np.where(mask[..., None] > 0, truth + np.uint8(40), truth).astype(np.uint8)
    found = blend(brighter, mask).astype(float)
    inside = np.s_[12:28, 12:36]
    assert np.corrcoef(found[inside].ravel(), truth[inside].ravel())[0, 1] > 0.9
    assert np.abs(found - truth)[inside].mean() < 15


@pytest.mark.parametrize("share", [0, 1])
def test_without_hole_or_without_anything_else_it_only_rounds(share: int) -> None:
    output = torch.rand(2, 3, 9, 11, generator=torch.Generator().manual_seed(0))
    found = PoissonBlend()(output, torch.full((2, 1, 9, 11), float(share)))
    assert torch.equal(found, output.mul(255).round().div(255))


@pytest.mark.parametrize("name", BOXES)
def test_a_ramp_of_any_offset_comes_back(name: str) -> None:
    rows, columns = np.mgrid[:40, :48]
    truth = (0.2 + 0.004 * rows + 0.006 * columns)[..., None].repeat(3, 2)
    where = hole(name) > 0
    found = fitted(np.where(where[..., None], truth + 0.3, truth), where)
    np.testing.assert_allclose(found, truth, atol=1e-6 if name != "one pixel" else 0.02)


def test_a_perfect_fill_comes_back_within_a_level(beside: Callable[[str], Path]) -> None:
    path = beside("data/set5/butterfly.png")
    truth = np.asarray(cv2.imread(str(path)), np.float64) / 255
    for top, left in ((40, 40), (90, 120), (150, 60)):
        where = np.zeros(truth.shape[:2], bool)
        where[top : top + 64, left : left + 64] = True
        found = fitted(truth, where)
        assert 255 * np.abs(found - truth)[where].mean() < 1
        assert np.array_equal(found[~where], truth[~where])


@pytest.mark.parametrize("name", BOXES)
def test_known_pixels_stay_with_a_known_edge(name: str) -> None:
    mask = torch.from_numpy(hole(name))[None, None].float()
    output = torch.rand(1, 3, 40, 48, generator=torch.Generator().manual_seed(0))
    found = KnownEdgeBlend()(output, mask)
    known = (mask == 0).expand_as(output)
    assert torch.equal(found[known], output.mul(255).round().div(255)[known])
    assert torch.equal(found, found.mul(255).round().div(255))


def test_a_fill_that_is_too_bright_is_fitted_and_keeps_its_texture() -> None:
    where = np.zeros((40, 48), bool)
    where[6:34, 6:42] = True
    truth = (picture() // 2 + 40) / 255
    found = fitted(np.where(where[..., None], truth + 0.15, truth), where)
    assert np.corrcoef(found[where].ravel(), truth[where].ravel())[0, 1] > 0.98
    assert 255 * np.abs(found - truth)[where].mean() < 3


def test_both_ways_to_solve_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    where, shown = hole("even", "top left") > 0, picture() / 255.0
    direct = fitted(shown, where)
    monkeypatch.setattr(known_edge, "FACTORED", 0)
    np.testing.assert_allclose(fitted(shown, where), direct, atol=1e-6)


@pytest.mark.parametrize("share", [0, 1])
def test_a_known_edge_without_hole_or_anything_else_only_rounds(share: int) -> None:
    output = torch.rand(2, 3, 9, 11, generator=torch.Generator().manual_seed(0))
    found = KnownEdgeBlend()(output, torch.full((2, 1, 9, 11), float(share)))
    assert torch.equal(found, output.mul(255).round().div(255))
