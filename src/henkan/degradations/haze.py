"""Clear pictures seen through haze: scattering, I = J t + A (1 - t), and how it is taken back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from kornia.color import linear_rgb_to_rgb, rgb_to_linear_rgb
from numpy.typing import NDArray
from torch import Tensor

from henkan.data.operator import SEED, Draws, Operator, Range
from henkan.degradations.degradation import Degradation
from henkan.degradations.noise import clouds, white
from henkan.errors import UserError
from henkan.sample import Parameters, Sample, to_8_bit

COLORS = ("red", "green", "blue")
# Of a procedural scene: no more than so many things stand in it.
THINGS = 4


def transmission_of(depth: Tensor, beta: Tensor) -> Tensor:
    """Return the share of light that reaches the camera, exp(-beta d): `depth` (B, 1, H, W), `beta` (B, 1, 1, 1)."""
    return torch.exp(-beta * depth)


def scattered(clear: Tensor, transmission: Tensor, airlight: Tensor) -> Tensor:
    """Return J t + A (1 - t): `clear` J (B, 3, H, W), `transmission` t (B, 1, H, W), `airlight` A (B, 3, 1, 1)."""
    return clear * transmission + airlight * (1.0 - transmission)


def recovered(hazy: Tensor, transmission: Tensor, airlight: Tensor, least: float) -> Tensor:
    """Return (I - A) / max(t, least) + A, the inverse of `scattered` where t is `least` or more; not clipped."""
    return (hazy - airlight) / transmission.clamp(min=least) + airlight


@dataclass(frozen=True, kw_only=True)
class _Air(Operator):
    """The color of the light that haze scatters towards the camera: red, green and blue, each in [0, 1]."""

    red: Range
    green: Range
    blue: Range


@dataclass(frozen=True, kw_only=True)
class _HazyAir(_Air):
    """And how much it scatters: the coefficient of extinction, one over a unit of depth."""

    beta: Range


@dataclass(frozen=True, kw_only=True)
class _Veil(_Air):
    """And the one share of light that comes through it."""

    transmission: Range


@dataclass(frozen=True, kw_only=True)
class Scene(Operator):
    """A plausible depth for pictures without one: level ground up to a horizon, sky, and some things that stand there.

    It is what a pinhole camera above a plane sees: v below the horizon (of the picture's height) the ground is
    near (1 - horizon) / v away, `near` at the lower edge, 1 from some place on and in the sky. `horizon` is its share
    of the height from above, `slope` by how much it falls from left to right, `relief` the deviation of the ground's
    depth by smooth hills, as a logarithm. `things` (at most 4) stand upright, each at one depth, up to four times as
    high as the camera is. It is not the depth of what the picture shows: its edges are elsewhere, and a crop has a
    whole scene of its own. A network learns from it what haze does to colors and contrast, and how it gathers towards
    the horizon; not that depth changes where things end.
    """

    horizon: Range
    slope: Range
    near: Range
    relief: Range
    things: Range
    counts: ClassVar[tuple[str, ...]] = ("things",)

    def __post_init__(self) -> None:
        super().__post_init__()
        ranges = self.ranges()
        bounds = {"horizon": (0.0, 0.95), "near": (0.001, 1.0), "relief": (0.0, 10.0), "things": (0, THINGS)}
        for name, (least, most) in bounds.items():
            low, high = ranges[name]
            if not least <= low <= high <= most:
                raise UserError(f"degradation.scene.{name}=[{low:g}, {high:g}] must lie in [{least:g}, {most:g}]")

    def __call__(
        self,
        seeds: Tensor,
        height: int,
        width: int,
        *,
        horizon: Tensor,
        slope: Tensor,
        near: Tensor,
        relief: Tensor,
        things: Tensor,
    ) -> Tensor:
        """Return depths (B, 1, height, width) in (0, 1], of seeds (B,) and settings (B, 1, 1, 1)."""
        y = ((torch.arange(height, device=seeds.device) + 0.5) / height).view(1, 1, -1, 1)
        x = ((torch.arange(width, device=seeds.device) + 0.5) / width - 0.5).view(1, 1, 1, -1)
        below = y - horizon - slope * x
        # The camera's height, where the picture's height is the focal length.
        eye = near * (1.0 - horizon)
        hills = relief * clouds(seeds, torch.full_like(seeds, 0.3, dtype=torch.float32), height, width)
        ground = (eye / below.clamp(min=1e-6)).clamp(max=1.0) * hills.exp()
        depth = torch.where(below > 0, ground.clamp(max=1.0), 1.0)
        rough = 0.03 * clouds(seeds + 1, torch.full_like(seeds, 0.1, dtype=torch.float32), height, width)
        drawn = white(seeds + 2, THINGS, 4)
        for number in range(THINGS):
            far, center, wide, high = (drawn[:, :, number, k].view(-1, 1, 1, 1) for k in range(4))
            away = near + (1.0 - near) * far.square()
            foot = eye / away
            top = foot * (1.0 - 4.0 * high)
            inside = (below < foot) & (below > top + rough) & ((x - center + 0.5).abs() < 0.05 + 0.2 * wide + rough)
            depth = torch.where(inside & (number < things), torch.minimum(depth, away), depth)
        return depth


class Scattering(Degradation):
    """What kinds of haze share. Adds `transmission` (B, 1, H, W) and `airlight` (B, 3, 1, 1). The source is rounded to
    8 bits, as a photograph in a file is.

    With `linear`, light is scattered and not the values of sRGB: `airlight` is then linear too, and what takes the haze
    back has to know. `tinted`: the three colors of the airlight are drawn apart. Raises `UserError` for grey targets.
    """

    def __init__(self, operators: dict[str, Operator], tinted: bool, linear: bool) -> None:
        self.draws, self.tinted, self.linear = Draws(operators), tinted, linear

    def draw(self, target: NDArray[np.uint8], rng: np.random.Generator, name: str = "") -> Parameters:
        if target.shape[2] != 3:
            raise UserError(
                f"{name}: haze needs pictures in color, and these data are grey drawings: choose other data"
            )
        number, places = int(rng.integers(2**63)), rng.integers(0, target.shape[:2], (2, 2))
        row = self.draws.draw(number)
        if not self.tinted:
            row[[self.draws.columns["air", color] for color in COLORS]] = row[self.draws.columns["air", COLORS[0]]]
        return {"parameters": row, "window": places[0], "window_real": places[1]}

    @abstractmethod
    def seen(self, sample: Sample) -> dict[str, Tensor]:
        """Return `transmission` (B, 1, H, W) of a batch, and what it was computed from."""

    def apply(self, sample: Sample) -> Sample:
        clear: Tensor = sample["target"]
        airlight = torch.cat([self.setting("air", color, sample) for color in COLORS], dim=1)
        seen = self.seen(sample)
        light = rgb_to_linear_rgb(clear) if self.linear else clear
        hazy = scattered(light, seen["transmission"], airlight)
        source = linear_rgb_to_rgb(hazy.clamp(0.0, 1.0)) if self.linear else hazy
        return {**sample, **seen, "airlight": airlight, "source": to_8_bit(source)}

    def setting(self, operator: str, name: str, sample: Sample) -> Tensor:
        """Return what was drawn of one setting, (B, 1, 1, 1), where the pictures are."""
        column: Tensor = sample["parameters"][:, self.draws.columns[operator, name]]
        return column.to(sample["target"]).view(-1, 1, 1, 1)

    def describe(self, row: Sequence[float]) -> dict[str, object]:
        air = {name: value for name, value in (self.draws.describe(row)["air"] or {}).items() if name != SEED}
        return {**{name: air[name] for name in air if name not in COLORS}, "airlight": [air[name] for name in COLORS]}


class Haze(Scattering):
    """Haze that thickens with depth: t = exp(-beta d), d being the sample's `depth` where its data have one, else that
    of a procedural `scene`, in which the farthest is 1.

    `beta` and `airlight` are ranges; `levels` makes beta one of so many values, evenly spaced from end to end. RESIDE:
    airlight in [0.7, 1] and beta in [0.6, 1.8]. Adds `depth` (B, 1, H, W) beside the others.
    """

    def __init__(
        self,
        beta: Sequence[float],
        airlight: Sequence[float],
        scene: Scene,
        levels: int | None = None,
        tinted: bool = False,
        linear: bool = False,
    ) -> None:
        check("beta", beta, np.inf)
        check("airlight", airlight, 1.0)
        if levels is not None and levels < 2:
            raise UserError(f"degradation.levels={levels} must be 2 or more, or null for any value of beta")
        air = _HazyAir(beta=beta, red=airlight, green=airlight, blue=airlight)
        super().__init__({"air": air, "scene": scene}, tinted, linear)
        self.beta, self.levels, self.scene = beta, levels, scene

    def draw(self, target: NDArray[np.uint8], rng: np.random.Generator, name: str = "") -> Parameters:
        drawn = super().draw(target, rng, name)
        if self.levels is not None:
            column = self.draws.columns["air", "beta"]
            low, high = self.beta
            share = (drawn["parameters"][column] - low) / max(high - low, 1e-12)
            level = min(int(share * self.levels), self.levels - 1)
            drawn["parameters"][column] = low + (high - low) * level / (self.levels - 1)
        return drawn

    def apply(self, sample: Sample) -> Sample:
        if "depth" in sample:
            # A scene that is not looked at was not drawn.
            rows: Tensor = sample["parameters"].clone()
            rows[:, self.draws.columns["scene", "happens"]] = 0.0
            sample = {**sample, "parameters": rows}
        return super().apply(sample)

    def seen(self, sample: Sample) -> dict[str, Tensor]:
        depth = sample["depth"].clamp(min=0.0) if "depth" in sample else self.imagined(sample)
        return {"transmission": transmission_of(depth, self.setting("air", "beta", sample)), "depth": depth}

    def imagined(self, sample: Sample) -> Tensor:
        """Return the depth (B, 1, H, W) of scenes that pictures without one are taken to show."""
        settings = {name: self.setting("scene", name, sample) for name in self.draws.settings("scene")}
        seeds: Tensor = sample["parameters"][:, self.draws.columns["scene", SEED]]
        height, width = sample["target"].shape[-2:]
        return self.scene(seeds.to(torch.int64).to(sample["target"].device), height, width, **settings)

    def describe(self, row: Sequence[float]) -> dict[str, object]:
        return {**super().describe(row), "scene": self.draws.describe(row)["scene"]}


class EvenHaze(Scattering):
    """Haze of one `transmission` all over a picture, for patches so small that depth hardly changes in them.

    DehazeNet: patches of 16 pixels, the transmission uniform in [0, 1], the airlight 1.
    """

    def __init__(
        self,
        transmission: Sequence[float],
        airlight: Sequence[float],
        tinted: bool = False,
        linear: bool = False,
    ) -> None:
        check("transmission", transmission, 1.0)
        check("airlight", airlight, 1.0)
        veil = _Veil(transmission=transmission, red=airlight, green=airlight, blue=airlight)
        super().__init__({"air": veil}, tinted, linear)

    def seen(self, sample: Sample) -> dict[str, Tensor]:
        height, width = sample["target"].shape[-2:]
        return {"transmission": self.setting("air", "transmission", sample).expand(-1, -1, height, width)}


def check(name: str, bounds: Sequence[float], most: float) -> None:
    """Raise `UserError` unless a setting is a range that rises inside [0, most]."""
    low, high = bounds
    if not 0.0 <= low <= high <= most:
        top = "" if most == np.inf else f" to {most:g}"
        raise UserError(f"degradation.{name}=[{low:g}, {high:g}] must rise, from 0{top}")
