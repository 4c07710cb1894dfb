"""From a resolved config to the objects that train."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ChainedScheduler, LinearLR, LRScheduler

from henkan.build import build
from henkan.data.pictures import Pictures
from henkan.data.stream import TrainingStream
from henkan.randomness import seed_for
from henkan.training.schedule import Schedule
from henkan.training.terms import Term
from henkan.training.translator import Translator
from henkan.transform import Transform


def build_network(config: Mapping[str, Any], name: str) -> nn.Module:
    """Build the generator or discriminator; its first weights depend on the seed and its name alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(config["seed"], "initialization", name))
        network: nn.Module = build(config[name])
    return network


def build_transform(config: Mapping[str, Any]) -> Transform:
    """Build what surrounds the generator."""
    return Transform(build(config["task"]), build(config["degradation"]), config["trainer"]["channels_last"])


def device_for(config: Mapping[str, Any]) -> torch.device:
    """Return where a generator runs outside of training: on the GPU, unless there is none or the config says CPU."""
    return torch.device("cuda" if torch.cuda.is_available() and config["trainer"]["accelerator"] != "cpu" else "cpu")


def training_stream(config: Mapping[str, Any], pictures: Pictures) -> TrainingStream:
    """Return the stream whose sample i is a function of the seed and i alone."""
    return TrainingStream(pictures, build(config["augmentation"]), build(config["degradation"]), config["seed"])


def build_translator(config: Mapping[str, Any], terms: Sequence[Term], schedule: Schedule) -> Translator:
    """Build the LightningModule of a run; a discriminator only if a phase updates one."""
    judged = any("discriminator" in phase.update for phase in schedule.phases)
    networks = ("generator", "discriminator") if judged else ("generator",)
    optimizer, scheduler, trainer = config["optimizer"], config["scheduler"], config["trainer"]
    return Translator(
        generator=build_network(config, "generator"),
        discriminator=build_network(config, "discriminator") if judged else None,
        transform=build_transform(config),
        terms=terms,
        schedule=schedule,
        optimizers={name: build(optimizer[name]) for name in networks},
        schedulers={name: with_warmup(scheduler[name], scheduler["warmup"]) for name in networks},
        seed=config["seed"],
        clip=optimizer["clip"],
        accumulate=optimizer["accumulate"],
        decay=config["average"]["decay"],
        log_every=trainer["log_every"],
    )


def with_warmup(node: Mapping[str, Any] | None, warmup: int) -> Callable[[Optimizer], LRScheduler] | None:
    """Return what builds a network's scheduler: the configured one, and a linear rise over `warmup` updates."""
    parts: list[Callable[[Optimizer], LRScheduler]] = []
    if warmup:
        parts.append(partial(LinearLR, start_factor=1.0 / (warmup + 1), total_iters=warmup))
    if node is not None:
        parts.append(build(node))
    if not parts:
        return None
    return lambda optimizer: ChainedScheduler([part(optimizer) for part in parts], optimizer)
