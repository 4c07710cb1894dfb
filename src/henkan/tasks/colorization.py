"""Colorization: the lightness is given, a and b are to be found (Iizuka 2016; Zhang 2016, 2017)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from henkan import color
from henkan.errors import UserError
from henkan.sample import Composed, Sample
from henkan.tasks.task import Side, Task
from henkan.tasks.windows import windows_of

# What a user may say beside the grey picture: at some places, and of the whole.
PLACES, WHOLE = ("hints", "hint_mask"), ("style", "ab_histogram", "saturation")


class Colorization(Task):
    """The generator's answer is a and b of CIELAB; with the lightness of `source` they are the picture.

    `raw` (B, 2, h, w) in [0, 1] stands for ±110; h and w may be a half, a quarter, … of the picture's, and are then
    enlarged bilinearly. `prediction` is the picture before clipping, `output` after: where nothing is clipped, its
    lightness is that of `source`. With a `temperature`, a and b are instead the annealed mean of the color classes
    `aux.bins` (Zhang 2016: 0.38). Discriminators are shown RGB, or L, a, b scaled to [0, 1] with `judged_in` lab.
    `window` is the side of the local patch in pixels, at a random place.

    Lightness is L of CIELAB throughout; the released code of 2016 restores the Y of YUV instead.
    """

    whole = frozenset(WHOLE)
    given = MappingProxyType({"source": 1, "hints": 2, "hint_mask": 1})

    def __init__(self, window: int, judged_in: Literal["rgb", "lab"] = "rgb", temperature: float | None = None) -> None:
        if temperature is not None and not temperature > 0:
            raise UserError(f"task.temperature={temperature} must be above 0, or null")
        self.window, self.judged_in, self.temperature = window, judged_in, temperature

    def condition(self, sample: Sample) -> dict[str, Tensor]:
        given = MappingProxyType({name: sample[name] for name in (*PLACES, *WHOLE) if name in sample})
        image = grey_of(sample)
        # A picture without another's style has its own.
        return {"image": image, "style": image, "lightness": lightness_of(sample) / 100.0, **given}

    def compose(self, raw: Tensor, sample: Sample) -> Mapping[str, Tensor | Callable[[Sample], Tensor]]:
        if self.temperature is not None and "aux.bins" not in sample:
            raise UserError("task.temperature is for generators with classes of color (user_guided): set it to null")
        ab = 2.0 * raw - 1.0 if self.temperature is None else color.annealed_mean(sample["aux.bins"], self.temperature)
        target = {"target_ab": target_ab} if "target" in sample else {}
        return {"ab": ab, "prediction": prediction, "output": output, **target}

    def judged(self, key: str, sample: Sample, side: Side) -> Mapping[str, Tensor]:
        if self.judged_in == "rgb":
            image = sample[key]
        else:
            # Not converted from the picture: what was clipped there would pull at nothing.
            # Both sides have the source's lightness: how it was rounded would tell them apart.
            ab = target_lab(sample)[:, 1:] if side == "real" else made_ab(sample)
            lab = torch.cat((lightness_of(sample), ab), dim=1)
            image = torch.cat((lab[:, :1] / 100.0, lab[:, 1:] / (2.0 * color.AB) + 0.5), dim=1)
        window = windows_of(sample, side, self.window)
        return Composed({"image": image, "condition": grey_of(sample), "window": window})

    def panels(self, sample: Sample) -> dict[str, Tensor]:
        source = grey_of(sample)
        panels = {"source": source.expand(-1, 3, -1, -1)}
        if "hints" in sample:
            hinted = torch.cat((lightness_of(sample), sample["hints"] * color.AB), dim=1)
            panels["hints"] = color.lab_to_rgb(hinted).clamp(0.0, 1.0)
        return {**panels, **{key: sample[key] for key in ("output", "target") if key in sample}}


def prediction(sample: Sample) -> Tensor:
    """Return the picture of the source's lightness and the answer's a and b; colors out of range are not clipped."""
    return color.lab_to_rgb(torch.cat((lightness_of(sample), made_ab(sample)), dim=1))


def output(sample: Sample) -> Tensor:
    """Return the picture that is scored."""
    clipped: Tensor = sample["prediction"].clamp(0.0, 1.0)
    return clipped


def target_ab(sample: Sample) -> Tensor:
    """Return a and b of the target over 110, at the size of the answer's."""
    return reduced(target_lab(sample)[:, 1:] / color.AB, *sample["ab"].shape[-2:])


def made_ab(sample: Sample) -> Tensor:
    """Return a and b that the generator made, at the picture's size."""
    return enlarged(sample["ab"], *grey_of(sample).shape[-2:]) * color.AB


def target_lab(sample: Sample) -> Tensor:
    """Return the target in CIELAB; samples out of files bring none."""
    return sample["target_lab"] if "target_lab" in sample else color.rgb_to_lab(sample["target"])


def lightness_of(sample: Sample) -> Tensor:
    """Return L of `source`; samples out of files bring none."""
    return sample["lightness"] if "lightness" in sample else color.lightness(grey_of(sample))


def grey_of(sample: Sample) -> Tensor:
    """Return `source` as one channel: a grey picture out of a file has three that are equal."""
    source: Tensor = sample["source"]
    return source[:, :1]


def enlarged(ab: Tensor, height: int, width: int) -> Tensor:
    """Return a and b at the picture's size: enlarged by a whole factor, and what a padded network saw cut off."""
    factor = factor_of(ab.shape[-2], ab.shape[-1], height, width)
    if factor > 1:
        ab = functional.interpolate(ab.float(), scale_factor=factor, mode="bilinear", align_corners=False)
    return ab[..., :height, :width].float()


def reduced(ab: Tensor, height: int, width: int) -> Tensor:
    """Return a and b averaged down by a whole factor to at most `height` x `width` values; the edge is repeated."""
    factor = factor_of(height, width, ab.shape[-2], ab.shape[-1])
    if factor == 1:
        return ab
    right, below = width * factor - ab.shape[-1], height * factor - ab.shape[-2]
    if right or below:
        ab = functional.pad(ab, (0, right, 0, below), mode="replicate")
    return functional.avg_pool2d(ab, factor)


def factor_of(h: int, w: int, height: int, width: int) -> int:
    """Return by which power of two a and b, whose h x w may include padding, are smaller than the picture."""
    return int(2 ** math.ceil(math.log2(max(height / h, width / w, 1.0))))
