"""Scores of colors: how far from the true ones, how many, and whether a screen can show them."""

from __future__ import annotations

import torch
from skimage.color import deltaE_ciede2000
from torch import Tensor

from henkan.color import rgb_to_lab
from henkan.errors import UserError
from henkan.metrics.per_image import exact, require_pair


class ABError:
    """Mean over each picture's pixels of the distance in the a, b plane, in units of CIELAB: the error of color alone.

    `output`, `target`: RGB (B, 3, H, W) in [0, 1]. Returns (B,). Raises `UserError` unless both are RGB, of one shape.
    """

    @exact
    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        _require_rgb(output, target)
        away = (rgb_to_lab(output) - rgb_to_lab(target))[:, 1:]
        return away.square().sum(1).sqrt().mean((1, 2))


class CIEDE2000:
    """Mean over each picture's pixels of the color difference CIEDE2000, about 1 where it is just noticeable.

    `output`, `target`: RGB (B, 3, H, W) in [0, 1]. Returns (B,). Raises `UserError` unless both are RGB, of one shape.
    """

    @exact
    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        _require_rgb(output, target)
        ours, theirs = (rgb_to_lab(images).double().cpu().numpy() for images in (output, target))
        differences = deltaE_ciede2000(ours, theirs, channel_axis=1)  # type: ignore[no-untyped-call]
        return torch.from_numpy(differences).mean((1, 2)).float()


class Colorfulness:
    """How colorful a picture is, after Hasler and Süsstrunk (2003): σ + 0.3 μ, about 0 (grey) to 110 (vivid).

    With rg = R - G and yb = (R + G)/2 - B, values 0 to 255: σ² is the sum of their variances, μ² that of their squared
    means. `output`: RGB (B, 3, H, W) in [0, 1]. Returns (B,). Raises `UserError` unless it is RGB.
    """

    @exact
    def __call__(self, output: Tensor) -> Tensor:
        _require_rgb(output, output)
        return _colorfulness(output)


class ColorfulnessGap:
    """Colorfulness, output less target: below 0 is too pale, above too vivid.

    `output`, `target`: RGB (B, 3, H, W) in [0, 1]. Returns (B,). Raises `UserError` unless both are RGB, of one shape.
    """

    @exact
    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        _require_rgb(output, target)
        return _colorfulness(output) - _colorfulness(target)


class GamutClipped:
    """Share of pixels of which a channel lies outside [0, 1] by more than half a grey level, before clipping.

    There no screen can show the color and lightness that were asked for, and the clipped picture has others.
    `prediction`: RGB (B, 3, H, W), unclipped. Returns (B,) in [0, 1]. Raises `UserError` unless it is RGB.
    """

    @exact
    def __call__(self, prediction: Tensor) -> Tensor:
        _require_rgb(prediction, prediction)
        half = 0.5 / 255.0
        shown = (prediction >= -half) & (prediction <= 1.0 + half)
        return 1.0 - shown.all(1).float().mean((1, 2))


class ClassAccuracy:
    """1 where the most probable class is the picture's, else 0; NaN for a picture of label -1, which has none.

    `logits`: (B, K); `label`: (B,) int64. Returns (B,). Raises `UserError` if the shapes do not fit.
    """

    @exact
    def __call__(self, logits: Tensor, label: Tensor) -> Tensor:
        if logits.ndim != 2 or label.shape != logits.shape[:1]:
            raise UserError(
                f"accuracy compares logits (B, K) with labels (B,), not {tuple(logits.shape)} with "
                f"{tuple(label.shape)}: mend the metric's `reads`"
            )
        return (logits.argmax(1) == label).float().where(label >= 0, torch.nan)


def _require_rgb(output: Tensor, target: Tensor) -> None:
    require_pair(output, target)
    if output.shape[1] != 3:
        raise UserError(f"a score of colors needs RGB pictures, not {tuple(output.shape)}: leave it out of `metric`")


def _colorfulness(image: Tensor) -> Tensor:
    red, green, blue = (255.0 * image.double()).flatten(2).unbind(1)
    opponents = torch.stack((red - green, (red + green) / 2.0 - blue))
    spread = opponents.var(2, correction=0).sum(0).sqrt()
    mean = opponents.mean(2).square().sum(0).sqrt()
    return (spread + 0.3 * mean).float()
