"""One drawing into another: rough sketches into clean lines, or clean lines into pencil (Simo-Serra 2016, 2018)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from henkan.sample import Composed, Sample
from henkan.tasks.task import Side, Task
from henkan.tasks.windows import windows_of


class LineDrawing(Task):
    """The generator's answer is the output, whole: nothing of the source is kept. Drawings are grey, 1 = paper.

    `window` is the side of the local patch in pixels, at a random place, for discriminators that look at one.
    """

    drawn_in = "source"

    def __init__(self, window: int) -> None:
        self.window = window

    def condition(self, sample: Sample) -> dict[str, Tensor]:
        return {"image": sample["source"]}

    def compose(self, raw: Tensor, sample: Sample) -> dict[str, Tensor]:
        return {"prediction": raw, "output": raw}

    def judged(self, key: str, sample: Sample, side: Side) -> Mapping[str, Tensor]:
        window = windows_of(sample, side, self.window)
        return Composed({"image": sample[key], "condition": sample["source"], "window": window})

    def panels(self, sample: Sample) -> dict[str, Tensor]:
        return {key: sample[key] for key in ("source", "output", "target")}
