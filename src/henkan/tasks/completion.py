"""Image completion: fill the hole, keep every known pixel (Iizuka, Simo-Serra, Ishikawa 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from torch import Tensor

from henkan.sample import Composed, Sample
from henkan.tasks.task import Side, Task
from henkan.tasks.windows import windows_of


class Completion(Task):
    """The hole of `source` is filled by the generator; outside the mask the output *is* the source.

    `window` is the side of the local patch in pixels: around the hole for a completed picture, around the hole of a
    second, independent draw for a real one (GLCIC's M_d).
    """

    given = MappingProxyType({"source": None, "mask": 1})

    def __init__(self, window: int) -> None:
        self.window = window

    def condition(self, sample: Sample) -> dict[str, Tensor]:
        return {"image": sample["source"], "mask": sample["mask"]}

    def compose(self, raw: Tensor, sample: Sample) -> dict[str, Tensor]:
        mask = sample["mask"]
        # Where, not arithmetic: known pixels stay bit for bit, and their gradient is exactly zero.
        return {"prediction": raw, "output": raw.where(mask > 0, sample["source"])}

    def judged(self, key: str, sample: Sample, side: Side) -> Mapping[str, Tensor]:
        return Composed(
            {
                "image": sample[key],
                "condition": sample["source"],
                "mask": sample["mask"],
                "window": windows_of(sample, side, self.window),
            }
        )

    def panels(self, sample: Sample) -> dict[str, Tensor]:
        return {key: sample[key] for key in ("source", "output", "target")}
