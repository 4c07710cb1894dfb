"""What JPEG does to pictures: batched, on the device, with the rounding that loses what JPEG loses.

About 45 dB from libjpeg's pictures at qualities of 30 to 95, and as far from the original as those. Codecs that a
gradient passes through round softly, and keep a decibel more than JPEG would: a network could learn to read it.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from henkan.color import luma

# Side of a block, and of two by two of them, over which colors are halved.
BLOCK, PAIR = 8, 16
# ITU-T T.81, tables K.1 and K.2: steps of brightness and of colors at quality 50.
LUMA = (
    *(16, 11, 10, 16, 24, 40, 51, 61),
    *(12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56),
    *(14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77),
    *(24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101),
    *(72, 92, 95, 98, 112, 100, 103, 99),
)
CHROMA = (
    *(17, 18, 24, 47, 99, 99, 99, 99),
    *(18, 21, 26, 66, 99, 99, 99, 99),
    *(24, 26, 56, 99, 99, 99, 99, 99),
    *(47, 66, 99, 99, 99, 99, 99, 99),
    *(99,) * 32,
)


def compressed(pictures: Tensor, quality: Tensor) -> Tensor:
    """Return pictures (B, 1 or 3, H, W) in [0, 1], on k/255, as JPEG files of `quality` (B,), 1 to 100, hold them.

    Colors at half the size, averaged on the way there and enlarged bilinearly, as libjpeg does.
    """
    height, width = pictures.shape[-2:]
    padded = F.pad(pictures, (0, -width % PAIR, 0, -height % PAIR), mode="replicate")
    levels = padded.clamp(0.0, 1.0).mul(255.0).round()
    if pictures.shape[1] == 1:
        coded = transformed(levels, steps(LUMA, quality))
    else:
        y = luma(levels).round()
        # The two colors as two channels; 0 is grey.
        colors = torch.cat(((levels[:, 2:] - y) / 1.772, (levels[:, :1] - y) / 1.402), dim=1).add(128.0).round()
        y = transformed(y, steps(LUMA, quality))
        small = transformed(F.avg_pool2d(colors, 2).round(), steps(CHROMA, quality))
        cb, cr = F.interpolate(small, scale_factor=2, mode="bilinear").sub(128.0).chunk(2, dim=1)
        coded = torch.cat((y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb), dim=1)
    return coded.round().clamp(0.0, 255.0).div(255.0)[..., :height, :width]


def transformed(levels: Tensor, steps: Tensor) -> Tensor:
    """Return levels (B, C, H, W) in [0, 255] whose 8 x 8 blocks have whole multiples of `steps` as coefficients."""
    batch, channels, height, width = levels.shape
    cosines = basis(levels.device)
    blocks = levels.reshape(batch, channels, height // BLOCK, BLOCK, width // BLOCK, BLOCK).transpose(3, 4) - 128.0
    kept = (cosines @ blocks @ cosines.T / steps).round() * steps
    back = (cosines.T @ kept @ cosines).transpose(3, 4).reshape(levels.shape)
    return back.add(128.0).round().clamp(0.0, 255.0)


def basis(device: torch.device) -> Tensor:
    """Return the matrix (8, 8) of the orthonormal cosine transform: a row a frequency."""
    place = torch.arange(BLOCK, device=device, dtype=torch.float32)
    rows = torch.cos((2.0 * place + 1.0) * place[:, None] * (math.pi / (2 * BLOCK))) * math.sqrt(2.0 / BLOCK)
    rows[0] *= math.sqrt(0.5)
    return rows


def steps(table: tuple[int, ...], quality: Tensor) -> Tensor:
    """Return libjpeg's quantization steps at `quality` (B,): (B, 1, 1, 1, 8, 8)."""
    factor = torch.where(quality < 50.0, (5000.0 / quality).floor(), 200.0 - 2.0 * quality).view(-1, 1, 1, 1, 1, 1)
    steps = torch.tensor(table, dtype=torch.float32).to(quality.device, non_blocking=True).view(BLOCK, BLOCK)
    return ((steps * factor + 50.0) / 100.0).floor().clamp(1.0, 255.0)
