"""The noise of counted photons as a pure function of a seed and a place: batched, without waiting for the device."""

from __future__ import annotations

import functools

import numpy as np
import torch
from scipy.stats import poisson
from torch import Tensor

from henkan.degradations.noise import white

LEVELS = 256
# Powers of two up to the number of levels: how many photons white is.
EXPONENTS = 9
# No count is larger: white of 256 photons, and eight deviations.
MOST = 384
# Uniform noise has so many bits.
BITS = 24


def shot_noise(pictures: Tensor, seeds: Tensor) -> Tensor:
    """Return what Poisson noise adds to pictures (B, C, H, W) in [0, 1], with `seeds` (B,) below 2^31.

    Each is rounded to k/255; white is as many photons as a picture has levels, rounded up to a power of two; the count
    of each pixel is Poisson's (Wang et al. 2021). By inversion, exactly: of tables, as means are few.
    """
    levels = pictures.clamp(0.0, 1.0).mul(LEVELS - 1.0).round()
    which = levels.long()
    used = torch.zeros(len(pictures), LEVELS, device=pictures.device)
    count = used.scatter_(1, which.flatten(1), 1.0).sum(1)
    # ceil(log2(count)), in whole numbers.
    exponent = (count[:, None] > 2.0 ** torch.arange(EXPONENTS - 1, device=pictures.device)).sum(1).view(-1, 1, 1, 1)
    row = exponent * LEVELS + which
    drawn = white(seeds, pictures.shape[-2], pictures.shape[-1], pictures.shape[1]).mul(2.0**BITS).long()
    # All tables are one rising sequence.
    place = torch.searchsorted(tables(pictures.device), (row << (BITS + 1)) + drawn, right=True)
    photons = (place - row * MOST).to(pictures.dtype)
    return photons / 2.0**exponent - levels / (LEVELS - 1.0)


@functools.cache
def tables(device: torch.device) -> Tensor:
    """Return Poisson's distribution functions in steps of 2^-24, (9 x 256 x 384,) int64: by exponent, level and count.

    Row r holds them plus r · 2^25.
    """
    mean = 2.0 ** np.arange(EXPONENTS)[:, None] * (np.arange(LEVELS) / (LEVELS - 1.0))
    shares = poisson.cdf(np.arange(MOST), mean.reshape(-1, 1))
    rows = np.floor(shares * 2.0**BITS).astype(np.int64) + (np.arange(len(shares))[:, None] << (BITS + 1))
    with torch.inference_mode(False):
        return torch.from_numpy(rows.ravel()).to(device)
