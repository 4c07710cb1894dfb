"""Detection of edits: which part of a picture was completed or pasted over?"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from henkan.sample import Composed, Sample
from henkan.tasks.task import Side, Task
from henkan.tasks.windows import windows_of


class EditDetection(Task):
    """The generator is shown `source` (B, 3, H, W), and answers how probable it is that each pixel was edited.

    `raw`, `prediction` and `output` (B, 1, H, W) are the same map in [0, 1], and `target` is the mask, 1 = edited.
    Discriminators are shown maps with as many equal channels as the source has, so that those of pictures fit, and the
    source as `condition`: an adversarial term asks whether a map looks like a mask of this picture (Luc et al. 2016).
    `window` is the side of the local patch in pixels: around the edit for a made map, at the place of a second,
    independent draw for a true one.
    """

    def __init__(self, window: int) -> None:
        self.window = window

    def condition(self, sample: Sample) -> dict[str, Tensor]:
        return {"image": sample["source"]}

    def compose(self, raw: Tensor, sample: Sample) -> dict[str, Tensor]:
        return {"prediction": raw, "output": raw}

    def judged(self, key: str, sample: Sample, side: Side) -> Mapping[str, Tensor]:
        source = sample["source"]
        return Composed(
            {
                "image": sample[key].expand_as(source),
                "condition": source,
                "window": windows_of(sample, side, self.window),
            }
        )

    def panels(self, sample: Sample) -> dict[str, Tensor]:
        source = sample["source"]
        return {"source": source, **{key: sample[key].expand_as(source) for key in ("output", "target")}}
