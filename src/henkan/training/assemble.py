"""From a resolved config to the objects that train."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal, Protocol

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    OneCycleLR,
    SequentialLR,
)

from henkan.config.build import build
from henkan.config.resolved import Config, Node
from henkan.data.pictures import Pictures
from henkan.data.splits import Split
from henkan.data.stream import TrainingStream, collate
from henkan.devices import device_of
from henkan.errors import UserError
from henkan.randomness import seed_for
from henkan.ranks import own_rank, world_size
from henkan.sample import PAIRED, Sample
from henkan.terms.term import Term
from henkan.training.schedule import Schedule
from henkan.training.streams import batch_sizes, stream_nodes
from henkan.training.translator import Translator
from henkan.transform import Transform

Network = Literal["generator", "discriminator"]


class Planned(Protocol):
    """What of a planned run the objects that train are built from."""

    @property
    def config(self) -> Config: ...
    @property
    def streams(self) -> Mapping[str, Pictures]: ...
    @property
    def terms(self) -> Sequence[Term]: ...
    @property
    def schedule(self) -> Schedule: ...


def build_network(config: Config, name: Network) -> nn.Module:
    """Build the generator or discriminator; its first weights depend on the seed and its name alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(config["seed"], "initialization", name))
        network: nn.Module = build(config[name])
    return network


def build_transform(config: Config, stream: str = PAIRED) -> Transform:
    """Build what surrounds the generator, for the samples of one stream."""
    degradation = build(stream_nodes(config)[stream]["degradation"])
    return Transform(build(config["task"]), degradation, config["trainer"]["channels_last"])


def device_for(config: Config) -> torch.device:
    """Return where a generator runs outside of training: on the GPU, unless there is none or the config says CPU."""
    return device_of(config["trainer"]["accelerator"])


def training_stream(config: Config, pictures: Pictures, name: str = PAIRED, split: Split = "train") -> TrainingStream:
    """Return the stream whose sample i is a function of the seed, its name and i alone."""
    node = stream_nodes(config)[name]
    seed = config["seed"] if name == PAIRED else seed_for(config["seed"], "stream", name)
    framing = None if node["augmentation"] is None else build(node["augmentation"])
    return TrainingStream(pictures, framing, build(node["degradation"]), seed, split)


def training_streams(plan: Planned) -> dict[str, TrainingStream]:
    """Return every stream that a run reads."""
    return {name: training_stream(plan.config, pictures, name) for name, pictures in plan.streams.items()}


def build_translator(plan: Planned) -> Translator:
    """Build the LightningModule of a run; a discriminator only if a phase updates one."""
    config, schedule = plan.config, plan.schedule
    judged = any("discriminator" in phase.update for phase in schedule.phases)
    networks: tuple[Network, ...] = ("generator", "discriminator") if judged else ("generator",)
    optimizer, scheduler, trainer = config["optimizer"], config["scheduler"], config["trainer"]
    augmentation = config.get("judged_augmentation")
    return Translator(
        generator=build_network(config, "generator"),
        discriminator=build_network(config, "discriminator") if judged else None,
        transforms={name: build_transform(config, name) for name in plan.streams},
        terms=plan.terms,
        schedule=schedule,
        optimizers={name: build(optimizer[name]) for name in networks},
        schedulers={name: with_warmup(scheduler[name], scheduler["warmup"]) for name in networks},
        seed=config["seed"],
        clip=clip_of(optimizer["clip"], networks),
        accumulate=optimizer["accumulate"],
        rates=optimizer.get("rates"),
        decay=config["average"]["decay"],
        log_every=trainer["log_every"],
        augment=build(augmentation) if judged and augmentation is not None else None,
        held_out=held_out(plan) if judged else None,
    )


def held_out(plan: Planned) -> Callable[[int], Sample] | None:
    """Return what draws a batch of validation pictures, framed and degraded as those of training are.

    A discriminator that knows its training pictures by heart shows itself there. None where there are no such pictures,
    or they come framed already, each in its own size.
    """
    config, pictures = plan.config, plan.streams[PAIRED]
    if pictures.ready or not pictures.names("val"):
        return None
    stream, size = training_stream(config, pictures, split="val"), batch_sizes(config, [PAIRED])[PAIRED]

    def draw(iteration: int) -> Sample:
        count = size // world_size()
        first = iteration * size + own_rank() * count
        return collate([stream["held_out", first + k] for k in range(count)])

    return draw


def clip_of(clip: float | Mapping[str, float | None] | None, networks: Sequence[str]) -> dict[str, float | None]:
    """Return the largest norm of each network's gradient: one number is meant for each of them."""
    return dict.fromkeys(networks, clip) if not isinstance(clip, Mapping) else {str(k): v for k, v in clip.items()}


# Schedulers that set each rate, whatever it was: a rise beside them would have no effect.
EVERY_RATE = (CosineAnnealingWarmRestarts, CyclicLR, LambdaLR, OneCycleLR, SequentialLR)


def with_warmup(node: Node | None, warmup: int) -> Callable[[Optimizer], LRScheduler] | None:
    """Return what builds a network's scheduler: the configured one, and a linear rise over `warmup` updates."""
    parts: list[Callable[[Optimizer], LRScheduler]] = []
    if warmup:
        parts.append(partial(LinearLR, start_factor=1.0 / (warmup + 1), total_iters=warmup))
    if node is not None:
        parts.append(build(node))
    if not parts:
        return None

    def make(optimizer: Optimizer) -> LRScheduler:
        made = [part(optimizer) for part in parts]
        if warmup and isinstance(made[-1], EVERY_RATE):
            raise UserError(f"scheduler.warmup={warmup}: this scheduler says every rate itself: set it to 0")
        return ChainedScheduler(made, optimizer)

    return make
