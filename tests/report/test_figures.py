"""What charts are drawn with: colors that are told apart, names that are read to their end."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from skimage.color import deltaE_ciede2000, rgb2lab

from henkan.report.figures.chart import broken, drawing
from henkan.report.figures.chart import figure_of as _figure
from henkan.report.figures.palette import BASELINE, PALETTE, colors
from henkan.report.study import Study


def study(*names: str) -> Study:
    nodes = {name: {"variant": name, "overrides": []} for name in names}
    return Study(Path(), {"configurations": nodes, "baseline": names[0], "seeds": [0, 1, 2], "runs": []}, [])


def lab(color: str) -> np.ndarray:
    return rgb2lab(np.array([[int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]]))


def luminance(color: str) -> float:
    values = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return float(
        np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
    )


@pytest.mark.parametrize("theme", [0, 1])
def test_eighteen_variants_and_their_baseline_have_colors_of_their_own(theme: int) -> None:
    used = [pair[theme] for pair in colors(study("base", *(f"variant {i}" for i in range(18)))).values()]
    assert used == [BASELINE[theme], *(pair[theme] for pair in PALETTE)] and len(used) == 19
    distances = {pair: float(deltaE_ciede2000(*map(lab, pair))[0]) for pair in combinations(used, 2)}
    # A patch of color is told from its neighbor from 2.3 on; a thin line takes several times that.
    assert min(distances.values()) > 9, min(distances, key=lambda pair: distances[pair])
    paper = luminance(("#ffffff", "#0f1318")[theme])
    for color in used:
        high, low = sorted((luminance(color), paper), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 3, color


def test_a_name_is_broken_between_words_and_where_it_must_within_one() -> None:
    assert broken("one two three", 7, len) == "one two\nthree"
    assert broken("abcdefgh ij", 3, len) == "abc\ndef\ngh\nij"
    assert broken("", 3, len) == "" and broken("a", 0, len) == "a"


@pytest.mark.parametrize(
    "names",
    [
        ["mse", "gan"],
        ["l1", "features, adversarial 8", "real-esrgan"],
        ["mse", "a name of a variant that says everything there is to be said of it, and costs a line more"],
        ["mse", "x" * 150, "W" * 23, "i" * 23],
        [f"variant {i}" for i in range(19)],
    ],
)
@pytest.mark.parametrize("seeds", [False, True])
def test_the_legend_lies_within_the_figure_and_below_the_axes(names: list[str], seeds: bool) -> None:
    with drawing():
        figure, axes, kept = _figure(3.4, 2.2, study(*names), seeds)
        renderer = FigureCanvasAgg(figure).get_renderer()
        box = figure.legends[0].get_window_extent(renderer)
        texts = [text.get_text().replace("\n", "").replace(" ", "") for text in figure.legends[0].get_texts()]
    assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1
    assert figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1 * (1 - kept) + 1
    assert box.y1 <= axes.get_window_extent(renderer).y0
    assert texts[: len(names)] == [name.replace(" ", "") for name in names]
