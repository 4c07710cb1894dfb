"""Ticks that can be read: plain numbers, on logarithmic axes too, none of them over another."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FixedLocator, Formatter, FuncFormatter, NullFormatter, NullLocator

# Points.
SIZE = 8
# Between two labels, in points.
GAP = 4.0
# Labels of a logarithmic axis, at most.
MOST = 5
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def width_of(text: str, size: float = SIZE, weight: str = "normal") -> float:
    """Return how wide a line of text is, in points."""
    properties = FontProperties(size=size, weight=weight)
    return float(text_to_path.get_text_width_height_descent(text, properties, ismath=False)[0])


def plain(value: float) -> str:
    """Return a number as people write it: 0.02, 1500, and 2×10⁻⁵ where there would be many zeros."""
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        text = f"{value:.6g}"
    else:
        mantissa, _, exponent = f"{value:.3e}".partition("e")
        mantissa = f"{float(mantissa):g}"
        power = f"10{str(int(exponent)).translate(SUPERSCRIPT)}"
        text = power if mantissa == "1" else f"−{power}" if mantissa == "-1" else f"{mantissa}×{power}"
    return text.replace("-", "\N{MINUS SIGN}")


class Plain(Formatter):
    """Ticks with as many decimals as tell them apart, without an offset or a factor somewhere else."""

    def __call__(self, value: float, position: int | None = None) -> str:
        return plain(float(f"{value:.6g}"))

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        places = np.unique(np.asarray(values, float))
        largest = float(abs(places).max()) if len(places) else 0.0
        if largest and not 1e-3 <= largest < 1e6:
            return [plain(float(f"{value:.3g}")) for value in values]
        # As many as it takes: steps of 0.025 take three.
        step = float(np.diff(places).min()) if len(places) > 1 else largest or 1.0
        digits = next(count for count in range(9) if count == 8 or all(abs(places - places.round(count)) < step / 50))
        texts = [f"{value:.{digits}f}" for value in values]
        return [(text if float(text) else text.lstrip("-")).replace("-", "\N{MINUS SIGN}") for text in texts]


def logarithmic(axes: Axes) -> None:
    """Make y logarithmic over at least one decade: noise within a factor of two is no trend."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    stretch = max(1.0, math.sqrt(10 * low / high))
    low, high = low / stretch, high * stretch
    axes.set_ylim(low, high)
    round_numbers(axes.yaxis, low, high)


def round_numbers(axis: Axis, low: float, high: float) -> None:
    """Label a logarithmic axis with round numbers between its two ends, and nothing else."""
    axis.set_major_locator(FixedLocator(decades(low, high)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: plain(float(f"{value:.3g}"))))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def decades(low: float, high: float) -> list[float]:
    """Return round numbers between two positive ones, a few in each decade, or each one of a few decades."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for parts in ((1, 2, 5), (1, 3), (1,)):
        # Not the product of two floats, which is 0.30000000000000004.
        found = [value for power in powers for part in parts if low <= (value := float(f"{part}e{power}")) <= high]
        if len(found) <= MOST:
            return found
    return found[:: -(-len(found) // MOST)]


def spread(axes: Axes, values: Sequence[float], labels: Sequence[str]) -> None:
    """Label places of x, those whose labels would lie over another one's left out: the ends stay."""
    at = [float(axes.transData.transform((value, 0))[0]) * 72 / axes.figure.dpi for value in values]
    kept = apart(at, [width_of(label) for label in labels])
    axes.set_xticks([values[place] for place in kept], [labels[place] for place in kept])
    axes.xaxis.set_minor_locator(NullLocator())


def apart(at: Sequence[float], widths: Sequence[float], gap: float = GAP) -> list[int]:
    """Return which of the labels centered at these places stay, from left to right: the first, and the last."""
    if not at:
        return []
    last = len(at) - 1
    kept = [0]
    for place in range(1, last + 1):
        free = at[place] - widths[place] / 2 >= at[kept[-1]] + widths[kept[-1]] / 2 + gap
        before = place == last or at[place] + widths[place] / 2 + gap <= at[last] - widths[last] / 2
        if free and before:
            kept.append(place)
    return kept
