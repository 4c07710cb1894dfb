"""Areas and their holes, as outlines."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from svg_on_disk import DISC, drawn, rendered, write, wrong

from henkan.data.outlines import areas, same_by_both_rules, traced, with_hole
from henkan.data.svg import read_strokes


def ring(count: int) -> str:
    """An area of `count` points around a hole of as many."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    circle = np.stack((np.cos(angle), np.sin(angle)), axis=1)
    texts = ["L".join(f"{x:.4f} {y:.4f}" for x, y in 50 + r * circle[::way]) for r, way in ((40, 1), (20, -1))]
    return f'<path d="M{texts[0]}ZM{texts[1]}Z"/>'


def test_an_area_with_a_hole_costs_no_more_than_its_points(tmp_path: Path) -> None:
    path = write(tmp_path, ring(6000))
    since = time.process_time()
    strokes = read_strokes(path)
    # 33 s by comparing all points with all.
    assert time.process_time() - since < 5 and len(strokes) == 1
    assert drawn(path).mean() == pytest.approx(DISC * (40**2 - 20**2), rel=0.01)


def test_many_holes_are_cut_open(tmp_path: Path) -> None:
    holes = "".join(
        f'<circle cx="{x}" cy="{y}" r="1" fill="#fff"/>' for x in range(5, 100, 4) for y in range(5, 100, 4)
    )
    path = write(tmp_path, f'<rect width="100" height="100"/>{holes}')
    strokes, ours = read_strokes(path), drawn(path)
    assert strokes.filled.tolist() == [True] and wrong(ours, rendered(path)) < 0.001
    assert ours.mean() == pytest.approx(1 - 24**2 * DISC, abs=0.01)


def test_a_hole_is_joined_where_it_is_nearest() -> None:
    outline, hole = np.array([[0, 0], [10, 0], [10, 10], [0, 10.0]]), np.array([[4, 4], [4, 9], [1, 9.0]])
    joined = with_hole(outline, hole)
    assert joined.tolist() == [[0, 0], [10, 0], [10, 10], [0, 10], [1, 9], [4, 4], [4, 9], [1, 9], [0, 10]]
    (area,) = areas([outline, hole])
    assert area.tolist() == joined.tolist()


def test_fill_rules_are_told_apart_where_they_differ() -> None:
    square, small = np.array([[0, 0], [9, 0], [9, 9], [0, 9.0]]), np.array([[3, 3], [6, 3], [6, 6], [3, 6.0]])
    assert same_by_both_rules([square]) and same_by_both_rules([square, small[::-1]])
    assert not same_by_both_rules([square, small])
    assert same_by_both_rules([square, small + 20])


def test_tones_are_traced_between_pixels() -> None:
    # A disc with soft edges, and one that is light.
    y, x = np.mgrid[:100, :100] + 0.5
    tones = (255 * (np.hypot(x - 40.3, y - 45.7) - 20).clip(-0.5, 0.5) + 127.5).astype(np.uint8)
    (outline,) = traced(tones, 128, np.ones(tones.shape, bool))
    radii = np.hypot(*(outline - [40.3, 45.7]).T)
    assert abs(radii - 20).max() < 0.3 and radii.mean() == pytest.approx(20, abs=0.15)
    assert not list(traced(tones, 128, np.zeros(tones.shape, bool)))
