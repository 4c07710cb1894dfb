"""What code reads of a resolved config. These are types for plain mappings: identities hash the very mapping."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, NotRequired, TypedDict, cast, get_origin, get_type_hints

from omegaconf import DictConfig, OmegaConf

Node = Mapping[str, Any]
"""What is built: a `_target_` and its settings."""


class Paths(TypedDict):
    runs: str
    studies: str
    searches: NotRequired[str]
    cache: str | None
    weights: str | None


class Trainer(TypedDict):
    accelerator: str
    devices: int | str
    strategy: str
    precision: Literal["32-true", "bf16-mixed"]
    # Runs of before this was a setting do not have it.
    compile: NotRequired[bool]
    channels_last: bool
    workers: int
    threads: int | None
    log_every: int
    bar: bool | Literal["auto"]


class Optimizer(TypedDict):
    generator: Node
    discriminator: Node
    # One number is meant for each network.
    clip: float | dict[str, float | None] | None
    accumulate: int
    rates: NotRequired[dict[str, dict[str, float]] | None]


class Scheduler(TypedDict):
    generator: Node | None
    discriminator: Node | None
    warmup: int


class Average(TypedDict):
    decay: float | None


class Keep(TypedDict):
    """Which checkpoints stay beside the last."""

    every: int | None
    minutes: NotRequired[float | None]
    best: int
    # As `objective`, of which there may be several.
    score: str | list[str] | None


class Checkpoint(TypedDict):
    every: int
    # Runs of before these were settings do not have them.
    minutes: NotRequired[float | None]
    keep: NotRequired[Keep]


class Validation(TypedDict):
    every: int
    pictures: int | None
    panels: int
    framing: Node | None


class Curve(TypedDict):
    setting: str
    values: list[Any]


class Evaluation(TypedDict):
    split: Literal["train", "val", "test"] | None
    pictures: int | None
    seed: int
    batch: int
    kept: int
    framing: Node | Literal["trained", "whole"] | None
    # Runs of before these were settings do not have them.
    degradation: NotRequired[Node | None]
    ensemble: NotRequired[bool]
    areas: NotRequired[list[float] | None]
    curve: NotRequired[Curve | None]


class Phase(TypedDict):
    iterations: int
    update: list[str]
    terms: NotRequired[list[str] | None]
    discriminator_updates: NotRequired[int | None]


class Stream(TypedDict):
    """The pictures beside the pairs, or the pairs themselves; `share` is that of a batch."""

    data: Node
    augmentation: Node | None
    degradation: Node
    share: float


class Config(TypedDict):
    """The config of one run, without interpolations; what stands in a group is built by `henkan.config.build.build`."""

    seed: int
    size: int
    window: int
    channels: int | None
    source_channels: int | None
    batch_size: int
    init: str | None
    resume_from: NotRequired[str | None]
    rerun: bool
    overfit: float | None
    recipe: str | None
    scale: NotRequired[Mapping[str, Any]]
    study: NotRequired[str | None]
    swept: NotRequired[str | None]
    variant: NotRequired[str | None]
    point: NotRequired[dict[str, Any] | None]
    paths: Paths
    trainer: Trainer
    optimizer: Optimizer
    scheduler: Scheduler
    average: Average
    checkpoint: Checkpoint
    validation: Validation
    evaluation: Evaluation
    schedule: dict[str, Phase]
    streams: NotRequired[dict[str, Stream]]
    task: Node
    data: Node
    screen: NotRequired[Node | None]
    augmentation: Node | None
    degradation: Node
    generator: Node
    discriminator: Node
    judged_augmentation: NotRequired[Node | None]
    loss: dict[str, Node]
    balance: dict[str, float | None]
    metric: dict[str, Node]
    postprocess: NotRequired[Node | None]
    predictor: NotRequired[Node]
    logger: Node


@cache
def required() -> frozenset[str]:
    """Return the keys that every run's config has."""
    hints = get_type_hints(Config, include_extras=True).items()
    return frozenset(key for key, hint in hints if get_origin(hint) is not NotRequired)


def resolved(cfg: DictConfig) -> Config:
    """Return a config as plain values, every interpolation resolved and Hydra's own node left out."""
    plain = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(plain, dict)
    return cast(Config, {str(name): value for name, value in plain.items() if name != "hydra"})
