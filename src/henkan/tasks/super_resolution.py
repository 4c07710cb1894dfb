"""Super-resolution: a small picture becomes a large one (SRCNN 2014; Ledig et al. 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from torch import Tensor
from torch.nn import functional

from henkan.errors import UserError
from henkan.networks.resampling import enlarged
from henkan.sample import Composed, Sample
from henkan.tasks.task import Side, Task
from henkan.tasks.windows import windows_of

# How much what a picture has beyond its enlarged source is amplified: it fills [0, 1] about as a picture does.
STRENGTH = 4.0


class SuperResolution(Task):
    """The generator is shown `source` (B, C, h, w), and its answer (B, C, h·scale, w·scale) is the output, whole.

    Discriminators are shown RGB or, with `judged_in` residual, what a picture has beyond the source enlarged by bicubic
    interpolation, four times as strong and around 0.5: all that real and made can differ in, so that a small
    discriminator finds it in a hundred updates instead of thousands. Conditional ones are shown that enlarged source
    besides. `window` is the side of the local patch in pixels of the large picture, at a random place.
    """

    def __init__(self, scale: int, window: int, judged_in: Literal["rgb", "residual"] = "rgb") -> None:
        if judged_in not in ("rgb", "residual"):
            raise UserError(f"task.judged_in={judged_in} is neither rgb nor residual")
        self.scale, self.window, self.judged_in = scale, window, judged_in

    def condition(self, sample: Sample) -> dict[str, Tensor]:
        return {"image": sample["source"]}

    def compose(self, raw: Tensor, sample: Sample) -> dict[str, Tensor]:
        return {"prediction": raw, "output": raw}

    def judged(self, key: str, sample: Sample, side: Side) -> Mapping[str, Tensor]:
        image = sample[key]
        if self.judged_in == "residual":
            image = STRENGTH * (image - enlarged(sample["source"], self.scale)) + 0.5
        return Composed(
            {
                "image": image,
                "condition": lambda _: enlarged(sample["source"], self.scale),
                "window": windows_of(sample, side, self.window),
            }
        )

    def panels(self, sample: Sample) -> dict[str, Tensor]:
        # Panels stand in one grid: the source's pixels are shown as squares.
        source = functional.interpolate(sample["source"], scale_factor=self.scale, mode="nearest")
        return {"source": source, **{key: sample[key] for key in ("output", "target") if key in sample}}
