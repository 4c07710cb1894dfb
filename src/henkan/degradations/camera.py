"""What lenses, sensors, resizing and files do to a photograph: batched operators of pictures (B, C, H, W) in [0, 1].

They are Real-ESRGAN's (Wang et al. 2021). Settings come as arrays (B,), drawn before: nothing here is left to chance.
"""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from henkan.color import luma
from henkan.data.operator import Operator, Range
from henkan.degradations.blur_kernels import SHAPES, blur_kernels
from henkan.degradations.jpeg import compressed
from henkan.degradations.noise import normal
from henkan.degradations.shot_noise import shot_noise
from henkan.errors import UserError
from henkan.networks.resampling import mirrored

Floats = NDArray[np.float64]
Pictures = Tensor | Sequence[Tensor]
"""Pictures of one size, (B, C, H, W), or of several, each (C, H, W)."""

Weights = Mapping[str, float]
"""Of each name, how often it is drawn, relative to the others."""

# Of kernels, in pixels: smaller ones stand in its middle.
LARGEST = 21
# From this side on a ringing kernel may have a lower cutoff.
WIDE = 13


@dataclass(frozen=True, kw_only=True)
class CameraOperator(Operator):
    """A step that changes photographs.

    Of a setting that is in `names`, a mapping, one of its names is drawn; of those in `about_one` half are drawn from
    [low, 1], and half from [1, high].
    """

    names: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    about_one: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for setting, known in self.names.items():
            weights = getattr(self, setting)
            if unknown := [name for name in weights if name not in known]:
                raise UserError(f"{type(self).__name__}.{setting}.{unknown[0]}: there are {', '.join(known)}")
            if min(weights.values(), default=0.0) < 0.0 or not sum(weights.values()) > 0.0:
                raise UserError(f"{type(self).__name__}.{setting}={dict(weights)}: weights are 0 or more, not all 0")
        for setting in self.about_one:
            low, high = super().bounds(setting)
            if not low <= 1.0 <= high:
                raise UserError(f"{type(self).__name__}.{setting}=[{low}, {high}] must hold 1")
        super().__post_init__()

    def bounds(self, setting: str) -> tuple[float, float]:
        # A share, which `drawn` gives its meaning.
        return (0.0, 1.0) if setting in (*self.names, *self.about_one) else super().bounds(setting)

    def drawn(self, setting: str, share: float) -> float:
        """Return what a drawn number stands for: itself, the index of a name, a number about 1."""
        if setting in self.names:
            weights: Weights = getattr(self, setting)
            ends = np.cumsum([weights.get(name, 0.0) for name in self.names[setting]])
            return float(np.searchsorted(ends, share * ends[-1], side="right"))
        if setting in self.about_one:
            bounds: Sequence[float] = getattr(self, setting)
            low, high = bounds
            return low + 2.0 * share * (1.0 - low) if share < 0.5 else 1.0 + (2.0 * share - 1.0) * (high - 1.0)
        return share

    def said(self, setting: str, value: float) -> float | str:
        """Return a setting as a person reads it."""
        return self.names[setting][int(value)] if setting in self.names else value

    @abstractmethod
    def __call__(self, pictures: Tensor, seeds: Tensor, size: tuple[int, int], *_: Any, **settings: Any) -> Pictures:
        """Return the changed pictures; a factor of 1 is `size` (height, width)."""


@dataclass(frozen=True, kw_only=True)
class Blur(CameraOperator):
    """Blur by a kernel drawn anew: its `kinds`, an odd side of 2 `reach` + 1 pixels, deviations, and angle in degrees.

    Of kinds other than `anisotropic` ones both deviations are `sigma_x`. `generalized` and `plateau` are the exponents
    β of these kernels, `cutoff` the frequency above which `sinc` leaves nothing, of a pixel's highest; `cutoff_wide`
    that of kernels of 13 pixels and more.
    """

    kinds: Weights
    reach: Range = (3, 10)
    sigma_x: Range
    sigma_y: Range
    angle: Range = (-180.0, 180.0)
    generalized: Sequence[float] = (1.0, 1.0)
    plateau: Sequence[float] = (1.0, 1.0)
    cutoff: Range = (1 / 3, 1.0)
    cutoff_wide: Range = (1 / 5, 1.0)
    counts: ClassVar[tuple[str, ...]] = ("reach",)
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "reach": (0, LARGEST // 2),
        "sigma_x": (0.01, math.inf),
        "sigma_y": (0.01, math.inf),
    }
    about_one: ClassVar[tuple[str, ...]] = ("generalized", "plateau")
    names: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "kinds": (
            "isotropic",
            "anisotropic",
            "generalized_isotropic",
            "generalized_anisotropic",
            "plateau_isotropic",
            "plateau_anisotropic",
            "sinc",
        )
    }

    def kernels(
        self,
        kinds: Floats,
        reach: Floats,
        sigma_x: Floats,
        sigma_y: Floats,
        angle: Floats,
        generalized: Floats,
        plateau: Floats,
        cutoff: Floats,
        cutoff_wide: Floats,
    ) -> Floats:
        """Return the kernels (B, 21, 21)."""
        kind, side = kinds.astype(np.int64), 2 * reach + 1
        # Two of each shape, and the last.
        shape, narrow = kind // 2, kind % 2 == 0
        sigma = np.stack((sigma_x, np.where(narrow, sigma_x, sigma_y)), axis=1)
        power = np.where(shape == SHAPES.index("plateau"), plateau, generalized)
        omega = np.pi * np.where(side < WIDE, cutoff, cutoff_wide)
        return blur_kernels(LARGEST, side, shape, sigma, np.radians(angle), power, omega)

    def __call__(self, pictures: Tensor, seeds: Tensor, size: tuple[int, int], *_: Any, **settings: Floats) -> Pictures:
        return filtered(pictures, self.kernels(**settings))


@dataclass(frozen=True, kw_only=True)
class Ringing(CameraOperator):
    """Let edges ring, as sharpening does: an ideal low-pass filter of 2 `reach` + 1 pixels; `cutoff` as in `Blur`."""

    reach: Range = (3, 10)
    cutoff: Range = (1 / 3, 1.0)
    counts: ClassVar[tuple[str, ...]] = ("reach",)
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"reach": (0, LARGEST // 2)}

    def __call__(
        self, pictures: Tensor, seeds: Tensor, size: tuple[int, int], *_: Any, reach: Floats, cutoff: Floats
    ) -> Pictures:
        one, shape = np.ones_like(reach), np.full(len(reach), SHAPES.index("sinc"))
        sigma = np.stack((one, one), axis=1)
        return filtered(pictures, blur_kernels(LARGEST, 2 * reach + 1, shape, sigma, one, one, np.pi * cutoff))


@dataclass(frozen=True, kw_only=True)
class Resize(CameraOperator):
    """Make pictures larger (by `up`), smaller (by `down`), or of the size that a factor of 1 is: `ways`.

    By one of the `methods`, none of which is protected against aliasing but `area`.
    """

    ways: Weights
    up: Range = 1.0
    down: Range = 1.0
    methods: Weights
    names: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "ways": ("up", "down", "keep"),
        "methods": ("area", "bilinear", "bicubic"),
    }

    def __call__(
        self,
        pictures: Tensor,
        seeds: Tensor,
        size: tuple[int, int],
        *_: Any,
        ways: Floats,
        up: Floats,
        down: Floats,
        methods: Floats,
    ) -> Pictures:
        factors = np.choose(ways.astype(np.int64), (up, down, np.ones_like(up)))
        found = []
        for picture, factor, method in zip(pictures, factors, methods, strict=True):
            height, width = (max(1, int(side * factor)) for side in size)
            mode = self.names["methods"][int(method)]
            found.append(F.interpolate(picture[None], (height, width), mode=mode)[0])
        return found


@dataclass(frozen=True, kw_only=True)
class SensorNoise(CameraOperator):
    """Add noise, grey or in color: `gaussian` of a `deviation` (of 255), or `poisson`, times `strength`."""

    kinds: Weights
    colors: Weights
    deviation: Range
    strength: Range
    names: ClassVar[Mapping[str, tuple[str, ...]]] = {"kinds": ("gaussian", "poisson"), "colors": ("grey", "color")}

    def __call__(
        self,
        pictures: Tensor,
        seeds: Tensor,
        size: tuple[int, int],
        *_: Any,
        kinds: Floats,
        colors: Floats,
        deviation: Floats,
        strength: Floats,
    ) -> Pictures:
        noisy = list(pictures)
        for kind, color in itertools.product((0, 1), repeat=2):
            chosen = np.flatnonzero((kinds == kind) & (colors == color)).tolist()
            if chosen:
                few, amount = pictures[chosen], deviation / 255.0 if kind == 0 else strength
                shown = few if color else grey(few)
                height, width = shown.shape[-2:]
                if kind:
                    noise = shot_noise(shown, seeds[chosen])
                else:
                    noise = normal(seeds[chosen], height, width, shown.shape[1])
                changed = (few + on(few, amount[chosen]) * noise).clamp(0.0, 1.0)
                for place, picture in zip(chosen, changed, strict=True):
                    noisy[place] = picture
        return noisy


@dataclass(frozen=True, kw_only=True)
class Jpeg(CameraOperator):
    """Compress by JPEG of a whole `quality` (1 to 100)."""

    quality: Range
    counts: ClassVar[tuple[str, ...]] = ("quality",)
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"quality": (1, 100)}

    def __call__(self, pictures: Tensor, seeds: Tensor, size: tuple[int, int], *_: Any, quality: Floats) -> Pictures:
        return compressed(pictures, on(pictures, quality).view(-1))


@dataclass(frozen=True, kw_only=True)
class UnsharpMask:
    """Sharpen edges: `weight` times what a blur takes away is added where that is more than `threshold` (of 255).

    The blur is Gaussian, `side` pixels wide; where edges are is blurred by it, too.
    """

    weight: float = 0.5
    side: int = 51
    threshold: float = 10.0

    def __post_init__(self) -> None:
        if self.side < 1 or self.side % 2 == 0:
            raise UserError(f"UnsharpMask.side={self.side} must be odd: it has a middle")

    def __call__(self, pictures: Tensor) -> Tensor:
        """Return the sharpened pictures (B, C, H, W), in [0, 1]."""
        detail = pictures - self._soft(pictures)
        edges = self._soft((detail.abs() * 255.0 > self.threshold).to(pictures.dtype))
        sharp = (pictures + self.weight * detail).clamp(0.0, 1.0)
        return edges * sharp + (1.0 - edges) * pictures

    def _soft(self, pictures: Tensor) -> Tensor:
        # OpenCV's deviation for a kernel of so many pixels.
        sigma = 0.3 * ((self.side - 1) * 0.5 - 1.0) + 0.8
        place = torch.arange(self.side, device=pictures.device, dtype=pictures.dtype) - self.side // 2
        kernel = torch.exp(-0.5 * (place / sigma) ** 2)
        kernel = (kernel / kernel.sum()).view(1, 1, -1, 1)
        planes = mirrored(pictures, self.side // 2).flatten(0, 1)[:, None]
        soft = F.conv2d(F.conv2d(planes, kernel), kernel.transpose(2, 3))
        return soft.view(pictures.shape)


def filtered(pictures: Tensor, kernels: Floats) -> Tensor:
    """Return pictures (B, C, H, W), each under its own kernel (B, n, n) with n odd; edges are mirrored."""
    batch, channels, height, width = pictures.shape
    weights = torch.as_tensor(kernels, dtype=pictures.dtype).to(pictures.device, non_blocking=True)
    weights = weights.repeat_interleave(channels, 0)[:, None]
    planes = mirrored(pictures, kernels.shape[-1] // 2).reshape(1, batch * channels, -1, width + kernels.shape[-1] - 1)
    return F.conv2d(planes, weights, groups=batch * channels).view(batch, channels, height, width)


def grey(pictures: Tensor) -> Tensor:
    """Return pictures (B, C, H, W) as grey ones (B, 1, H, W): ITU-R BT.601."""
    return pictures if pictures.shape[1] == 1 else luma(pictures)


def on(pictures: Tensor, values: Floats) -> Tensor:
    """Return values (B,) beside pictures: (B, 1, 1, 1), of their type and on their device."""
    return torch.as_tensor(values, dtype=pictures.dtype).to(pictures.device, non_blocking=True).view(-1, 1, 1, 1)
