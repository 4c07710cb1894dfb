"""What paper, pencil, eraser, light and camera do to a drawing: operators on pixels, batched, on the device.

A drawing is grey, (B, 1, H, W), 1 = white paper; `ink` is 1 less that. Settings come as (B, 1, 1, 1), seeds as (B,).
Lengths are shares of the picture's longer side, unless said otherwise. All are differentiable with respect to the
picture.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from kornia.enhance import jpeg_codec_differentiable
from torch import Tensor

from henkan.data.operator import Operator, Range
from henkan.degradations.noise import clouds, normal, white


class PageOperator(Operator):
    """A step that changes the pixels of a drawing. One that `moves` them is applied to the target as well.

    Settings that are `lengths` of the hand's are multiplied by the degradation's `error`.
    """

    moves = False
    lengths: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def __call__(self, page: Tensor, seeds: Tensor, *_: Any, **settings: Any) -> Tensor:
        """Return the changed page, (B, 1, H, W)."""


@dataclass(frozen=True, kw_only=True)
class Grain(PageOperator):
    """Let ink reach only the teeth of the paper: up to `strength` of it is missing, in specks of about a pixel."""

    strength: Range

    def __call__(self, page: Tensor, seeds: Tensor, *, strength: Tensor) -> Tensor:
        height, width = page.shape[-2:]
        tooth = white(seeds, height, width)
        # Averaged with the next pixel on both sides, specks are no dots.
        tooth = (tooth + tooth.roll(1, 2) + tooth.roll(1, 3) + tooth.roll((1, 1), (2, 3))) / 4
        teeth = ((tooth - 0.35) * 3.3).clamp(0.0, 1.0)
        return 1.0 - (1.0 - page) * (1.0 - strength * teeth)


@dataclass(frozen=True, kw_only=True)
class Smudge(PageOperator):
    """Rub the ink over the paper: `strength` of it lies spread over `reach`, more in some places than in others."""

    strength: Range
    reach: Range

    def __call__(self, page: Tensor, seeds: Tensor, *, strength: Tensor, reach: Tensor) -> Tensor:
        height, width = page.shape[-2:]
        angle = 2.0 * math.pi * white(seeds, 1, 1)
        spread = smeared(1.0 - page, angle, reach * max(height, width), samples=6)
        where = clouds(seeds + 1, torch.full_like(seeds, 0.3, dtype=torch.float32), height, width).sigmoid()
        return (page - strength * where * spread).clamp(min=0.0)


@dataclass(frozen=True, kw_only=True)
class Ghosts(PageOperator):
    """Leave the trace of an erased attempt: the drawing, displaced by up to `distance`, with `strength` of its ink."""

    strength: Range
    distance: Range

    def __call__(self, page: Tensor, seeds: Tensor, *, strength: Tensor, distance: Tensor) -> Tensor:
        height, width = page.shape[-2:]
        angle = 2.0 * math.pi * white(seeds, 1, 1)
        far = distance * max(height, width)
        shift = torch.cat((angle.cos() * far, angle.sin() * far), dim=1)
        waves = torch.full_like(seeds, 0.25, dtype=torch.float32)
        bend = 0.3 * far * clouds(seeds + 1, waves, height, width, channels=2)
        ghost = displaced(1.0 - page, shift + bend)
        # The eraser was not everywhere equally thorough.
        rubbed = clouds(seeds + 2, torch.full_like(seeds, 0.2, dtype=torch.float32), height, width).sigmoid()
        return (page - strength * rubbed * soft(ghost)).clamp(min=0.0)


@dataclass(frozen=True, kw_only=True)
class Paper(PageOperator):
    """Draw on paper of a `tone` (1 = white), with `texture`: the share that its fibers and stains darken it by."""

    tone: Range
    texture: Range

    def __call__(self, page: Tensor, seeds: Tensor, *, tone: Tensor, texture: Tensor) -> Tensor:
        height, width = page.shape[-2:]
        fibers = soft(normal(seeds, height, width)) * 2.0
        stains = clouds(seeds + 1, torch.full_like(seeds, 0.15, dtype=torch.float32), height, width)
        relief = 1.0 + texture * (0.7 * fibers + 0.5 * stains)
        return (page * tone * relief).clamp(0.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class Light(PageOperator):
    """Light the page unevenly: it darkens by `falloff` (of 1) from one side to the other, and in soft shadows."""

    falloff: Range

    def __call__(self, page: Tensor, seeds: Tensor, *, falloff: Tensor) -> Tensor:
        height, width = page.shape[-2:]
        angle = 2.0 * math.pi * white(seeds, 1, 1)
        y = torch.linspace(-0.5, 0.5, height, device=page.device).view(1, 1, -1, 1)
        x = torch.linspace(-0.5, 0.5, width, device=page.device).view(1, 1, 1, -1)
        across = (angle.cos() * x + angle.sin() * y + 0.5).clamp(0.0, 1.0)
        shadow = clouds(seeds + 1, torch.full_like(seeds, 0.5, dtype=torch.float32), height, width).sigmoid()
        return page * (1.0 - falloff * (0.7 * across + 0.3 * shadow))


@dataclass(frozen=True, kw_only=True)
class Perspective(PageOperator):
    """Photograph the page askew: its corners move by up to `strength` of the sides. Moves the target as well."""

    strength: Range
    moves = True

    def __call__(self, page: Tensor, seeds: Tensor, *, strength: Tensor) -> Tensor:
        # Corners clockwise from the top left. Inwards only: the page fills the picture.
        share = white(seeds, 4, 2).view(-1, 4, 2, 1, 1) * strength[:, None]
        first, second, third, fourth = share.unbind(1)
        second = torch.cat((1.0 - second[:, :1], second[:, 1:]), dim=1)
        fourth = torch.cat((fourth[:, :1], 1.0 - fourth[:, 1:]), dim=1)
        places = quadrilateral((first, second, 1.0 - third, fourth), *page.shape[-2:])
        return 1.0 - F.grid_sample(1.0 - page, places.permute(0, 2, 3, 1) * 2.0 - 1.0, align_corners=True)


@dataclass(frozen=True, kw_only=True)
class Tone(PageOperator):
    """Change the tones: contrast by `gain` about white, brightness by the power `gamma` (tone change, 2016)."""

    gain: Range
    gamma: Range

    def __call__(self, page: Tensor, seeds: Tensor, *, gain: Tensor, gamma: Tensor) -> Tensor:
        changed = (1.0 - gain * (1.0 - page)).clamp(1e-4, 1.0)
        return changed**gamma


@dataclass(frozen=True, kw_only=True)
class Slur(PageOperator):
    """Smear the picture along one direction, over `length` (image slur, 2016)."""

    length: Range

    def __call__(self, page: Tensor, seeds: Tensor, *, length: Tensor) -> Tensor:
        angle = 2.0 * math.pi * white(seeds, 1, 1)
        return 1.0 - smeared(1.0 - page, angle, length * max(page.shape[-2:]), samples=5)


@dataclass(frozen=True, kw_only=True)
class Noise(PageOperator):
    """Add normal noise of `deviation` (of 1) to every pixel (noise, 2016)."""

    deviation: Range

    def __call__(self, page: Tensor, seeds: Tensor, *, deviation: Tensor) -> Tensor:
        height, width = page.shape[-2:]
        return (page + deviation * normal(seeds, height, width)).clamp(0.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class Darkening(PageOperator):
    """Subtract noise from every pixel, as the code of Simo-Serra et al. 2018 does.

    Uniform between `low` and `high`, or, where `gaussian` is drawn as 1, normal with mean `low` and deviation `high`:
    whole tenths of `unit` (of 1), which is the deviation that the network divides by.
    """

    low: Range
    high: Range
    unit: Range
    gaussian: Range = (0, 1)
    counts: ClassVar[tuple[str, ...]] = ("low", "high", "gaussian")

    def __call__(
        self, page: Tensor, seeds: Tensor, *, low: Tensor, high: Tensor, unit: Tensor, gaussian: Tensor
    ) -> Tensor:
        height, width = page.shape[-2:]
        uniform = low + (high - low) * white(seeds, height, width)
        amount = torch.where(gaussian > 0, low + high * normal(seeds, height, width), uniform)
        return (page - unit / 10.0 * amount).clamp(0.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class Jpeg(PageOperator):
    """Compress by JPEG of a `quality` (1 to 100)."""

    quality: Range
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"quality": (1, 100)}

    def __call__(self, page: Tensor, seeds: Tensor, *, quality: Tensor) -> Tensor:
        # Blocks are 16 pixels with subsampled colors, which grey has none of.
        height, width = page.shape[-2:]
        padded = F.pad(page, (0, -width % 16, 0, -height % 16), mode="replicate")
        quality = quality.view(-1)
        coded = jpeg_codec_differentiable(padded.expand(-1, 3, -1, -1), quality)
        return coded.mean(1, keepdim=True)[..., :height, :width].clamp(0.0, 1.0)


def soft(image: Tensor) -> Tensor:
    """Return a slightly blurred image: the mean of 3 x 3 pixels."""
    return F.avg_pool2d(image, 3, stride=1, padding=1, count_include_pad=False)


def quadrilateral(corners: tuple[Tensor, Tensor, Tensor, Tensor], height: int, width: int) -> Tensor:
    """Return where pixels of a rectangle lie in a quadrilateral seen in perspective: x and y, (B, 2, height, width).

    `corners`, clockwise from the top left, are (B, 2, 1, 1). In closed form (Heckbert 1989, 2.2.3): solving for the
    projection would have a GPU wait, and a product with its matrix is rounded coarsely by autocast.
    """
    first, second, third, fourth = corners
    right, below, skew = second - third, fourth - third, first - second + third - fourth
    area = cross(right, below)
    g, h = cross(skew, below) / area, cross(right, skew) / area
    u = torch.linspace(0.0, 1.0, width, device=first.device).view(1, 1, 1, -1)
    v = torch.linspace(0.0, 1.0, height, device=first.device).view(1, 1, -1, 1)
    along, down = second - first + g * second, fourth - first + h * fourth
    return (along * u + down * v + first) / (g * u + h * v + 1.0)


def cross(one: Tensor, other: Tensor) -> Tensor:
    """Return x·y' - y·x' of (B, 2, 1, 1), as (B, 1, 1, 1)."""
    return one[:, :1] * other[:, 1:] - one[:, 1:] * other[:, :1]


def displaced(ink: Tensor, shift: Tensor) -> Tensor:
    """Return ink moved by `shift` (B, 2, H, W) or (B, 2, 1, 1) pixels (x, y); nothing comes in from outside."""
    height, width = ink.shape[-2:]
    y = torch.linspace(-1.0, 1.0, height, device=ink.device).view(1, -1, 1).expand(len(ink), -1, width)
    x = torch.linspace(-1.0, 1.0, width, device=ink.device).view(1, 1, -1).expand(len(ink), height, -1)
    dx, dy = shift[:, 0] * (2.0 / max(1, width - 1)), shift[:, 1] * (2.0 / max(1, height - 1))
    return F.grid_sample(ink, torch.stack((x - dx, y - dy), dim=-1), align_corners=True)


def smeared(ink: Tensor, angle: Tensor, length: Tensor, samples: int) -> Tensor:
    """Return the mean of ink along a line of `length` pixels at `angle` (both (B, 1, 1, 1)) through each pixel."""
    way = torch.cat((angle.cos(), angle.sin()), dim=1) * length
    total = ink.new_zeros(())
    for step in range(samples):
        total = total + displaced(ink, way * ((step + 0.5) / samples - 0.5))
    return total / samples
