"""Completion without learning: what papers say of each method, and what all must hold."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from henkan.baselines import planar_guidance
from henkan.baselines.biharmonic import Biharmonic
from henkan.baselines.criminisi import Criminisi
from henkan.baselines.filling import Filling, Hole, Picture
from henkan.baselines.image_melding import ImageMelding, poisson
from henkan.baselines.navier_stokes import NavierStokes
from henkan.baselines.nearest import NearestField
from henkan.baselines.patchmatch import PatchMatch
from henkan.baselines.planar_guidance import PlanarField, PlanarGuidance
from henkan.baselines.planes import Planes, planes_of
from henkan.baselines.regularity import Regularity
from henkan.baselines.telea import Telea
from henkan.errors import UserError
from henkan.randomness import generator_for

EXEMPLARS: list[type[Filling]] = [PatchMatch, Criminisi, ImageMelding, PlanarGuidance]
METHODS: list[type[Filling]] = [Telea, NavierStokes, Biharmonic, *EXEMPLARS]
every_method = pytest.mark.parametrize("method", METHODS)


def noise(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)).mul(255).round().div(255)


def box(side: int, top: int, left: int, height: int, width: int) -> Tensor:
    mask = torch.zeros(1, 1, side, side)
    mask[..., top : top + height, left : left + width] = 1.0
    return mask


HOLES = {
    "middle": box(32, 12, 10, 8, 9),
    "one pixel": box(32, 5, 6, 1, 1),
    "corner": box(32, 0, 0, 7, 8),
    "border": box(32, 25, 10, 7, 9),
    "two": (box(32, 3, 3, 5, 6) + box(32, 18, 20, 6, 5)),
}


@every_method
@pytest.mark.parametrize("hole", HOLES)
def test_known_pixels_stay_and_the_hole_does_not_matter(method: type[Filling], hole: str) -> None:
    image, mask = noise(1, 3, 32, 32), HOLES[hole]
    raw = method()(image, mask)["raw"]
    assert raw.shape == image.shape and raw.dtype == torch.float32
    assert raw.min() >= 0 and raw.max() <= 1
    known = mask.expand_as(raw) == 0
    assert torch.equal(raw[known], image[known])
    other = method()(torch.where(known, image, 0.7), mask)["raw"]
    assert torch.equal(raw, other)


@every_method
@pytest.mark.parametrize("hole", HOLES)
@pytest.mark.parametrize("value", [0, 137, 255])
def test_a_constant_picture_stays_constant(method: type[Filling], hole: str, value: int) -> None:
    image = torch.full((1, 3, 32, 32), value / 255.0)
    raw = method()(torch.where(HOLES[hole] > 0, 0.5, image), HOLES[hole])["raw"]
    # OpenCV's Telea adds a normalized gradient, and is a few grey levels off.
    allowed = 5.5 / 255.0 if method is Telea else 1e-6
    assert (raw - image).abs().max() <= allowed


@every_method
def test_each_picture_of_a_batch_is_filled_as_alone(method: type[Filling]) -> None:
    image, mask = noise(2, 3, 32, 32), torch.cat((HOLES["middle"], HOLES["corner"]))
    both = method()(image, mask)["raw"]
    alone = torch.cat([method()(image[k : k + 1], mask[k : k + 1])["raw"] for k in range(2)])
    assert torch.equal(both, alone)


@every_method
def test_a_grey_picture_is_filled_and_stays_grey(method: type[Filling]) -> None:
    image, mask = noise(1, 1, 32, 32), HOLES["middle"]
    raw = method()(image, mask)["raw"]
    assert raw.shape == image.shape and torch.equal(raw[mask == 0], image[mask == 0])


@every_method
def test_nothing_missing_and_nothing_known(method: type[Filling]) -> None:
    image = noise(1, 3, 32, 32)
    assert torch.equal(method()(image, torch.zeros(1, 1, 32, 32))["raw"], image)
    with pytest.raises(UserError, match="covers the whole picture"):
        method()(image, torch.ones(1, 1, 32, 32))


@every_method
def test_there_is_nothing_to_learn(method: type[Filling]) -> None:
    assert not list(method().parameters())


def stripes_in_the_hole(method: type[Filling]) -> float:
    """Return PSNR in dB in a hole of 24 x 24 in stripes 4 pixels wide."""
    stripes = np.where(np.arange(64) // 4 % 2 == 0, 20, 220).astype(np.uint8)
    picture = np.broadcast_to(stripes[None, :, None], (64, 64, 3)).copy()
    hole = np.zeros((64, 64), bool)
    hole[20:44, 20:44] = True
    filled = method().fill(np.where(hole[..., None], np.uint8(0), picture), hole)
    error = np.square(filled[hole].astype(float) - picture[hole]).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-3)))


def test_only_exemplars_continue_stripes() -> None:
    found = {method: stripes_in_the_hole(method) for method in METHODS}
    assert found[Telea] == pytest.approx(6.31, abs=0.5)
    assert found[NavierStokes] == pytest.approx(6.48, abs=0.5)
    assert min(found[method] for method in EXEMPLARS) > 25 > 12 > max(found[m] for m in (Telea, NavierStokes))


def test_a_ramp_through_a_narrow_hole() -> None:
    ramp = np.broadcast_to((4 * np.arange(48, dtype=np.uint8))[None, :, None], (48, 48, 3)).copy()
    hole = np.zeros((48, 48), bool)
    hole[10:38, 20] = True
    for method, radius, allowed in ((Telea, 1, 0), (Telea, 5, 2), (NavierStokes, 1, 0), (NavierStokes, 5, 0)):
        filled = method(radius=radius).fill(np.where(hole[..., None], np.uint8(0), ramp), hole)
        assert np.abs(filled.astype(int) - ramp).max() <= allowed


@pytest.mark.parametrize("method", EXEMPLARS)
@pytest.mark.parametrize("known", [2, 3, 5])
def test_patches_are_as_large_as_what_is_known(method: type[Any], known: int) -> None:
    """Where no patch of the side lies outside the hole, the result is that of the largest side of which one does."""
    image, mask = noise(1, 3, 16, 16), box(16, 0, 0, 16, 16)
    mask[..., 6 : 6 + known, 5 : 5 + known] = 0.0
    if method is Criminisi and known < 3:
        with pytest.raises(UserError, match="no patch of 3 x 3 pixels lies outside the hole"):
            method()(image, mask)
        return
    raw = method()(image, mask)["raw"]
    assert torch.equal(raw, method(side=known)(image, mask)["raw"])
    if method in (PatchMatch, Criminisi):
        shown = {tuple(color) for color in image[0, :, 6 : 6 + known, 5 : 5 + known].flatten(1).T.tolist()}
        assert {tuple(color) for color in raw[0].flatten(1).T.tolist()} == shown


@pytest.mark.parametrize("method", EXEMPLARS)
def test_nothing_to_copy_is_said_with_the_way_out(method: type[Filling]) -> None:
    mask = torch.ones(1, 1, 16, 16)
    mask[..., ::2, ::2] = 0.0
    with pytest.raises(UserError, match="nothing to copy: take a method that copies no patches, biharmonic say"):
        method()(noise(1, 3, 16, 16), mask)


def test_a_patch_has_two_pixels_at_least() -> None:
    with pytest.raises(UserError, match=r"generator\.side=1 must be 2 or more"):
        PatchMatch(side=1)


def test_a_patch_of_criminisi_is_odd() -> None:
    with pytest.raises(UserError, match="odd"):
        Criminisi(side=8)


def test_confidence_is_positive_and_never_above_one() -> None:
    picture = (noise(40, 40, 3).numpy() * 255).astype(np.uint8)
    hole = np.zeros((40, 40), bool)
    hole[10:25, 0:18] = True
    _, confidence = Criminisi().complete(picture, hole)
    assert confidence.shape == hole.shape
    assert confidence.min() > 0 and confidence.max() <= 1
    assert (confidence[~hole] == 1).all() and confidence[hole].max() < 1


def field_of(source: NDArray[np.float32], target: NDArray[np.float32], side: int = 7) -> NearestField:
    """Return a field from every patch of one picture to those of another, begun at random."""
    places = tuple(length - side + 1 for length in source.shape[:2])
    rng = generator_for(0, "test")
    start = np.stack([rng.integers(0, length, places[0] * places[1]) for length in places]).astype(np.int32)
    field = NearestField(np.ones(places, bool), np.ones(places, bool), side, start, rng)
    field.compare(source, target)
    return field


def test_the_search_never_loses_a_match() -> None:
    ramp = np.broadcast_to(np.linspace(0, 255, 48, dtype=np.float32)[None, :, None], (48, 48, 3)).copy()
    field = field_of(ramp, ramp[:, ::-1].copy())
    costs = [field.cost.copy()]
    for _ in range(5):
        field.search(passes=1)
        costs.append(field.cost.copy())
    assert all((later <= earlier).all() for earlier, later in pairwise(costs))
    assert costs[-1].mean() < 0.1 * costs[0].mean()


def test_the_search_finds_a_picture_in_itself() -> None:
    picture = noise(48, 48, 3).numpy() * 255
    field = field_of(picture, picture)
    field.search(passes=6, steps=(8, 4, 2, 1))
    own = (field.y == field.query_y) & (field.x == field.query_x)
    assert own.mean() > 0.95
    assert (field.cost[own] == 0).all()


def filled_by(method: type[Filling], picture: Picture, hole: Hole) -> float:
    """Return PSNR in dB in the hole of a picture that a method fills."""
    found = method().fill(np.where(hole[..., None], np.uint8(0), picture), hole)
    return float(10 * np.log10(255**2 / np.square(found[hole].astype(float) - picture[hole]).mean()))


def grey(tones: NDArray[np.float64]) -> Picture:
    return np.repeat(tones[..., None], 3, axis=2).round().astype(np.uint8)


def test_what_sets_image_melding_apart_a_texture_goes_on_where_it_is_turned() -> None:
    y, x = np.indices((48, 88))
    angle = np.where(x < 62, 0.0, np.radians(35))
    u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    picture = grey(127 + 60 * np.sin(2 * np.pi * u / 9) + 40 * np.sin(2 * np.pi * v / 14))
    # Around the hole there is too little of the turned texture for a patch.
    hole = np.zeros((48, 88), bool)
    hole[6:-6, 68:-6] = True
    assert filled_by(ImageMelding, picture, hole) > filled_by(PatchMatch, picture, hole) + 6


def test_what_sets_image_melding_apart_light_goes_on_falling() -> None:
    y, x = np.indices((48, 64))
    picture = grey(60 + 1.8 * x + 12 * np.sin(2 * np.pi * y / 8) * np.sin(2 * np.pi * x / 8))
    hole = (x >= 24) & (x < 40)
    assert filled_by(ImageMelding, picture, hole) > max(32.0, filled_by(PatchMatch, picture, hole) + 6)


def test_slopes_and_a_rim_make_a_picture() -> None:
    y, x = np.indices((12, 14)).astype(np.float32)
    picture = np.stack([np.sin(x) + y, x * y, x - 2 * y], axis=2)
    hole = np.zeros(x.shape, bool)
    hole[3:9, 4:14] = True
    wrong = np.where(hole[..., None], picture + 5, picture)
    slopes = np.diff(picture, axis=0), np.diff(picture, axis=1)
    assert np.allclose(poisson(picture, hole, picture, *slopes, 1.0), picture, atol=1e-4)
    # Colors alone are the answer where slopes weigh nothing, and slopes are where they weigh much.
    assert np.allclose(poisson(picture, hole, wrong, *slopes, 0.0), wrong, atol=1e-4)
    assert np.allclose(poisson(picture, hole, wrong, *slopes, 1e5), picture, atol=1e-2)


def floor(times: int = 1) -> NDArray[np.float64]:
    """Return a checkerboard (64, 96) whose lines meet in (47.5, -29.7) and, at infinity, in (1, -0.12), or a finer."""
    y, x = (np.indices((256, 384)) - 1.5) / 4
    far = y + 24 + 0.12 * x
    squares = np.floor((x - 47.5) * 100 / far / 14) + np.floor(3600 / far / 14)
    return cv2.resize(40 + 170 * (squares % 2), (96 * times, 64 * times), interpolation=cv2.INTER_AREA)


def test_what_sets_planar_guidance_apart_a_floor_goes_on_in_perspective() -> None:
    picture = grey(floor())
    hole = np.zeros(picture.shape[:2], bool)
    hole[20:44, 34:62] = True
    assert filled_by(PlanarGuidance, picture, hole) > max(20.0, filled_by(PatchMatch, picture, hole) + 6)


def test_a_floor_goes_on_in_light_that_falls_off(monkeypatch: pytest.MonkeyPatch) -> None:
    y, x = np.indices((64, 96))
    picture = grey(100 + 0.6 * floor() - 0.02 * (np.square(y - 32) + np.square(x - 48)))
    hole = np.zeros(picture.shape[:2], bool)
    hole[20:44, 34:62] = True
    fitted = filled_by(PlanarGuidance, picture, hole)
    monkeypatch.setattr(planar_guidance, "_BIAS", np.zeros(3, np.float32))
    assert fitted > max(23.0, filled_by(PlanarGuidance, picture, hole) + 1.5)


def test_the_plane_of_a_floor_is_found_and_none_in_noise() -> None:
    picture = floor(times=2).astype(np.float32)
    hole = np.zeros(picture.shape, bool)
    hole[40:88, 68:124] = True
    planes = planes_of(np.where(hole, 0, picture), hole)
    assert len(planes.horizons) == 2
    near, far = sorted(planes.vanishing[1], key=lambda point: abs(point[2] / point[0]), reverse=True)
    assert near[:2] / near[2] == pytest.approx([95.5, -58.9], abs=3)
    # Seen from the middle, the other direction is level but for the tilt, and so is the horizon.
    assert (far[1] - 64 * far[2]) / (far[0] - 96 * far[2]) == pytest.approx(-0.12, abs=0.02)
    a, b, c = planes.horizons[1]
    assert a / b == pytest.approx(0.12, abs=0.02)
    assert 95.5 * a - 58.9 * b + c == pytest.approx(0, abs=3)
    assert np.allclose(planes.chances.sum(axis=0), 1, atol=1e-5)
    assert planes.chances[1][hole].min() > 0.5
    half = planes.reduced(2)
    assert half.chances.shape == (2, 64, 96)
    assert half.horizons[1] @ (10.0, 5.0, 1.0) == pytest.approx(20.5 * a + 10.5 * b + c, rel=1e-4)
    # Of the smaller picture too the horizon is where the vanishing points are.
    assert np.abs(half.vanishing[1] @ half.horizons[1] / np.linalg.norm(half.vanishing[1], axis=1)).max() < 0.01
    noisy = noise(128, 192).numpy() * 255
    assert len(planes_of(noisy, hole).horizons) == 1
    assert len(planes_of(np.zeros_like(noisy), hole).horizons) == 1


def test_a_move_along_a_plane_is_a_translation_where_it_is_rectified() -> None:
    horizon = np.array([0.1, 1.0, 30.0])
    missing = np.zeros((40, 60), bool)
    missing[15:25, 20:30] = True
    queries = np.zeros((34, 54), bool)
    queries[18, 24] = True
    chances = np.full((2, 40, 60), 0.5, np.float32)
    axes = np.array([[[1, 0, 0], [0, 1, 0]], [[30, -33, 1], [1, -0.1, 0]]], np.float32)
    horizons = np.stack([[0, 0, 1], horizon]).astype(np.float32)
    start = np.array([[33.0], [45.0]], np.float32)
    bare = Regularity(np.zeros((2, 2)), horizons.astype(float), (np.zeros((0, 2)), np.zeros((0, 2))))
    field = PlanarField(Planes(horizons, axes, chances), bare, 1, missing, queries, 7, start, generator_for(0, "test"))
    rectify = np.stack([[1, 0, 0], [0, 1, 0], horizon])

    def moved(matrix: NDArray[np.float64], place: tuple[float, float]) -> NDArray[np.float64]:
        ahead = matrix @ (*place, 1)
        return np.asarray(ahead[:2] / ahead[2])

    translate = np.eye(3)
    translate[:2, 2] = moved(rectify, (45, 33)) - moved(rectify, (27, 21))
    whole = np.linalg.inv(rectify) @ translate @ rectify
    row, dy, dx = np.zeros(1, int), np.array([[-3.0, 0, 2]], np.float32), np.array([[3.0, 0, -1]], np.float32)
    y, x = field.mapped(row, np.array([[33.0], [45.0], [1.0]], np.float32), dy, dx)
    expected = [moved(whole, (27 + right, 21 + down)) for down, right in ((-3, 3), (0, 0), (2, -1))]
    assert np.allclose(np.stack([x[0], y[0]], axis=1), expected, atol=1e-3)
    # In the picture's own plane pixels are moved as they are.
    y, x = field.mapped(row, np.array([[33.0], [45.0], [0.0]], np.float32), dy, dx)
    assert y[0].tolist() == [30, 33, 35] and x[0].tolist() == [48, 45, 44]
    # Straight towards a vanishing point costs less than as far across the two directions.
    for straight, askew in (((35.0, 26.222), (35.0, 33.0)), ((20.0, 37.0), (26.0, 37.0))):
        costs = [
            field.guidance(row, np.array([[down], [right], [1.0]], np.float32))[0] for down, right in (straight, askew)
        ]
        assert costs[0] + 1 < costs[1]
