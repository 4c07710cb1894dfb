"""Kernels of a blurred picture, a batch of them at once: Gaussians, flatter and more pointed ones, and ringing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import j1

Floats = NDArray[np.float64]

SHAPES = ("gaussian", "generalized", "plateau", "sinc")


def blur_kernels(
    size: int, side: Floats, shape: NDArray[np.int64], sigma: Floats, angle: Floats, power: Floats, cutoff: Floats
) -> Floats:
    """Return kernels (B, size, size) whose sum is 1, 0 outside of their own odd `side` (B,).

    With q = (x'/σ_1)² + (y'/σ_2)² at pixels turned by `angle` (B,), in radians, σ = `sigma` (B, 2) and β = `power`
    (B,), the index `shape` (B,) into `SHAPES` says (Wang et al. 2021, after Liu et al. 2020 and Rad et al. 2019):

    - gaussian: exp(-q/2);
    - generalized: exp(-q^β/2);
    - plateau: 1/(1 + q^β);
    - sinc: ω J_1(ωr)/(2πr), the ideal low-pass filter of the frequency ω = `cutoff` (B,), in radians a pixel.
    """
    place = np.arange(size) - size // 2
    y, x = place[:, None], place[None, :]
    cosine, sine = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    first, second = sigma[:, 0, None, None], sigma[:, 1, None, None]
    q = ((cosine * x + sine * y) / first) ** 2 + ((cosine * y - sine * x) / second) ** 2
    raised = q ** power[:, None, None]
    radius, omega = np.hypot(y, x), cutoff[:, None, None]
    away = np.maximum(radius, 1.0)
    ringing = np.where(radius > 0, omega * j1(omega * away) / (2.0 * np.pi * away), omega**2 / (4.0 * np.pi))
    found = (np.exp(-q / 2.0), np.exp(-raised / 2.0), 1.0 / (1.0 + raised), ringing)
    kernels = np.choose(shape[:, None, None], found)
    kernels = kernels * (np.maximum(abs(y), abs(x)) <= side[:, None, None] // 2)
    return np.asarray(kernels / kernels.sum(axis=(1, 2), keepdims=True), np.float64)
