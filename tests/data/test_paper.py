"""Paper is white wherever a page is lit, and ink as dark as it was."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from henkan.data.drawings import Floats
from henkan.data.paper import evened, line_width
from henkan.data.strokes import Strokes

HEIGHT, WIDTH = 360, 300
DOWN, ACROSS = np.mgrid[0:1:360j, 0:1:300j].astype(np.float32)


def page() -> Floats:
    """A drawing on white paper: lines of one to six pixels, and ink that is wider than what bridges lines."""
    drawn = np.full((HEIGHT, WIDTH), 255, np.uint8)
    for number in range(6):
        cv2.line(drawn, (15, 20 + 30 * number), (285, 35 + 31 * number), 40, 1 + number, cv2.LINE_AA)
    for number in range(7):
        cv2.ellipse(drawn, (40 + 36 * number, 270), (14, 60), 10 * number, 0, 360, 40, 2, cv2.LINE_AA)
    cv2.circle(drawn, (240, 290), 40, 30, -1)
    return drawn.astype(np.float32) / 255


def folded() -> Floats:
    corner = np.where(ACROSS + DOWN < 0.5, 0.65, 1).astype(np.float32)
    return cv2.GaussianBlur(corner, (0, 0), 2) * (0.95 - 0.1 * DOWN)


LIGHT = {
    "the issue's": 0.9 - 0.2 * ACROSS,
    "from below": 0.5 + 0.5 * DOWN,
    "vignette": 1 - 0.45 * ((2 * ACROSS - 1) ** 2 + (2 * DOWN - 1) ** 2) / 2,
    "lamp": 0.45 + 0.5 * np.exp(-((ACROSS - 0.2) ** 2 + (DOWN - 0.2) ** 2) / 0.2),
    "folded corner": folded(),
}


@pytest.mark.parametrize("noise", [0.0, 0.02])
@pytest.mark.parametrize("light", LIGHT)
def test_uneven_light_leaves_white_paper_and_all_ink(light: str, noise: float) -> None:
    clean = page()
    shot = clean * LIGHT[light] + noise * np.random.default_rng(0).normal(size=clean.shape)
    white, evenness = evened((shot.clip(0, 1) * 255).round().astype(np.float32) / 255)
    bare, ink = cv2.erode((clean == 1).astype(np.uint8), np.ones((5, 5))) > 0, clean < 0.4
    assert evenness < 0.8
    assert np.quantile(white[bare], 0.01) > 0.94 - 2.5 * noise
    # Divided by the tone that most pixels have, a tenth to nine tenths of it were lost.
    assert (white[ink] < 0.6).mean() > 0.985
    assert np.abs(white - clean)[ink].mean() < 0.015 + 1.3 * noise


@pytest.mark.parametrize("tone", [1.0, 0.93, 0.6])
def test_flat_paper_becomes_white_and_nothing_else_changes_by_more_than_a_level(tone: float) -> None:
    white, evenness = evened(page() * np.float32(tone))
    assert np.abs(white - page()).max() <= 1.5 / 255
    assert evenness == pytest.approx(1, abs=0.01)


def test_what_was_filled_on_a_computer_is_ink_and_shade_is_not() -> None:
    filled = page()
    filled[200:330, 20:180][filled[200:330, 20:180] == 1] = 0.7
    assert np.abs(evened(filled)[0] - filled).max() <= 1.5 / 255
    # A shade's edges are soft, and what is drawn in it is shaded too.
    shade = np.ones((HEIGHT, WIDTH), np.float32)
    shade[180:, :190] = 0.7
    white, _ = evened(page() * cv2.GaussianBlur(shade, (0, 0), 4))
    assert np.abs(white - page()).mean() < 0.01


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (8, 8)])
@pytest.mark.parametrize("tone", [0.0, 0.5, 1.0])
def test_pages_without_a_line_are_white_and_black_ones_black(shape: tuple[int, int], tone: float) -> None:
    white, evenness = evened(np.full(shape, tone, np.float32))
    assert white.shape == shape and evenness == 1
    assert (white == (tone > 0)).all()


def test_the_same_page_is_evened_the_same_way_and_stays() -> None:
    shot = (page() * LIGHT["lamp"]).astype(np.float32)
    before = shot.copy()
    assert np.array_equal(evened(shot)[0], evened(shot)[0]) and np.array_equal(shot, before)


@pytest.mark.parametrize("width", [1, 3, 7])
def test_line_width(width: int) -> None:
    lines = Strokes.of([np.array([[10.0, 20.5], [110.0, 20.5]]), np.array([[30.5, 40.0], [30.5, 110.0]])], float(width))
    found = line_width(lines.drawn(128, 128)[..., 0].astype(np.float32) / 255)
    assert found == pytest.approx(width, abs=1.0)
    assert line_width(np.ones((16, 16), np.float32)) is None
