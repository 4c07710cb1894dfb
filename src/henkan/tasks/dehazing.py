"""Dehazing: a hazy picture is given, the clear one is to be found."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from henkan.degradations.haze import recovered
from henkan.errors import UserError
from henkan.sample import Composed, Sample
from henkan.tasks.task import Side, Task
from henkan.tasks.windows import windows_of


class Dehazing(Task):
    """The generator's answer is the clear picture, or what haze did to it: then light is unscattered by that.

    A generator that returns `transmission` t (B, 1, H, W) and `airlight` A (B, 3, 1, 1) beside `raw` knows the haze:
    `prediction` is J = (I - A) / max(t, `least_transmission`) + A, I being the source. Any other's is `raw` itself,
    (B, 3, H, W). `output` is the prediction; what lies outside [0, 1] is clipped when it is scored or saved. `window`
    is the side of the local patch in pixels, at a random place, for discriminators that look at one.
    """

    def __init__(self, window: int, least_transmission: float = 0.1) -> None:
        if not 0.0 < least_transmission <= 1.0:
            raise UserError(f"task.least_transmission={least_transmission} must lie in (0, 1]")
        self.window, self.least_transmission = window, least_transmission

    def condition(self, sample: Sample) -> dict[str, Tensor]:
        return {"image": sample["source"]}

    def compose(self, raw: Tensor, sample: Sample) -> Mapping[str, Tensor | Callable[[Sample], Tensor]]:
        if "aux.transmission" not in sample:
            return {"prediction": raw, "output": raw}
        return {"prediction": self.unscattered, "output": lambda composed: composed["prediction"]}

    def unscattered(self, sample: Sample) -> Tensor:
        """Return the clear picture that the source is, if haze did to it what the generator says."""
        t, airlight = sample["aux.transmission"].float(), sample["aux.airlight"].float()
        return recovered(sample["source"], t, airlight, self.least_transmission)

    def judged(self, key: str, sample: Sample, side: Side) -> Mapping[str, Tensor]:
        window = windows_of(sample, side, self.window)
        return Composed({"image": sample[key], "condition": sample["source"], "window": window})

    def panels(self, sample: Sample) -> dict[str, Tensor]:
        panels = {"source": sample["source"]}
        if "aux.transmission" in sample:
            panels["transmission"] = sample["aux.transmission"].expand(-1, 3, -1, -1)
        return {**panels, **{key: sample[key] for key in ("output", "target")}}
