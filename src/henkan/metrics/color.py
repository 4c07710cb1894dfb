"""Scores of colors: how far from the true ones, how many, and whether a screen can show them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from henkan.color import rgb_to_lab
from henkan.errors import UserError
from henkan.metrics.per_image import exact, require_pair

TURN = 2 * math.pi


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
        return ciede2000(rgb_to_lab(output), rgb_to_lab(target)).mean((1, 2))


def ciede2000(one: Tensor, other: Tensor) -> Tensor:
    """Return the color difference CIEDE2000 of each pixel of two pictures in CIELAB: (B, 3, H, W) -> (B, H, W).

    Of Sharma, Wu and Dalal (2005), with k_L = k_C = k_H = 1. Libraries have it for NumPy alone, which takes longer than
    what is scored.
    """
    (l1, a1, b1), (l2, a2, b2) = one.unbind(1), other.unbind(1)
    # Chroma of near-grey colors is enlarged.
    mean = (torch.hypot(a1, b1) + torch.hypot(a2, b2)) / 2
    grown = 1.5 - 0.5 * _near_25(mean)
    a1, a2 = a1 * grown, a2 * grown
    c1, c2 = torch.hypot(a1, b1), torch.hypot(a2, b2)
    h1, h2 = (torch.atan2(b, a) % TURN for a, b in ((a1, b1), (a2, b2)))
    grey = (c1 * c2) == 0
    turned = (h2 - h1 + torch.pi) % TURN - torch.pi
    # Exactly opposite hues: plus half a turn where the second is the larger.
    turned = torch.where((turned == -torch.pi) & (h2 > h1), torch.pi, turned).masked_fill(grey, 0.0)
    hue = torch.where(grey, h1 + h2, ((h1 + h2) / 2 + torch.where((h1 - h2).abs() > torch.pi, torch.pi, 0.0)) % TURN)
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    degrees = torch.rad2deg(hue)
    weight = (
        1.0
        - 0.17 * torch.cos(hue - math.radians(30))
        + 0.24 * torch.cos(2 * hue)
        + 0.32 * torch.cos(3 * hue + math.radians(6))
        - 0.20 * torch.cos(4 * hue - math.radians(63))
    )
    away = (lightness - 50).square()
    d_l = (l2 - l1) / (1 + 0.015 * away / (20 + away).sqrt())
    d_c = (c2 - c1) / (1 + 0.045 * chroma)
    d_h = 2 * (c1 * c2).sqrt() * torch.sin(turned / 2) / (1 + 0.015 * chroma * weight)
    angle = math.radians(60) * torch.exp(-((degrees - 275) / 25).square())
    rotation = -2 * _near_25(chroma) * torch.sin(angle)
    return (d_l.square() + d_c.square() + d_h.square() + rotation * d_c * d_h).clamp(min=0).sqrt()


def _near_25(chroma: Tensor) -> Tensor:
    """Return a share that rises from 0 to 1 where chroma is about 25."""
    power = (chroma / 25.0).pow(7)
    return (power / (power + 1.0)).sqrt()


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
