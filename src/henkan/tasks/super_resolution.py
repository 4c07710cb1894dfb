"""Super-resolution: a small picture becomes a large one (SRCNN 2014; Ledig et al. 2017)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.nn import functional

from henkan.networks.resampling import enlarged
from henkan.sample import Composed, Sample
from henkan.tasks.task import Side, Task
from henkan.tasks.windows import windows_of


class SuperResolution(Task):
    """The generator is shown `source` (B, C, h, w), and its answer (B, C, h·scale, w·scale) is the output, whole.

    Conditional discriminators are shown the source enlarged by bicubic interpolation. `window` is the side of the local
    patch in pixels of the large picture, at a random place.
    """

    def __init__(self, scale: int, window: int) -> None:
        self.scale, self.window = scale, window

    def condition(self, sample: Sample) -> dict[str, Tensor]:
        return {"image": sample["source"]}

    def compose(self, raw: Tensor, sample: Sample) -> dict[str, Tensor]:
        return {"prediction": raw, "output": raw}

    def judged(self, key: str, sample: Sample, side: Side) -> Mapping[str, Tensor]:
        return Composed(
            {
                "image": sample[key],
                "condition": lambda _: enlarged(sample["source"], self.scale),
                "window": windows_of(sample, side, self.window),
            }
        )

    def panels(self, sample: Sample) -> dict[str, Tensor]:
        # Panels stand in one grid: the source's pixels are shown as squares.
        source = functional.interpolate(sample["source"], scale_factor=self.scale, mode="nearest")
        return {"source": source, **{key: sample[key] for key in ("output", "target") if key in sample}}
