"""What stands on the card of a network of the zoo, NAME.json beside its weights."""

from __future__ import annotations

from typing import TypedDict


class Spread(TypedDict):
    """A mean over pictures, and the ends of its interval; None where there are too few for one."""

    mean: float
    low: float | None
    high: float | None


class Compared(TypedDict):
    """A score beside the baseline's, each a mean, and the paired difference."""

    name: str
    better: str
    model: Spread
    baseline: float
    difference: Spread
    # The whole interval of the difference lies on the better side.
    beats: bool


class Pictured(TypedDict):
    """The scores of one test picture."""

    file: str
    model: dict[str, float]
    baseline: dict[str, float]


class Card(TypedDict):
    """What it was trained on, how it scores, what it cannot do, and by what file it is known."""

    name: str
    title: str
    task: str
    train: list[str]
    iterations: int
    seconds: int
    data: str
    licence: str
    cannot: str
    parameters: int
    bytes: int
    sha256: str
    identity: str | None
    henkan: str | None
    test: list[str]
    baseline: str
    instead: list[str]
    scores: list[Compared]
    pictures: list[Pictured]
