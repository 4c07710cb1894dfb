"""Rough sketches made from clean drawings: a hand, a page and a camera."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from henkan.data.operator import SEED, Draws, Operator
from henkan.data.strokes import Strokes
from henkan.degradations.degradation import Degradation
from henkan.degradations.hand import HandOperator, Scale
from henkan.degradations.page import PageOperator
from henkan.degradations.trace import TraceOperator
from henkan.errors import UserError
from henkan.sample import Parameters, Sample, to_8_bit

Group = Mapping[str, Operator | None]


class Sketch(Degradation):
    """A clean drawing as a rough one: drawn again by a hand that errs, on paper, and scanned or photographed.

    Mappings of named operators (null: left out), each worked through in order: `hand` on the strokes of drawings that
    have them, `trace` in its place on pixels where there are none, then `page` on either. `error` scales the hand's
    inaccuracy, and `clean` is the share of samples that stay as they are (2018: 0.1 of the pairs), but for `noise`,
    which every source gets last. Rounded to 8 bits, target and source alike: what is written to disk is what is trained
    on.
    """

    def __init__(
        self,
        hand: Group,
        trace: Group,
        page: Group,
        noise: Group | None = None,
        error: float = 1.0,
        clean: float = 0.0,
    ) -> None:
        self.hand = HandOperator.chosen("degradation.hand", hand)
        # Of pixels.
        self.groups: dict[str, Mapping[str, PageOperator]] = {
            "trace": TraceOperator.chosen("degradation.trace", trace),
            "page": PageOperator.chosen("degradation.page", page),
            "noise": PageOperator.chosen("degradation.noise", noise or {}),
        }
        if not error >= 0.0 or not 0.0 <= clean <= 1.0:
            raise UserError(f"degradation.error={error} must be 0 or more, and clean={clean} in [0, 1]")
        self.error, self.clean = error, clean
        groups: dict[str, Mapping[str, Operator]] = {"hand": self.hand, **self.groups}
        self.draws = Draws({f"{group}.{name}": one for group, own in groups.items() for name, one in own.items()})
        self._happens = {
            group: [self.draws.columns[f"{group}.{name}", "happens"] for name in own] for group, own in groups.items()
        }

    def draw(self, target: NDArray[np.uint8], rng: np.random.Generator, name: str = "") -> Parameters:
        return self._drawn(target, rng, "hand")

    def draw_strokes(
        self, strokes: Strokes, target: NDArray[np.uint8], rng: np.random.Generator, name: str = ""
    ) -> Parameters:
        drawn = self._drawn(target, rng, "trace")
        if drawn["parameters"][-1]:
            return {**drawn, "source": target.transpose(2, 0, 1)}
        rough = self.redrawn(strokes, drawn["parameters"])
        return {**drawn, "source": rough.drawn(*target.shape[:2]).transpose(2, 0, 1)}

    def _drawn(self, target: NDArray[np.uint8], rng: np.random.Generator, without: str) -> Parameters:
        """Return what is drawn for a sample, `without` the group of operators that has nothing to work on."""
        number, clean = int(rng.integers(2**63)), bool(rng.random() < self.clean)
        places = rng.integers(0, target.shape[:2], (2, 2))
        row = np.append(self.draws.draw(number), float(clean))
        row[self._happens[without]] = 0.0
        return {"parameters": row, "window": places[0], "window_real": places[1]}

    def redrawn(self, strokes: Strokes, row: NDArray[np.float64]) -> Strokes:
        """Return the strokes as the hand draws them again."""
        # Dots and slips of nothing have no extent to err by.
        extent = max(strokes.extent, 1.0)
        scale = Scale(extent, extent * self.error)
        for name, operator in self.hand.items():
            values = self.draws.values(f"hand.{name}", row)
            if values.pop("happens") and len(strokes):
                rng = np.random.Generator(np.random.PCG64(int(values.pop(SEED))))
                strokes = operator(strokes, rng, scale, **values)
        return strokes

    def apply(self, sample: Sample) -> Sample:
        rows: Tensor = sample["parameters"]
        target: Tensor = sample["target"]
        traced = "source" not in sample
        source = target if traced else sample["source"]
        for group in ("trace", "page") if traced else ("page",):
            source, target = self.worked(group, source, target, rows)
        if self.clean:
            source = torch.where((rows[:, -1] > 0).to(target.device).view(-1, 1, 1, 1), target, source)
        source, target = self.worked("noise", source, target, rows)
        return {**sample, "target": to_8_bit(target), "source": to_8_bit(source)}

    def worked(self, group: str, source: Tensor, target: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return source and target as a group's operators leave them."""
        for name, operator in self.groups[group].items():
            source = self.applied(f"{group}.{name}", operator, source, rows)
            if operator.moves:
                # For clean ones as well: their source is what their target becomes.
                target = self.applied(f"{group}.{name}", operator, target, rows)
        return source, target

    def applied(self, name: str, operator: PageOperator, page: Tensor, rows: Tensor) -> Tensor:
        """Return a page as one operator leaves it, where it happens."""
        column = self.draws.columns
        factor = dict.fromkeys(operator.lengths, self.error)
        settings = {
            setting: rows[:, column[name, setting]].to(page).view(-1, 1, 1, 1) * factor.get(setting, 1.0)
            for setting in self.draws.settings(name)
        }
        seeds = rows[:, column[name, SEED]].to(torch.int64).to(page.device)
        changed = operator(page, seeds, **settings)
        if operator.chance == 1.0:
            return changed
        happens = (rows[:, column[name, "happens"]] > 0).to(page.device)
        return torch.where(happens.view(-1, 1, 1, 1), changed, page)

    def describe(self, row: Sequence[float]) -> dict[str, object]:
        """Return what was drawn for a sample, in words: operator → setting → value, and whether it stayed clean."""
        return {"clean": bool(row[-1]), **self.draws.describe(row[:-1])}
