"""Where bent pictures have their pixels from."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from henkan.data.warps import Affine, Lens, Perspective, Places, WarpOperator, mirrored_into
from henkan.errors import UserError

SIZE = (21, 41)
CENTER = (20, 10)
WARPS: list[WarpOperator] = [Perspective(deviation=0.1), Affine(scale_x=1.2, turn=10.0), Lens(strength=0.05)]
NOTHING: list[WarpOperator] = [Perspective(deviation=0.0), Affine(), Lens(strength=0.0)]


def grid(size: tuple[int, int] = SIZE) -> Places:
    height, width = size
    return np.stack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)))


def bent(operator: WarpOperator, seed: int = 0, size: tuple[int, int] = SIZE) -> Places:
    """Where the pixels are from at the lower bounds of an operator's settings."""
    settings = {name: low for name, (low, _) in operator.ranges().items()}
    return operator(grid(size), size, np.random.default_rng(seed), **settings)


def origin(operator: WarpOperator, x: float, y: float) -> list[float]:
    """Where pixel (x, y), measured from the center, is from, measured so too."""
    place = bent(operator)[:, CENTER[1] + int(y), CENTER[0] + int(x)]
    return [float(value) for value in place - CENTER]


@pytest.mark.parametrize("operator", NOTHING, ids=lambda one: type(one).__name__)
def test_nothing_is_where_it_was(operator: WarpOperator) -> None:
    assert bent(operator) == pytest.approx(grid(), abs=1e-4)


@pytest.mark.parametrize("operator", WARPS, ids=lambda one: type(one).__name__)
def test_the_same_seed_bends_the_same(operator: WarpOperator) -> None:
    places = bent(operator)
    assert places.shape == (2, *SIZE) and places.dtype == np.float32 and np.isfinite(places).all()
    assert np.array_equal(places, bent(operator)) and not np.allclose(places, grid(), atol=0.1)


def test_perspective_moves_corners_inwards_and_keeps_lines_straight() -> None:
    operator = Perspective(deviation=0.1)
    shares = []
    for seed in range(200):
        places = bent(operator, seed)
        corners = places[:, [0, 0, -1, -1], [0, -1, -1, 0]]
        inwards = np.abs(corners - grid()[:, [0, 0, -1, -1], [0, -1, -1, 0]]) / [[SIZE[1] - 1], [SIZE[0] - 1]]
        assert places.min() >= -1e-3 and (places <= [[[SIZE[1] - 1 + 1e-3]], [[SIZE[0] - 1 + 1e-3]]]).all()
        shares.append(inwards)
        # A row comes from one straight line.
        x, y = places[:, 5]
        assert np.abs(np.polyval(np.polyfit(x, y, 1), x) - y).max() < 1e-3
    # Half of a normal distribution.
    assert np.mean(shares) == pytest.approx(0.1 * (2 / np.pi) ** 0.5, rel=0.05)
    # However large the deviation, corners do not meet.
    assert np.isfinite(bent(Perspective(deviation=9.0))).all()


def test_affine_s_closed_forms() -> None:
    assert origin(Affine(scale_x=2.0, scale_y=0.5), 8, 4) == pytest.approx([4.0, 8.0])
    # y points down: what lies to the right comes to lie below.
    assert origin(Affine(turn=90.0), 0, 6) == pytest.approx([6.0, 0.0], abs=1e-5)
    # Leaning by 45 degrees: (0, 1) comes to (-sin, cos), and (1, 0) to (cos, sin).
    root = 0.5**0.5
    assert origin(Affine(lean_x=45.0), -5, 5) == pytest.approx([0.0, 5 / root], abs=1e-5)
    assert origin(Affine(lean_y=45.0), 5, 5) == pytest.approx([5 / root, 0.0], abs=1e-5)
    # Scaled along the picture's own axes, and then turned.
    assert origin(Affine(scale_x=2.0, turn=90.0), 0, 6) == pytest.approx([3.0, 0.0], abs=1e-5)


def test_lens_is_what_opencv_calls_so() -> None:
    size, k = (40, 60), 0.05
    middle = (size[1] - 1) / 2, (size[0] - 1) / 2
    camera = np.array([[size[1], 0, middle[0]], [0, size[0], middle[1]], [0, 0, 1]])
    maps = cv2.initUndistortRectifyMap(camera, np.array([k, k, 0, 0]), None, camera, size[::-1], cv2.CV_32FC1)  # type: ignore[call-overload]
    assert bent(Lens(strength=k), size=size) == pytest.approx(np.stack(maps[:2]), abs=1e-3)
    # At a corner, r² = 1/2.
    corner = bent(Lens(strength=k), size=(1001, 1001))[:, -1, -1] - 500
    assert corner == pytest.approx(500 * (1 + k * (0.4990**2 * 2 + (0.4990**2 * 2) ** 2)), rel=1e-3)


def test_mirrored_into_is_opencv_s_border() -> None:
    outside = np.arange(-50, 60, dtype=np.float32)
    places = np.stack(np.broadcast_arrays(outside[None], outside[:, None]))
    x, y = mirrored_into(places, (7, 12))
    expected = [[cv2.borderInterpolate(int(p), side, cv2.BORDER_REFLECT_101) for p in outside] for side in (12, 7)]
    assert x[0].tolist() == expected[0] and y[:, 0].tolist() == expected[1]


@pytest.mark.parametrize("settings", [{"scale_x": 0.0}, {"scale_y": [-1.0, 1.0]}, {"turn": [3.0, 1.0]}])
def test_settings_that_cannot_be(settings: dict[str, object]) -> None:
    with pytest.raises(UserError, match=next(iter(settings))):
        Affine(**settings)  # type: ignore[arg-type]
