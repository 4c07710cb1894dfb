"""Drawings as strokes: geometry, drawing, and reading from SVG."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from henkan.data.frame import Cut
from henkan.data.framing import TurnCrop
from henkan.data.strokes import Strokes, joined
from henkan.data.svg import read_strokes
from henkan.errors import UserError

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 72 72" width="72" height="72">{}</svg>'


def cross(side: float = 64.0) -> Strokes:
    """Two strokes across a page, of 2 pixels, the second one of three points."""
    a, b, middle = 0.25 * side, 0.75 * side, side / 2
    return Strokes.of([np.array([[a, a], [b, b]]), np.array([[b, a], [middle, middle], [a, b]])], width=2.0)


def test_lengths_and_counts() -> None:
    strokes = cross()
    assert strokes.counts.tolist() == [2, 3] and strokes.owner.tolist() == [0, 0, 1, 1, 1]
    assert strokes.lengths == pytest.approx([32 * math.sqrt(2)] * 2)
    assert strokes.traveled == pytest.approx([0, 32 * math.sqrt(2), 0, 16 * math.sqrt(2), 32 * math.sqrt(2)])
    assert strokes.extent == 32


def test_moved_scales_points_and_pen() -> None:
    moved = cross().moved(np.array([[0.0, -2.0, 5.0], [2.0, 0.0, 7.0]]))
    assert moved.points[0] == pytest.approx([-2 * 16 + 5, 2 * 16 + 7])
    assert moved.width == pytest.approx([4.0, 4.0])


def test_pieces_lie_on_the_stroke() -> None:
    strokes = cross()
    pieces = strokes.pieces(np.array([1, 0]), np.array([10.0, 0.0], np.float32), np.array([20.0, 5.0], np.float32), 3.0)
    assert len(pieces) == 2 and pieces.lengths == pytest.approx([10.0, 5.0], abs=1e-4)
    # Down from the right to the left, 10 to 20 pixels along.
    first = pieces.points[0]
    assert first == pytest.approx([48 - 10 / math.sqrt(2), 16 + 10 / math.sqrt(2)], abs=1e-4)
    steps = np.hypot(*np.diff(pieces.points[: pieces.counts[0]], axis=0).T)
    assert steps.max() <= 3.0 + 1e-4


def test_resampled_keeps_the_drawing_and_fine_ones_as_they_are() -> None:
    fine = cross().resampled(2.0)
    assert fine.lengths == pytest.approx(cross().lengths, abs=1e-3)
    assert fine.resampled(2.0) is fine
    assert len(Strokes.of([]).resampled(1.0)) == 0


def test_drawn_is_black_where_the_stroke_is_and_white_elsewhere() -> None:
    page = cross().drawn(64, 64)
    assert page.shape == (64, 64, 1) and page.dtype == np.uint8
    assert page[24, 24, 0] < 30 and page[4, 40, 0] == 255
    # As much ink as pens of 2 pixels along 2 x 45 pixels leave, less where they cross.
    assert (255 - page.astype(float)).sum() / 255 == pytest.approx(2 * 2 * 32 * math.sqrt(2), rel=0.1)


@pytest.mark.parametrize("side", [64, 200])
def test_a_pen_is_as_wide_as_it_says(side: int) -> None:
    line = Strokes.of([np.array([[0.0, side / 2], [side, side / 2]])], width=3.0)
    ink = (255 - line.drawn(side, side).astype(float))[:, side // 2, 0].sum() / 255
    assert ink == pytest.approx(3.0, abs=0.251)


def test_areas_are_filled_and_light_pressure_is_grey() -> None:
    square = np.array([[10, 10], [50, 10], [50, 50], [10, 50], [10, 10]], float)
    assert Strokes.of([square], 1.0, [True]).drawn(64, 64)[30, 30, 0] == 0
    outline = Strokes.of([square], 2.0)
    light = Strokes(outline.points, outline.offsets, outline.width, outline.filled, np.full(5, 0.5, np.float32))
    assert outline.drawn(64, 64)[30, 30, 0] == 255
    assert 60 < light.drawn(64, 64).min() < 200


def test_joined() -> None:
    both = joined([cross(), cross(32)])
    assert len(both) == 4 and both.counts.tolist() == [2, 3, 2, 3]
    assert np.array_equal(both.points[both.owner == 3], cross(32).points[2:])
    assert len(joined([])) == 0


@pytest.mark.parametrize("angle", [0.0, 30.0, -125.0])
@pytest.mark.parametrize("mirror", [False, True])
def test_strokes_and_pixels_are_framed_alike(angle: float, mirror: bool) -> None:
    frame = Cut(top=10, left=4, side=80, size=64, mirror=mirror, angle=angle)
    drawing = Strokes.of([np.array([[20.0, 30.0], [70.0, 40.0], [45.0, 85.0]])], width=3.0)
    pixels = frame(drawing.drawn(96, 96))[..., 0].astype(float)
    vectors = drawing.moved(frame.matrix).drawn(64, 64)[..., 0].astype(float)
    assert pixels.shape == vectors.shape == (64, 64)
    # The same ink at the same place: soft edges differ, half a pixel's shift would differ by far more.
    shifted = [np.abs(np.roll(vectors, step, axis) - pixels).mean() for step in (-1, 1) for axis in (0, 1)]
    assert np.abs(pixels - vectors).mean() < 0.5 * min(shifted)


def test_outside_of_the_picture_is_white() -> None:
    black = np.zeros((20, 20, 1), np.uint8)
    framed = Cut(top=-10, left=0, side=20, size=20, mirror=False)(black)
    assert framed[:10].min() == 255 and framed[10:].max() == 0


def test_turn_crop_refuses_paper_and_settings_that_cannot_be() -> None:
    framing = TurnCrop(size=32, shrink=[1.0, 1.5])
    assert not framing.accepts(np.full((32, 32, 1), 255, np.uint8))
    assert framing.accepts(cross(32).drawn(32, 32))
    with pytest.raises(UserError, match="shrink"):
        TurnCrop(size=32, shrink=[2.0, 1.0])


def write(path: Path, content: str) -> Path:
    path.write_text(SVG.format(content))
    return path


def test_svg_lines_curves_transforms_and_inherited_attributes(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.svg",
        '<g stroke="#000" stroke-width="3" fill="none" transform="translate(36 0)">'
        '<line x1="0" y1="0" x2="36" y2="72"/><circle cx="0" cy="36" r="18"/></g>'
        '<path d="M0,0 L9,9" stroke="#fff" fill="none"/><rect width="9" height="9"/>',
    )
    strokes = read_strokes(path)
    assert strokes.points[:2].tolist() == [[0.5, 0.0], [1.0, 1.0]]
    circle = strokes.points[strokes.owner == 1]
    assert np.hypot(*(circle - [0.5, 0.5]).T) == pytest.approx(0.25, abs=0.002)
    assert strokes.width[:2] == pytest.approx([3 / 72] * 2)
    # White is no ink, and a black area is filled.
    assert strokes.filled.tolist() == [False, False, True]


def test_svg_only_of_a_group(tmp_path: Path) -> None:
    line = '<path d="M0,0 L9,9" stroke="#000"/>'
    path = write(tmp_path / "a.svg", f'<g id="color">{line}</g><g id="line">{line}{line}</g>')
    assert len(read_strokes(path)) == 3 and len(read_strokes(path, "line")) == 2


def test_svg_clones_are_drawn_where_they_are_used(tmp_path: Path) -> None:
    cloned = '<defs><path id="p" d="M0,0 L36,0" stroke="#000"/></defs><use href="#p" y="36"/>'
    assert read_strokes(write(tmp_path / "a.svg", cloned)).points.tolist() == [[0.0, 0.5], [0.5, 0.5]]


@pytest.mark.parametrize("content", ["", '<rect width="9" height="9" fill="#ff0"/>'])
def test_svg_without_strokes(tmp_path: Path, content: str) -> None:
    with pytest.raises(UserError, match=r"a\.svg has no strokes"):
        read_strokes(write(tmp_path / "a.svg", content))


def test_what_is_no_svg(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text("not a drawing")
    with pytest.raises(UserError, match="not a readable SVG"):
        read_strokes(tmp_path / "a.svg")
    with pytest.raises(UserError, match="there is no drawing"):
        read_strokes(tmp_path / "b.svg")


def test_a_turned_rectangle_is_turned(tmp_path: Path) -> None:
    turned = '<rect x="30" y="10" width="12" height="52" transform="rotate(90 36 36)" fill="none" stroke="#000"/>'
    strokes = read_strokes(write(tmp_path / "a.svg", turned))
    low, high = strokes.points.min(0) * 72, strokes.points.max(0) * 72
    np.testing.assert_allclose([low, high], [(10, 30), (62, 42)], atol=0.1)


def test_what_is_filled_and_stroked_is_both(tmp_path: Path) -> None:
    strokes = read_strokes(write(tmp_path / "a.svg", '<circle cx="36" cy="36" r="20" fill="#000" stroke="#000"/>'))
    assert strokes.filled.tolist() == [True, False] and strokes.width[1] > 0
    page = strokes.moved(np.array([[72.0, 0, 0], [0, 72, 0]])).drawn(72, 72)
    assert page[36, 36, 0] == 0


def drawn(path: Path) -> np.ndarray:
    page: np.ndarray = read_strokes(path).moved(np.array([[72.0, 0, 0], [0, 72, 0]])).drawn(72, 72)[..., 0]
    return page


def test_areas_that_overlap_are_ink(tmp_path: Path) -> None:
    square = '<rect x="{}" y="10" width="30" height="30" fill="#000"/>'
    page = drawn(write(tmp_path / "a.svg", square.format(10) + square.format(20) + square.format(20)))
    assert (page[12:38, 12:48] == 0).all()


def test_a_hole_is_one_and_what_lies_in_it_is_ink(tmp_path: Path) -> None:
    ring = "M6,6 H66 V66 H6 Z M16,16 H56 V56 H16 Z M30,30 H42 V42 H30 Z"
    page = drawn(write(tmp_path / "a.svg", f'<path d="{ring}" fill="#000" fill-rule="evenodd"/>'))
    assert (page[8:14, 8:64] == 0).all() and (page[32:40, 32:40] == 0).all()
    inside = page[18:28, 18:54]
    assert (inside == 255).all()


def test_areas_side_by_side_are_not_joined(tmp_path: Path) -> None:
    eyes = "M10,30 H20 V40 H10 Z M50,30 H60 V40 H50 Z"
    strokes = read_strokes(write(tmp_path / "a.svg", f'<path d="{eyes}" fill="#000"/>'))
    assert len(strokes) == 2
    assert (drawn(tmp_path / "a.svg")[:, 24:46] == 255).all()


def test_an_arc_that_goes_round_is_round(tmp_path: Path) -> None:
    strokes = read_strokes(write(tmp_path / "a.svg", '<path d="M56,36 A20,20 0 1 1 36,16" fill="none" stroke="#000"/>'))
    radii = np.linalg.norm((strokes.points[:-1] + strokes.points[1:]) / 2 * 72 - 36, axis=1)
    np.testing.assert_allclose(radii, 20, atol=0.02)
