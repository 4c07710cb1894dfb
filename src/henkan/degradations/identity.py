"""No degradation: the data bring their own source."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from henkan.degradations.degradation import Degradation
from henkan.degradations.holes import filled
from henkan.errors import UserError
from henkan.sample import Parameters, Sample


class Identity(Degradation):
    """Shows the companion `source` of paired data, or the target itself where there is none.

    A share `clean` of the samples shows the target even so (Simo-Serra et al. 2018: 0.1). Nothing of the target is
    known, so `mask` is 1 everywhere, and `window` and `window_real` are two random places.

    `fill` ([r, g, b] in [0, 1]) is the color of holes in sources that came with the data: a picture that comes with a
    mask and without a source is shown as they were.
    """

    def __init__(self, clean: float = 0.0, fill: Sequence[float] | None = None) -> None:
        if not 0.0 <= clean <= 1.0:
            raise UserError(f"degradation.clean={clean} must lie in [0, 1]")
        self.clean, self.fill = clean, fill

    def draw(self, target: NDArray[np.uint8], rng: np.random.Generator, name: str = "") -> Parameters:
        height, width = target.shape[:2]
        places = rng.integers(0, (height, width), (2, 2))
        drawn = {"mask": np.ones((1, height, width), np.uint8), "window": places[0], "window_real": places[1]}
        return {**drawn, "clean": int(rng.random() < self.clean)} if self.clean else drawn

    def apply(self, sample: Sample) -> Sample:
        target: Tensor = sample["target"]
        source = sample.get("source", target)
        if self.fill is not None and "source" not in sample and "mask" in sample:
            source = filled(target, sample["mask"], self.fill)
        # What is scored is never left clean, and was not asked.
        if "clean" in sample:
            source = torch.where(sample["clean"].view(-1, 1, 1, 1) > 0, target, source)
        return {**sample, "source": source}
