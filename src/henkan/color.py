"""Color conversions in float32: sRGB and CIELAB (D65, 2° observer), batched and differentiable.

L is lightness in [0, 100]; a and b span about ±110 for colors that a screen can show. The arithmetic is kornia's; what
is added here is that autocast never touches it: bfloat16 has steps of half a unit at L = 100.
"""

from __future__ import annotations

import kornia.color
import torch
from torch import Tensor

AB = 110.0
"""The range of a and b that networks work in: ±AB, as ±1."""

BINS = 23
"""Classes of color along a and along b: every 10 units from -AB to AB."""

# A grey picture has one channel, and kornia takes three: sRGB's curve and CIELAB's, with the same constants.
_TOE, _KNEE, _SLOPE, _OFFSET = 0.04045, 0.008856, 7.787, 16.0 / 116.0


def rgb_to_lab(image: Tensor) -> Tensor:
    """Convert sRGB (..., 3, H, W) in [0, 1] to CIELAB: L in [0, 100], a and b in about ±110."""
    with torch.autocast(image.device.type, enabled=False):
        lab: Tensor = kornia.color.rgb_to_lab(image.float())
    return lab


def lab_to_rgb(lab: Tensor) -> Tensor:
    """Convert CIELAB (..., 3, H, W) to sRGB, not clipped: colors that no screen can show lie outside [0, 1]."""
    with torch.autocast(lab.device.type, enabled=False):
        image: Tensor = kornia.color.lab_to_rgb(lab.float(), clip=False)
    return image


def lightness(grey: Tensor) -> Tensor:
    """Return L in [0, 100] of grey sRGB values in [0, 1], of any shape."""
    with torch.autocast(grey.device.type, enabled=False):
        grey = grey.float()
        y = torch.where(grey > _TOE, ((grey.clamp(min=_TOE) + 0.055) / 1.055).pow(2.4), grey / 12.92)
        f = torch.where(y > _KNEE, y.clamp(min=_KNEE).pow(1.0 / 3.0), _SLOPE * y + _OFFSET)
        return 116.0 * f - 16.0


def grey(lightness: Tensor) -> Tensor:
    """Return the grey sRGB values in [0, 1] that have this L in [0, 100], of any shape: the inverse of `lightness`."""
    with torch.autocast(lightness.device.type, enabled=False):
        f = (lightness.float() + 16.0) / 116.0
        y = torch.where(f > _SLOPE * _KNEE + _OFFSET, f.pow(3), (f - _OFFSET) / _SLOPE)
        knee = _TOE / 12.92
        values = torch.where(y > knee, 1.055 * y.clamp(min=knee).pow(1.0 / 2.4) - 0.055, 12.92 * y)
        return values.clamp(0.0, 1.0)


def bins_of(ab: Tensor) -> Tensor:
    """Return the class of color, 0 to BINS² - 1 (neutral: 264), of a and b over AB: (..., 2, H, W) -> (..., H, W)."""
    steps = ((ab.float().clamp(-1.0, 1.0) + 1.0) * ((BINS - 1) / 2)).round().long()
    return steps[..., 0, :, :] * BINS + steps[..., 1, :, :]


def annealed_mean(logits: Tensor, temperature: float) -> Tensor:
    """Return a and b over AB (B, 2, h, w) of logits (B, BINS², h, w): the mean of the classes' colors (Zhang 2016).

    At `temperature` 1 their expectation, which is dull; towards 0 the most likely color, which is patchy; 0.38 there.
    """
    shares = (logits.float() / temperature).softmax(1).reshape(len(logits), BINS, BINS, *logits.shape[-2:])
    steps = torch.linspace(-1.0, 1.0, BINS, device=logits.device).view(-1, 1, 1)
    # No matrix product: autocast would take one in half precision.
    return torch.stack(((shares.sum(2) * steps).sum(1), (shares.sum(1) * steps).sum(1)), dim=1)
