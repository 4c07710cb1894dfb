"""A sketch and strokes of color into a picture (Scribbler: Sangkloy, Lu, Fang, Yu, Hays 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from henkan.sample import Composed, Sample
from henkan.tasks.task import Side, Task
from henkan.tasks.windows import windows_of


class SketchToPicture(Task):
    """The generator sees the sketch `source` (1 = paper) and the `strokes`, white elsewhere, as one picture of four
    channels, and its answer is the output, whole.

    `window` is the side of the local patch in pixels, at a random place, for discriminators that look at one.
    """

    drawn_in = "source"
    given = MappingProxyType({"source": 1, "strokes": 3})

    def __init__(self, window: int) -> None:
        self.window = window

    def condition(self, sample: Sample) -> dict[str, Tensor]:
        return {"image": torch.cat((sample["source"], sample["strokes"]), dim=1)}

    def compose(self, raw: Tensor, sample: Sample) -> dict[str, Tensor]:
        return {"prediction": raw, "output": raw}

    def judged(self, key: str, sample: Sample, side: Side) -> Mapping[str, Tensor]:
        return Composed(
            {
                "image": sample[key],
                "condition": lambda _: self.condition(sample)["image"],
                "window": windows_of(sample, side, self.window),
            }
        )

    def panels(self, sample: Sample) -> dict[str, Tensor]:
        # Panels stand in one grid: the sketch has as many channels as the others.
        sketch = {"source": sample["source"].expand(-1, 3, -1, -1)}
        return {**sketch, **{key: sample[key] for key in ("strokes", "output", "target")}}
