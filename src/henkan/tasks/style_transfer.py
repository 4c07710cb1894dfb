"""Style transfer: what one picture shows, painted as another one is (Gatys et al. 2016; Johnson et al. 2016)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

from henkan import color
from henkan.sample import Composed, Sample
from henkan.tasks.task import Side, Task
from henkan.tasks.windows import windows_of

# A style picture's shorter side is not shrunk below this for a coarse output: there would be nothing left to see.
LEAST = 32


class StyleTransfer(Task):
    """The generator's answer is the picture: `prediction` as it is, for terms to read, `output` clipped to [0, 1].

    With `keep_color` the output has the lightness (L of CIELAB) of that and the a and b of its source. Where an answer
    is smaller than its source, as in a coarse phase, target and style picture are shrunk to its scale. `window` is the
    side of the local patch in pixels, at a random place, for discriminators that look at one.
    """

    def __init__(self, window: int, keep_color: bool = False) -> None:
        self.window, self.keep_color = window, keep_color

    def condition(self, sample: Sample) -> dict[str, Tensor]:
        return {"image": sample["source"]}

    def compose(self, raw: Tensor, sample: Sample) -> Mapping[str, Tensor | Callable[[Sample], Tensor]]:
        composed: dict[str, Tensor | Callable[[Sample], Tensor]] = {"prediction": raw, "output": self.output}
        shape = raw.shape[-2:]
        if shape != sample["source"].shape[-2:]:
            scale = max(shape) / max(sample["source"].shape[-2:])
            if "target" in sample:
                composed["target"] = lambda _: at_size(sample["target"], *shape)
            if "style_picture" in sample:
                composed["style_picture"] = lambda _: scaled_down(sample["style_picture"], scale)
        return composed

    def output(self, sample: Sample) -> Tensor:
        """Return the picture that is scored."""
        painted: Tensor = sample["prediction"].clamp(0.0, 1.0)
        if not self.keep_color:
            return painted
        source = at_size(sample["source"], *painted.shape[-2:])
        lightness, ab = color.rgb_to_lab(painted)[:, :1], color.rgb_to_lab(source)[:, 1:]
        return color.lab_to_rgb(torch.cat((lightness, ab), dim=1)).clamp(0.0, 1.0)

    def judged(self, key: str, sample: Sample, side: Side) -> Mapping[str, Tensor]:
        window = windows_of(sample, side, self.window)
        return Composed({"image": sample[key], "condition": sample["source"], "window": window})

    def panels(self, sample: Sample) -> dict[str, Tensor]:
        found = {"source": sample["source"], "output": sample["output"]}
        if "style_picture" in sample:
            found["style"] = framed(sample["style_picture"], *sample["source"].shape[-2:])
        return found


def at_size(images: Tensor, height: int, width: int) -> Tensor:
    """Return pictures averaged down to `height` x `width`; those that have this size are returned themselves."""
    if images.shape[-2:] == (height, width):
        return images
    return functional.interpolate(images, (height, width), mode="area")


def scaled_down(images: Tensor, scale: float) -> Tensor:
    """Return pictures averaged down by a factor, but to no less than `LEAST` pixels on the shorter side."""
    height, width = images.shape[-2:]
    scale = min(1.0, max(scale, LEAST / min(height, width)))
    return at_size(images, round(height * scale), round(width * scale))


def framed(images: Tensor, height: int, width: int) -> Tensor:
    """Return whole pictures inside of `height` x `width` pixels, with white around."""
    scale = min(height / images.shape[-2], width / images.shape[-1])
    sides = [max(1, round(side * scale)) for side in images.shape[-2:]]
    inside = functional.interpolate(images, sides, mode="bilinear", antialias=True).clamp(0.0, 1.0)
    top, left = (height - sides[0]) // 2, (width - sides[1]) // 2
    return functional.pad(inside, (left, width - sides[1] - left, top, height - sides[0] - top), value=1.0)
