"""What `study.json` says: a study as it was asked for, and how far each run is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NotRequired, TypedDict


class PlannedRun(TypedDict):
    configuration: str
    seed: int | None
    # As seen from the study's folder.
    folder: str
    status: str
    error: NotRequired[str | None]


class PlannedConfiguration(TypedDict, total=False):
    variant: str
    point: dict[str, str]
    overrides: list[str]


class Plan(TypedDict, total=False):
    """What `study.json` says: a study as it was asked for, and how far each run is."""

    name: str
    title: str | None
    question: str | None
    recipe: str
    scale: str
    baseline: str
    headline: list[str]
    family: list[str]
    plane: dict[str, str] | None
    bound: float | None
    seeds: list[int]
    configurations: dict[str, PlannedConfiguration]
    overrides: list[str]
    # Metric → higher or lower, whichever is better, or the value that is best; null: none of these.
    metrics: Mapping[str, str | float | None]
    runs: list[PlannedRun]
    saved_iterations: int
    # Rebuilt from what a repository keeps of it.
    published: bool
    # Put together of runs that no study had asked for.
    gathered: bool
