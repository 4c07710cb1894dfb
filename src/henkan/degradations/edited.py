"""Pictures of which a part was completed or pasted over, and the mask of it: what finding edits is learned from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from henkan.degradations.degradation import Degradation
from henkan.degradations.edits import Edit
from henkan.degradations.holes import Holes
from henkan.degradations.jpeg import compressed
from henkan.errors import UserError
from henkan.sample import Parameters, Sample

UNTOUCHED = "untouched"
# How often a hole is drawn anew that leaves nothing of the picture.
TRIES = 16


class Edited(Degradation):
    """`source` is the picture with a part edited, and `target` (B, 1, H, W) becomes the mask of that part, 1 = edited.

    Where is drawn by `holes`, and then moved by any distance, around the border to the other side: holes keep off the
    border, and a place that is more likely than another could be learned (masks that belong to a picture stay). How is
    drawn of `fillers`, named edits (null: left out), each chosen as often as its entry in `shares` says beside the
    others; `only` names one that is always taken. A share `untouched` of the pictures is not edited: their mask is 0
    everywhere. Every picture, edited or not, is rounded to 8 bits and then compressed whole, as JPEG of a quality that
    is uniform in `quality` (whole numbers, both ends included), so that nothing but the edit itself tells the part from
    the rest. `kind` is the name of the edit, or untouched; `area` the share that was edited; `window` and `window_real`
    are those of `holes`; `parameters` (B, 1) is the quality.

    Whichever edit is drawn, the hole and the quality stay. Raises `UserError` for grey drawings.
    """

    def __init__(
        self,
        holes: Holes,
        fillers: Mapping[str, Edit | None],
        shares: Mapping[str, float],
        only: str | None = None,
        untouched: float = 0.3,
        quality: Sequence[int] = (60, 95),
    ) -> None:
        self.fillers = {name: one for name, one in fillers.items() if one is not None}
        if unknown := [name for name in shares if name not in fillers]:
            raise UserError(f"degradation.shares.{unknown[0]}: there is no such filler, but {', '.join(fillers)}")
        if only is not None and only not in self.fillers:
            raise UserError(f"degradation.only={only} is none of the fillers: {', '.join(self.fillers)}")
        if negative := [name for name, share in shares.items() if share < 0.0]:
            raise UserError(f"degradation.shares.{negative[0]}={shares[negative[0]]} must be 0 or more")
        weights = {name: float(shares.get(name, 0.0)) for name in self.fillers} if only is None else {only: 1.0}
        if not sum(weights.values()) > 0.0:
            raise UserError("no filler has a share above 0: name one, as in degradation.shares.telea=1")
        if not 0.0 <= untouched <= 1.0:
            raise UserError(f"degradation.untouched={untouched} must lie in [0, 1]")
        if not 1 <= quality[0] <= quality[1] <= 100:
            raise UserError(f"degradation.quality={list(quality)} must rise, from 1 to 100 at most")
        self.holes, self.untouched, self.quality = holes, untouched, (int(quality[0]), int(quality[1]))
        self.whole = holes.whole
        taken = {name: weight for name, weight in weights.items() if weight > 0.0}
        self.names = list(taken)
        self.edges = np.cumsum(list(taken.values())) / sum(taken.values())

    def draw(self, target: NDArray[np.uint8], rng: np.random.Generator, name: str = "") -> Parameters:
        if target.shape[2] != 3:
            raise UserError(f"{name}: edits are looked for in color pictures, not in grey drawings: choose other data")
        # Drawn first, so that they are the same whatever is done to the picture.
        touched, choice, share = rng.random(3).tolist()
        low, high = self.quality
        quality = np.array([low + int(share * (high - low + 1))], np.float64)
        drawn = self._hole(target, rng, name)
        if touched < self.untouched:
            kind, source = UNTOUCHED, target
            drawn = {**drawn, "mask": np.zeros_like(drawn["mask"]), "area": np.array(0.0)}
        else:
            # The last edge may be rounded to less than 1.
            kind = self.names[int(np.searchsorted(self.edges[:-1], choice, side="right"))]
            hole = drawn["mask"][0] > 0
            source = np.where(hole[..., None], self.fillers[kind].edit(target, hole, rng), target)
        return {**drawn, "source": source.transpose(2, 0, 1), "kind": kind, "parameters": quality}

    def _hole(self, target: NDArray[np.uint8], rng: np.random.Generator, name: str) -> Parameters:
        for _ in range(TRIES):
            drawn = self.holes.draw(target, rng, name)
            if not drawn["mask"].all():
                return drawn if self.whole else moved(drawn, rng)
        raise UserError(
            f"{name}: the holes cover the whole picture, and there is nothing to tell them from: make them smaller"
        )

    def apply(self, sample: Sample) -> Sample:
        source: Tensor = sample["source"]
        quality: Tensor = sample["parameters"][:, 0].to(torch.float32)
        # A mask beside it would confine losses to what was edited.
        rest = {key: value for key, value in sample.items() if key != "mask"}
        return {**rest, "source": compressed(source, quality.to(source.device)), "target": sample["mask"]}

    def describe(self, row: Sequence[float]) -> dict[str, object]:
        return {"quality": int(row[0])}

    def lacking(self, names: Sequence[str]) -> list[str]:
        return self.holes.lacking(names)

    def check(self) -> None:
        self.holes.check()

    def manifest(self) -> str | None:
        return self._with_fillers(self.holes.manifest())

    def manifest_of(self, names: Collection[str]) -> str | None:
        return self._with_fillers(self.holes.manifest_of(names))

    def _with_fillers(self, holes: str | None) -> str | None:
        found = {"holes": holes}
        found |= {name: self.fillers[name].manifest() for name in self.names}
        own = {name: one for name, one in found.items() if one is not None}
        return " ".join(f"{name}:{one}" for name, one in own.items()) or None


def moved(drawn: Parameters, rng: np.random.Generator) -> Parameters:
    """Return a hole moved by any distance, each as likely; what leaves the picture comes in on the other side."""
    size = np.array(drawn["mask"].shape[1:])
    by = rng.integers(0, size)
    places = {key: (drawn[key] + by) % size for key in ("window", "window_real")}
    return {**drawn, **places, "mask": np.roll(drawn["mask"], by.tolist(), axis=(1, 2))}
