"""One drawing into another: rough sketches into clean lines, or clean lines into pencil (Simo-Serra 2016, 2018)."""

from __future__ import annotations

from torch import Tensor

from henkan.sample import Sample
from henkan.tasks.task import Side, Task
from henkan.tasks.windows import cut_windows


class LineDrawing(Task):
    """The generator's answer is the output, whole: nothing of the source is kept. Drawings are grey, 1 = paper.

    `window` is the side of the local patch in pixels, at a random place, for discriminators that look at one.
    """

    def __init__(self, window: int) -> None:
        self.window = window

    def condition(self, sample: Sample) -> dict[str, Tensor]:
        return {"image": sample["source"]}

    def compose(self, raw: Tensor, sample: Sample) -> dict[str, Tensor]:
        return {"prediction": raw, "output": raw}

    def judged(self, key: str, sample: Sample, side: Side) -> dict[str, Tensor]:
        image, centers = sample[key], sample["window" if side == "fake" else "window_real"]
        return {"image": image, "condition": sample["source"], "window": cut_windows(image, centers, self.window)}

    def panels(self, sample: Sample) -> dict[str, Tensor]:
        return {key: sample[key] for key in ("source", "output", "target")}
