"""Numbers at the axes: readable, and none over another."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from henkan.report import svg
from henkan.report.figures.chart import STYLE, drawing, titled
from henkan.report.figures.curves import together
from henkan.report.figures.lines import Line, plot
from henkan.report.ticks import Plain, apart, decades, logarithmic, plain


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0"), (0.02, "0.02"), (1500, "1500"), (-0.5, "−0.5"), (1e-5, "10⁻⁵"), (2e-5, "2×10⁻⁵"), (3e7, "3×10⁷"),
        (-1e-6, "−10⁻⁶"),
    ],
)  # fmt: skip
def test_numbers_are_plain(value: float, said: str) -> None:
    assert plain(value) == said


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ([0, 0.025, 0.05, 0.075], ["0.000", "0.025", "0.050", "0.075"]),
        ([-0.25, 0, 0.25], ["−0.25", "0.00", "0.25"]),
        ([1000.1, 1000.2], ["1000.1", "1000.2"]),
        ([0, 1e-5, 2e-5], ["0", "10⁻⁵", "2×10⁻⁵"]),
        ([3], ["3"]),
    ],
)
def test_ticks_have_as_many_decimals_as_tell_them_apart(places: list[float], said: list[str]) -> None:
    assert Plain().format_ticks(places) == said


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0.09, 1.1, [0.1, 0.2, 0.5, 1.0]),
        (0.002, 0.04, [0.002, 0.005, 0.01, 0.02]),
        (1e-9, 1e9, [1e-9, 1e-5, 1e-1, 1e3, 1e7]),
    ],
)
def test_logarithmic_axes_have_round_ticks(low: float, high: float, found: list[float]) -> None:
    assert decades(low, high) == found


@pytest.mark.parametrize("factor", [1.01, 3, 40, 1e4, 1e12])
def test_a_logarithmic_axis_has_two_ticks_at_least_and_six_at_most(factor: float) -> None:
    axes = Figure().add_subplot()
    axes.plot([0, 1], [3e-7, 3e-7 * factor])
    logarithmic(axes)
    low, high = axes.get_ylim()
    ticks = [tick for tick in axes.get_yticks() if low <= tick <= high]
    assert 2 <= len(ticks) <= 6 and high / low >= 9.99


def test_labels_that_would_collide_are_left_out_and_the_ends_stay() -> None:
    assert apart([0, 10, 20, 30], [8, 8, 8, 8], gap=2) == [0, 1, 2, 3]
    assert apart([0, 3, 20, 28, 30], [8, 8, 8, 8, 8], gap=2) == [0, 2, 4]
    assert apart([5], [8]) == [0] and apart([], []) == []


def test_no_label_of_a_setting_lies_over_another() -> None:
    values = [0.0, 0.001, 0.0012, 0.0015, 0.01, 0.5, 0.55, 100.0]
    with drawing():
        figure = Figure(figsize=(3.4, 2.2))
        axes = figure.add_axes((0.2, 0.2, 0.75, 0.7))
        plot(axes, "psnr", [Line("a", "count", values, values, values, values)])
        renderer = FigureCanvasAgg(figure).get_renderer()
        boxes = [label.get_window_extent(renderer) for label in axes.get_xticklabels()]
    assert len(boxes) >= 4 and boxes[0].x0 > 0
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes))


@pytest.mark.parametrize("title", ["PSNR", "a metric that says everything there is to be said of it " * 2, "W" * 60])
def test_a_title_lies_within_its_figure(title: str) -> None:
    with drawing():
        figure = Figure(figsize=(3.4, 2.2))
        axes = figure.add_axes((0.2, 0.2, 0.75, 0.7))
        titled(figure, axes, title)
        (text,) = [text for text in (axes._left_title,) if text.get_text()]
        box = text.get_window_extent(FigureCanvasAgg(figure).get_renderer())
    assert box.x0 >= 0 and box.x1 <= figure.bbox.x1


def test_boundaries_close_together_are_named_in_one_line() -> None:
    assert together({60: "discriminator", 66: "joint", 120: "joint"}, 10) == {60: "discriminator / joint", 120: "joint"}


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_a_page_can_read_values_off_a_drawing(scale: str) -> None:
    with drawing():
        figure = Figure(figsize=(3, 2))
        axes = figure.add_axes((0.2, 0.2, 0.7, 0.7))
        x, y = np.array([0.0, 100.0, 250.0]), np.array([0.5, 0.02, 7.0])
        (line,) = axes.plot(x, y)
        axes.set_yscale(scale)
        axes.set_ylabel("PSNR (dB), higher is better")
        svg.trace(line, "_a <b> $x$, seed 1")
        alone, inline = svg.written(figure, "chart", 1.0, {})
    assert 'data-of="_a &lt;b&gt; $x$, seed 1"' in inline and "data-of" not in alone
    told = json.loads(re.search(r'data-axes="([^"]+)"', inline)[1].replace("&quot;", '"'))  # type: ignore[index]
    assert told["names"] == ["iteration", "PSNR (dB)"]
    left, top, right, bottom = told["box"]
    path = re.search(r'data-of="[^"]+"><path d="([^"]+)"', re.sub(r">\s+<", "><", inline))
    assert path is not None
    points = np.array(re.findall(r"-?[\d.]+", path[1]), float).reshape(-1, 2)
    share_x, share_y = (points[:, 0] - left) / (right - left), (points[:, 1] - bottom) / (top - bottom)
    low, high = told["y"]["from"], told["y"]["to"]
    read = low * (high / low) ** share_y if told["y"]["log"] else low + share_y * (high - low)
    assert told["x"]["from"] + share_x * (told["x"]["to"] - told["x"]["from"]) == pytest.approx(x, abs=0.05)
    assert read == pytest.approx(y, rel=2e-3, abs=2e-3)


def test_charts_are_drawn_as_they_are() -> None:
    assert STYLE["path.simplify"] is False


def test_a_setting_of_words_is_told_in_words(tmp_path: Path) -> None:
    with drawing():
        figure = Figure(figsize=(3, 2))
        axes = figure.add_axes((0.2, 0.2, 0.7, 0.7))
        plot(axes, "psnr", [Line("a", "only", ["paste", "telea"], [1.0, 2.0], [1.0, 2.0], [1.0, 2.0])])
        _, inline = svg.written(figure, "chart", 1.0, {})
    told = json.loads(re.search(r'data-axes="([^"]+)"', inline)[1].replace("&quot;", '"'))  # type: ignore[index]
    assert told["x"]["is"] == ["paste", "telea"] and told["names"] == ["only", "PSNR"]
