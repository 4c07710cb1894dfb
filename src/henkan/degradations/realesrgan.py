"""Photographs that have been blurred, resized, disturbed and compressed twice (Real-ESRGAN: Wang et al. 2021)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from henkan.data.operator import SEED, Draws, Operator
from henkan.degradations.bicubic import check_side, cut_to_multiple
from henkan.degradations.camera import CameraOperator, Resize, UnsharpMask, Weights
from henkan.degradations.degradation import Degradation
from henkan.errors import UserError
from henkan.sample import Parameters, Sample, to_8_bit

Group = Mapping[str, CameraOperator | None]
Rows = NDArray[np.float64]


class SecondOrder(Degradation):
    """`source` (B, C, H / scale, W / scale) is the target after two rounds of damage, whose every number is drawn.

    `first` and `second` are mappings of named operators (null: left out), worked through in order; factors of the
    second are of target / scale, and not of what the first has left. Then the picture is brought to target / scale, by
    one of the `methods`, and rings (`sinc`; null: not); it is compressed (`jpeg`; null: not) after this, or, with
    chance `jpeg_first`, before. Rounded to 8 bits. Whatever is left out, the draws of all the others stay the same.

    With `sharpen` the source is made of the sharpened target, which losses may read as `target_sharp`; `target` is what
    it was, for discriminators and scores. A target whose sides are no multiple of `scale` is cut at the right and at
    the bottom. `window` and `window_real` are two random places of the target.
    """

    def __init__(
        self,
        scale: int,
        first: Group,
        second: Group,
        methods: Weights,
        sinc: CameraOperator | None = None,
        jpeg: CameraOperator | None = None,
        jpeg_first: float = 0.5,
        sharpen: UnsharpMask | None = None,
    ) -> None:
        if scale < 1:
            raise UserError(f"degradation.scale={scale} must be 1 or more")
        self.scale, self.sharpen = scale, sharpen
        chain = {
            **{f"first.{name}": one for name, one in first.items()},
            **{f"second.{name}": one for name, one in second.items()},
            "size": Resize(ways={"keep": 1.0}, methods=methods),
            "sinc": sinc,
            "jpeg": jpeg,
        }
        self.operators = CameraOperator.chosen("degradation", chain)
        self.draws = Draws({**self.operators, "jpeg_first": Operator(chance=jpeg_first)})

    def draw(self, target: NDArray[np.uint8], rng: np.random.Generator, name: str = "") -> Parameters:
        check_side(target, self.scale, name)
        number = int(rng.integers(2**63))
        places = rng.integers(0, target.shape[:2], (2, 2))
        row = self.draws.draw(number)
        for own, operator in self.operators.items():
            for setting in self.draws.settings(own):
                column = self.draws.columns[own, setting]
                row[column] = operator.drawn(setting, row[column])
        return {"parameters": row, "window": places[0], "window_real": places[1]}

    def apply(self, sample: Sample) -> Sample:
        target = cut_to_multiple(sample["target"], self.scale)
        # Sizes are numbers that a host has to know: once a batch.
        rows: Rows = sample["parameters"].cpu().numpy()
        sharp = target if self.sharpen is None else self.sharpen(target)
        pictures = list(sharp)
        height, width = target.shape[-2:]
        small = (height // self.scale, width // self.scale)
        for name in self.operators:
            if name.startswith("first."):
                self._work(name, pictures, rows, (height, width))
            elif name.startswith("second."):
                self._work(name, pictures, rows, small)
        early = self._happens("jpeg_first", rows)
        for name, where in (("jpeg", early), ("size", None), ("sinc", None), ("jpeg", ~early)):
            if name in self.operators:
                self._work(name, pictures, rows, small, where)
        made = {**sample, "target": target, "source": to_8_bit(torch.stack(pictures))}
        return made if self.sharpen is None else {**made, "target_sharp": sharp}

    def _happens(self, name: str, rows: Rows) -> NDArray[np.bool_]:
        """Return in which samples an operator happens, (B,)."""
        return np.asarray(rows[:, self.draws.columns[name, "happens"]] > 0)

    def _work(
        self,
        name: str,
        pictures: list[Tensor],
        rows: Rows,
        size: tuple[int, int],
        where: NDArray[np.bool_] | None = None,
    ) -> None:
        """Put in place of pictures (C, h, w) what an operator makes of them, where it happens, those alike at once."""
        happens = self._happens(name, rows)
        for chosen in alike(pictures, happens if where is None else happens & where):
            settings = {
                setting: rows[chosen, self.draws.columns[name, setting]] for setting in self.draws.settings(name)
            }
            seeds = torch.from_numpy(rows[chosen, self.draws.columns[name, SEED]].astype(np.int64))
            batch = torch.stack([pictures[place] for place in chosen])
            changed = self.operators[name](batch, seeds.to(batch.device, non_blocking=True), size, **settings)
            for place, picture in zip(chosen, changed, strict=True):
                pictures[place] = picture

    def describe(self, row: Sequence[float]) -> dict[str, object]:
        """Return what was drawn for a sample, in words: operator → setting → value, or null where it did not happen."""
        found: dict[str, object] = {}
        for name, settings in self.draws.describe(row).items():
            operator = self.operators.get(name)
            if operator is None:
                found[name] = settings is not None
            elif settings is None:
                found[name] = None
            else:
                found[name] = {setting: operator.said(setting, value) for setting, value in settings.items()}
        return found


def alike(pictures: Sequence[Tensor], chosen: NDArray[np.bool_]) -> Iterator[list[int]]:
    """Yield the places of the chosen pictures, those of one size together."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for place in np.flatnonzero(chosen).tolist():
        groups.setdefault(tuple(pictures[place].shape), []).append(place)
    yield from groups.values()
