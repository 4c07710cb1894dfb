"""What repeats itself within a plane, and what completion makes of it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from henkan.baselines import planar_guidance
from henkan.baselines.filling import Hole
from henkan.baselines.nearest import Floats
from henkan.baselines.planar_guidance import PlanarGuidance
from henkan.baselines.planes import Planes, planes_of
from henkan.baselines.regularity import Regularity, features, regularity_of

ACROSS, DOWN = 28, 32
# How a wall looks that goes away to the left.
ASKEW = np.array([[0.9, 0.05, -20.0], [-0.15, 0.85, 12.0], [-0.0012, 0.0, 1.0]])


def facade(height: int = 128, width: int = 168) -> NDArray[np.uint8]:
    """Return a wall (H, W) of windows that are alike, `ACROSS` and `DOWN` apart, on plaster that is nowhere alike."""
    wall = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 12, (height, width)), (0, 0), 1.0) * 0.5 + 170
    for top in range(8, height - 18, DOWN):
        for left in range(7, width - 14, ACROSS):
            wall[top : top + 18, left : left + 14] = 60
            wall[top + 2 : top + 9, left + 2 : left + 6] = 220
            wall[top + 11 : top + 16, left + 2 : left + 12] = 120
            wall[top + 2 : top + 9, left + 8 : left + 12] = 20
    return wall.round().clip(0, 255).astype(np.uint8)


def seen_from(wall: NDArray[np.uint8], matrix: NDArray[np.float64]) -> NDArray[np.uint8]:
    height, width = wall.shape
    return np.asarray(cv2.warpPerspective(wall, matrix, (width, height), borderMode=cv2.BORDER_REFLECT))


def own_plane(shape: tuple[int, int]) -> Planes:
    horizons, axes = np.array([[0, 0, 1]], np.float32), np.eye(3, dtype=np.float32)[None, :2]
    return Planes(horizons, axes, np.ones((1, *shape), np.float32))


def test_windows_repeat_themselves_by_their_period() -> None:
    wall = facade()
    hole = np.zeros(wall.shape, bool)
    hole[40:80, 56:98] = True
    found = regularity_of(wall.astype(np.float32), hole, own_plane(wall.shape)).steps[0]
    for step in ((ACROSS, 0), (0, DOWN), (-ACROSS, 0), (0, -DOWN), (2 * ACROSS, 0)):
        assert np.abs(found - step).max(axis=1).min() < 0.7, step
    # All of them lead from window to window.
    off = found / [ACROSS, DOWN] - np.rint(found / [ACROSS, DOWN])
    assert np.abs(off * [ACROSS, DOWN]).max() < 1.5
    again = regularity_of(wall.astype(np.float32), hole, own_plane(wall.shape)).steps[0]
    assert np.array_equal(found, again)


@pytest.mark.parametrize("what", ["noise", "nothing"])
def test_nothing_repeats_itself_where_nothing_does(what: str) -> None:
    noise = np.random.default_rng(0).uniform(0, 255, (96, 96)) if what == "noise" else np.full((96, 96), 99.0)
    found = regularity_of(noise.astype(np.float32), np.zeros((96, 96), bool), own_plane((96, 96)))
    assert found.steps[0].shape == (0, 2)
    place = np.array([[3.0, 4.0]])
    assert np.array_equal(found.drawn(np.zeros(1, int), place, np.random.default_rng(0)), place)
    assert np.array_equal(found.nearest(np.zeros(1, int), place, place + 1), place + 1)


def test_features_lie_off_the_hole() -> None:
    wall = facade()
    hole = np.zeros(wall.shape, bool)
    hole[40:80, 56:98] = True
    x, y = np.rint(features(wall, hole)[0]).astype(int).T
    assert len(x) > 100 and not hole[y, x].any()


def test_a_displacement_is_the_same_everywhere_on_a_rectified_plane() -> None:
    # Places three apart on a plane, seen in perspective.
    matrix = np.array([[1.0, 0.2, 5.0], [0.1, 1.1, 7.0], [0.004, 0.002, 1.0]])
    grid = np.array([[x, y, 1.0] for x in range(0, 30, 3) for y in range(0, 30, 3)])
    seen = grid @ matrix.T
    places = seen[:, :2] / seen[:, 2:]
    horizon = np.linalg.inv(matrix)[2]
    one = Regularity(np.zeros((1, 2)), (horizon / horizon[2])[None], (np.zeros((0, 2)),))
    plane = np.zeros(len(grid), int)
    flat = one.rectified(plane, places)
    assert np.allclose(one.seen(plane, flat), places)
    steps = np.diff(flat.reshape(10, 10, 2), axis=0).reshape(-1, 2)
    assert np.allclose(steps, steps[0])
    repeated = Regularity(one.origins, one.horizons, (steps[:1],))
    start, end = places.reshape(10, 10, 2)[:-1].reshape(-1, 2), places.reshape(10, 10, 2)[1:].reshape(-1, 2)
    assert np.allclose(repeated.nearest(plane[:90], start, end + 0.3), end)
    assert np.allclose(repeated.drawn(plane[:90], start, np.random.default_rng(0)), end)


@pytest.mark.parametrize(("view", "share"), [("in front", 0.2), ("in perspective", 0.75)])
def test_what_sets_it_apart_a_facade_goes_on_by_its_period(
    view: str, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two windows are missing, and all that is known around them is wall.
    if view == "in front":
        wall, gone = facade(), np.s_[36:62, 59:109]
        flags = np.zeros(wall.shape, np.uint8)
        flags[gone] = 1
    else:
        wall, gone = facade(192, 252), np.s_[68:94, 87:137]
        flags = np.zeros(wall.shape, np.uint8)
        flags[gone] = 1
        wall, flags = (seen_from(one, ASKEW)[:128, :168] for one in (wall, flags))
    picture, hole = np.repeat(wall[..., None], 3, axis=2), flags > 0

    def error() -> float:
        found = PlanarGuidance().fill(np.where(hole[..., None], np.uint8(0), picture), hole)
        return float(np.abs(found[hole].astype(float) - picture[hole]).mean())

    def unseen(lightness: Floats, hole: Hole, planes: Planes) -> Regularity:
        return regularity_of(np.zeros_like(lightness), hole, planes)

    regular = error()
    monkeypatch.setattr(planar_guidance, "regularity_of", unseen)
    assert regular < share * error()


def test_planes_of_a_facade_have_displacements_of_their_own() -> None:
    wall = seen_from(facade(192, 252), ASKEW)
    hole = np.zeros(wall.shape, bool)
    hole[60:100, 80:130] = True
    planes = planes_of(wall.astype(np.float32), hole)
    found = regularity_of(wall.astype(np.float32), hole, planes)
    assert len(found.steps) == len(planes.horizons) > 1
    assert len(found.steps[1]) >= 8
