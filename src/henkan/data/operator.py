"""One step of a degradation: settings that are ranges, and what happens at the values drawn from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from hashlib import blake2b
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from henkan.errors import UserError

Range = float | Sequence[float]
"""A value, or [low, high]: uniform between them."""

SEED = "seed"


@dataclass(frozen=True, kw_only=True)
class Operator:
    """A step whose settings are drawn anew for every picture. `chance` is how often it happens at all.

    Settings named in `counts` are whole numbers, both ends included; `limits` says of some the least and the most that
    they can be. Each operator's draws depend on the sample and on
    its own name alone: leaving one out changes nothing in the others.
    """

    chance: float = 1.0
    counts: ClassVar[tuple[str, ...]] = ()
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {}

    def __post_init__(self) -> None:
        for name, (low, high) in self.ranges().items():
            if low > high:
                raise UserError(f"{type(self).__name__}.{name}=[{low}, {high}] must rise")
            least, most = self.limits.get(name, (-math.inf, math.inf))
            if not least <= low <= high <= most:
                where = f"lie in [{least:g}, {most:g}]" if math.isfinite(most) else f"be {least:g} or more"
                raise UserError(f"{type(self).__name__}.{name}=[{low:g}, {high:g}] must {where}")
        if not 0.0 <= self.chance <= 1.0:
            raise UserError(f"{type(self).__name__}.chance={self.chance} must lie in [0, 1]")

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Return the bounds of every setting that is drawn."""
        return {field.name: self.bounds(field.name) for field in fields(self) if field.name != "chance"}

    def bounds(self, setting: str) -> tuple[float, float]:
        """Return the bounds of one setting."""
        value: Range = getattr(self, setting)
        ends = (value, value) if isinstance(value, int | float) else value
        if len(ends) != 2:
            raise UserError(f"{type(self).__name__}.{setting}={list(ends)} is no range: give a number, or [low, high]")
        return float(ends[0]), float(ends[1])

    @classmethod
    def chosen(cls, place: str, operators: Mapping[str, Operator | None]) -> dict[str, Self]:
        """Return the operators at a `place` of the config, without those that are left out (null).

        Raises `UserError` for one of another class.
        """
        found: dict[str, Self] = {}
        for name, one in operators.items():
            if isinstance(one, cls):
                found[name] = one
            elif one is not None:
                raise UserError(f"{place}.{name} is a {type(one).__name__}, and no {cls.__name__}: leave it out (null)")
        return found


class Draws:
    """What is drawn for a sample, by several named operators: one row of numbers.

    Entry by entry: whether an operator happens (0 or 1), a seed for what it draws itself, and its settings. Every
    number is a pure function of the sample's own and of the names of operator and setting (SplitMix64).
    """

    def __init__(self, operators: Mapping[str, Operator]) -> None:
        self.operators = operators
        self.names: list[tuple[str, str]] = []
        low, high, whole, chance = [], [], [], []
        for name, operator in operators.items():
            settings = {"happens": (0.0, 1.0), SEED: (0.0, 2.0**31 - 2), **operator.ranges()}
            for setting, (least, most) in settings.items():
                self.names.append((name, setting))
                counted = setting in operator.counts or setting == SEED
                low.append(least)
                high.append(most + 1.0 if counted else most)
                whole.append(counted)
                chance.append(operator.chance if setting == "happens" else np.nan)
        self.low, self.high = np.array(low), np.array(high)
        self.whole, self.chance = np.array(whole, bool), np.array(chance)
        keys = [blake2b("\x1f".join(pair).encode(), digest_size=8).digest() for pair in self.names]
        self.keys = np.array([int.from_bytes(key, "big") for key in keys], np.uint64)
        self.columns = {pair: column for column, pair in enumerate(self.names)}
        self._settings: dict[str, list[str]] = {name: [] for name in operators}
        for name, setting in self.names:
            self._settings[name].append(setting)

    def draw(self, number: int) -> NDArray[np.float64]:
        """Return the row of the sample that has this number (64 bits)."""
        share = uniform(self.keys ^ np.uint64(number))
        values = self.low + share * (self.high - self.low)
        values = np.where(self.whole, np.floor(values), values)
        return np.where(np.isnan(self.chance), values, share < self.chance)

    def settings(self, name: str) -> list[str]:
        """Return the names of an operator's settings, in order, without whether it happens and its seed."""
        return self._settings[name][2:]

    def values(self, name: str, row: NDArray[np.float64]) -> dict[str, float]:
        """Return what a row says of one operator: whether it happens, its seed and its settings."""
        return {setting: row[self.columns[name, setting]] for setting in self._settings[name]}

    def describe(self, row: Sequence[float]) -> dict[str, dict[str, float] | None]:
        """Return a row in words: operator → setting → value, or null where it did not happen."""
        found: dict[str, dict[str, float] | None] = {name: {} for name in self.operators}
        for (name, setting), value in zip(self.names, row, strict=True):
            part = found[name]
            if setting == "happens":
                found[name] = {} if value else None
            elif part is not None:
                part[setting] = float(value)
        return found


def uniform(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return a number in [0, 1) for each 64-bit word: SplitMix64's finalizer (Steele, Lea, Flood 2014)."""
    with np.errstate(over="ignore"):
        words = words + np.uint64(0x9E3779B97F4A7C15)
        words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        words = words ^ (words >> np.uint64(31))
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
