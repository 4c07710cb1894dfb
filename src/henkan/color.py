"""Color conversions in float32: sRGB and CIELAB (D65, 2° observer), batched and differentiable.

L is lightness in [0, 100]; a and b span about ±110 for colors that a screen can show. Autocast never touches any of it:
bfloat16 has steps of half a unit at L = 100. The matrices are written out, row by row: on a GPU, a matrix made here
would be copied and waited for in every step, and a product with it might be rounded to TF32.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

AB = 110.0
"""The range of a and b that networks work in: ±AB, as ±1."""

BINS = 23
"""Classes of color along a and along b: every 10 units from -AB to AB."""

LUMA = (0.299, 0.587, 0.114)
"""Of red, green and blue in Y (ITU-R BT.601)."""

# sRGB's curve and CIELAB's: up to here they are straight lines.
_TOE, _KNEE, _SLOPE, _OFFSET = 0.04045, 0.008856, 7.787, 16.0 / 116.0
# Of linear RGB's share in X, Y and Z (ITU-R BT.709), each over the white point's (D65).
_WHITE = (0.95047, 1.0, 1.08883)
_TO_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
# Of sRGB's share in Y of studio range.
_STUDIO = (65.481 / 255.0, 128.553 / 255.0, 24.966 / 255.0)
_FROM_XYZ = (
    (3.2404813432005266, -1.5371515162713185, -0.4985363261688878),
    (-0.9692549499965682, 1.8759900014898907, 0.0415559265582928),
    (0.0556466391351772, -0.2040413383665112, 1.0573110696453443),
)


def rgb_to_lab(image: Tensor) -> Tensor:
    """Convert sRGB (..., 3, H, W) in [0, 1] to CIELAB: L in [0, 100], a and b in about ±110."""
    with torch.autocast(image.device.type, enabled=False):
        linear = _linear(image.float()).unbind(-3)
        x, y, z = (_compressed(_mixed(linear, row) / white) for row, white in zip(_TO_XYZ, _WHITE, strict=True))
        return torch.stack((116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)), dim=-3)


def lab_to_rgb(lab: Tensor) -> Tensor:
    """Convert CIELAB (..., 3, H, W) to sRGB, not clipped: colors that no screen can show lie outside [0, 1]."""
    with torch.autocast(lab.device.type, enabled=False):
        lightness, a, b = lab.float().unbind(-3)
        y = (lightness + 16.0) / 116.0
        # A color of less than no blue is none: its Z is 0.
        parts = (y + a / 500.0, y, (y - b / 200.0).clamp(min=0.0))
        xyz = [_expanded(part) * white for part, white in zip(parts, _WHITE, strict=True)]
        return _encoded(torch.stack([_mixed(xyz, row) for row in _FROM_XYZ], dim=-3))


def luma(image: Tensor) -> Tensor:
    """Return Y of pictures (B, 3, H, W), as bright as they are: (B, 1, H, W), in their own range."""
    return LUMA[0] * image[:, :1] + LUMA[1] * image[:, 1:2] + LUMA[2] * image[:, 2:]


def studio_luma(image: Tensor) -> Tensor:
    """Return Y of sRGB (..., 3, H, W) in [0, 1] as (..., 1, H, W) over 255: black is 16, white 235 (ITU-R BT.601).

    It is the brightness that super-resolution is scored on, MATLAB's rgb2ycbcr.
    """
    with torch.autocast(image.device.type, enabled=False):
        return (_mixed(image.float().unbind(-3), _STUDIO) + 16.0 / 255.0).unsqueeze(-3)


def lightness(grey: Tensor) -> Tensor:
    """Return L in [0, 100] of grey sRGB values in [0, 1], of any shape."""
    with torch.autocast(grey.device.type, enabled=False):
        return 116.0 * _compressed(_linear(grey.float())) - 16.0


def grey(lightness: Tensor) -> Tensor:
    """Return the grey sRGB values in [0, 1] that have this L in [0, 100], of any shape: the inverse of `lightness`."""
    with torch.autocast(lightness.device.type, enabled=False):
        return _encoded(_expanded((lightness.float() + 16.0) / 116.0)).clamp(0.0, 1.0)


def _linear(values: Tensor) -> Tensor:
    """Return the light of sRGB values."""
    return torch.where(values > _TOE, ((values.clamp(min=_TOE) + 0.055) / 1.055).pow(2.4), values / 12.92)


def _encoded(light: Tensor) -> Tensor:
    """Return the sRGB values of light: the inverse of `_linear`."""
    knee = _TOE / 12.92
    return torch.where(light > knee, 1.055 * light.clamp(min=knee).pow(1.0 / 2.4) - 0.055, 12.92 * light)


def _compressed(part: Tensor) -> Tensor:
    """Return CIELAB's f of X, Y or Z over the white point's."""
    return torch.where(part > _KNEE, part.clamp(min=_KNEE).pow(1.0 / 3.0), _SLOPE * part + _OFFSET)


def _expanded(f: Tensor) -> Tensor:
    """Return what f is of: the inverse of `_compressed`."""
    return torch.where(f > _SLOPE * _KNEE + _OFFSET, f.pow(3), (f - _OFFSET) / _SLOPE)


def _mixed(parts: Sequence[Tensor], row: tuple[float, float, float]) -> Tensor:
    """Return the sum of three planes, each times its entry of a matrix's row."""
    return torch.add(torch.add(parts[0] * row[0], parts[1], alpha=row[1]), parts[2], alpha=row[2])


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


def class_colors(labels: Tensor) -> Tensor:
    """Return the colors in [0, 1] that PASCAL VOC shows classes 0 to 255 in: (..., 1, H, W) int64 -> (..., 3, H, W).

    The bits of a class go to red, green and blue in turn, the lowest into the highest; 0 is black.
    """
    channels = [
        sum(((labels >> (3 * place + channel)) & 1) << (7 - place) for place in range(3)) for channel in range(3)
    ]
    return torch.cat(channels, dim=-3).float() / 255.0  # type: ignore[arg-type]


def mean_class_color(logits: Tensor) -> Tensor:
    """Return the mean of the classes' colors, each as probable as logits (B, K, H, W) say, (B, 3, H, W) in [0, 1]."""
    colors = class_colors(torch.arange(logits.shape[1], device=logits.device).view(-1, 1, 1, 1))
    shares = logits.float().softmax(1)
    # No matrix product: autocast would take one in half precision.
    return torch.stack([(shares * colors[None, :, channel]).sum(1) for channel in range(3)], dim=1)
