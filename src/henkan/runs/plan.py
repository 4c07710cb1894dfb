"""From a composed config to a planned run: everything that decides what will be trained, and nothing trained yet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch import nn

from henkan.config.build import build
from henkan.config.checks import check_config, check_whole
from henkan.config.explain import suggestion
from henkan.config.resolved import Config, Node
from henkan.config.trees import term_names
from henkan.data.pictures import Pictures
from henkan.devices import count_of
from henkan.errors import UserError
from henkan.networks.modes import has_batch_statistics, learns
from henkan.pretrained.weights import sought_in
from henkan.runs.identity import (
    LEARNED,
    by_contents,
    evaluation_parts,
    fingerprint,
    identify,
    manifest_of,
    names_of,
    prefixes,
)
from henkan.runs.origin import Origin, find_origin
from henkan.runs.run import run_folder
from henkan.runs.settle import UNCHANGED, check_channels, settle
from henkan.runs.sources import remember
from henkan.sample import PAIRED
from henkan.scoring.asked import check_asked
from henkan.terms.chosen import build_terms, check_terms
from henkan.terms.term import Term
from henkan.training import checkpoint, first_weights
from henkan.training.keeping import keeping
from henkan.training.schedule import NETWORKS, Schedule, active, check_shares
from henkan.training.streams import batch_sizes, check_streams, stream_nodes, streams_read
from henkan.training.updater import check_closures
from henkan.zoo import networks as zoo


@dataclass(frozen=True)
class Plan:
    """A run before it is trained.

    `config` is resolved and plain, `parts` is what of it the weights depend on, `streams` the pictures of every stream
    that it reads, `manifests` the hashes of the splits of them that training reads, `prefixes` maps boundaries
    (iterations) to identities; `init` gives first weights, of this hash, `origin` is what it goes on from.
    """

    config: Config
    parts: dict[str, Any]
    pictures: Pictures
    streams: dict[str, Pictures]
    manifests: dict[str, str]
    terms: list[Term]
    schedule: Schedule
    identity: str
    prefixes: dict[int, str]
    init: Path | None = None
    init_hash: str | None = None
    origin: Origin | None = None

    @property
    def runs(self) -> Path:
        return Path(self.config["paths"]["runs"])

    @property
    def folder(self) -> Path:
        return run_folder(self.runs, self.config, self.identity)

    @cached_property
    def evaluation(self) -> str:
        """The identity of how the run is scored."""
        return identify(evaluation_parts(self.config, self.pictures))

    @property
    def idle(self) -> list[str]:
        """The terms that were chosen and take part in no phase: the run is that of one without them."""
        used = {term.name for phase in self.schedule.phases for term in active(self.terms, phase)}
        return [term.name for term in self.terms if term.name not in used] if self.trains else []

    @property
    def trains(self) -> bool:
        """Whether there is anything to train; a run without is the same for every seed."""
        return len(self.schedule) > 0


# What a generator that learns nothing does without.
OF_TRAINING = ("balance", "discriminator", "loss", "schedule")
# How alike a word and a term's name are where one is the other, misspelt.
NEAR = 0.8
# The least that each of these may be, and what switches it off, if anything does.
COUNTS: dict[str, tuple[int, str | None]] = {
    "batch_size": (1, None),
    "checkpoint.every": (1, "a number larger than the run"),
    "checkpoint.keep.every": (1, "null"),
    "checkpoint.keep.best": (0, None),
    "validation.every": (1, "a number larger than the run"),
    "validation.pictures": (1, "null"),
    "evaluation.pictures": (1, "null"),
    "evaluation.batch": (1, None),
    "trainer.log_every": (1, "a number larger than the run"),
    "trainer.workers": (0, None),
    "trainer.threads": (1, "null"),
    "optimizer.accumulate": (1, None),
    "scheduler.warmup": (0, None),
}


def check_counts(cfg: DictConfig) -> None:
    """Raise `UserError` for a count that is too small, or null where that means nothing."""
    for key, (least, off) in COUNTS.items():
        value = OmegaConf.select(cfg, key, default=least)
        if value is None and off == "null":
            continue
        if value is not None and not isinstance(value, int | float):
            # As of all that is of another type.
            continue
        if value is None or value < least:
            shown = "null" if value is None else value
            raise UserError(f"{key}={shown} must be {least} or more{f'; {off} switches it off' if off else ''}")


def check_clip(cfg: DictConfig) -> None:
    """Raise `UserError` for a limit of gradients that is none, and for limits and rates of no network."""
    clip = OmegaConf.select(cfg, "optimizer.clip")
    limits = clip if OmegaConf.is_dict(clip) else {"": clip}
    for key, node in (("optimizer.clip", clip), ("optimizer.rates", OmegaConf.select(cfg, "optimizer.rates"))):
        for name in node if OmegaConf.is_dict(node) else ():
            if name not in NETWORKS:
                raise UserError(f"{key}.{name}: there is no such network{suggestion(str(name), NETWORKS)}")
    for name, limit in limits.items():
        if limit is not None and not (isinstance(limit, int | float) and limit > 0):
            key = f"optimizer.clip{f'.{name}' if name else ''}"
            raise UserError(f"{key}={limit} must be above 0; null does not clip")


def check_phases(config: Config, terms: Sequence[Term], schedule: Schedule) -> None:
    """Raise `UserError` for a phase's term that is misspelt, and where no update of a network would be due.

    A phase may name terms that were not chosen: a recipe has phases that a run by MSE alone leaves out. What nothing
    here is called like may be a term of a recipe that lies elsewhere.
    """
    chosen = {term.name for term in terms}
    for name, phase in config["schedule"].items():
        if others := set(phase.get("terms") or ()) - chosen:
            brought = term_names()
            known = {*chosen, *(term for own in brought.values() for term in own)}
            for term in sorted(others - known):
                called = brought.get(term)
                near = get_close_matches(term, sorted(known), n=1, cutoff=NEAR)
                if called or near:
                    way = f": its term is called {' and '.join(called)}" if called else f" (did you mean {near[0]!r}?)"
                    raise UserError(f"schedule.{name}.terms names {term!r}, which is no term of a loss{way}")
    every = config["optimizer"]["accumulate"]
    for network in NETWORKS:
        if 0 < (count := schedule.updates(network)) < every:
            raise UserError(
                f"optimizer.accumulate={every}: the {network} is trained for {count} iterations and would never be "
                "updated"
            )


def is_trained(generator: Node) -> bool:
    """Whether a generator has weights to learn."""
    return traits(json.dumps(generator, sort_keys=True))[0]


def split_networks(config: Config, schedule: Schedule) -> dict[str, int]:
    """Return the trained networks with batch statistics, and over how many processes their batches are split.

    None where there is one process.
    """
    count = count_of(config["trainer"]["accelerator"], config["trainer"]["devices"])
    networks = [name for name in NETWORKS if count > 1 and (name == "generator" or schedule.updates(name))]
    return {name: count for name in networks if traits(json.dumps(config[name], sort_keys=True))[1]}


@cache
def traits(network: str) -> tuple[bool, bool]:
    """Return whether a network learns, and whether it has batch statistics: one of a kind is built for the answer."""
    with torch.random.fork_rng(devices=[]):
        built: nn.Module = build(json.loads(network))
    return learns(built), has_batch_statistics(built)


@cache
def weights_of(init: Path, changed: int) -> str:
    """Return the hash of the weights in a file that changed at a time; read once for all runs of a study."""
    return checkpoint.hash_weights(first_weights.read(init))


def plan_scoring(config: Config, pictures: Pictures) -> Plan:
    """Plan the run of a generator that learns nothing: no iterations, and nothing of training in its config."""
    given = {"init": config["init"], "resume_from": config["resume_from"], "overfit": config["overfit"]}
    for name, value in given.items():
        if value is not None:
            raise UserError(f"{name}={value}: this generator has no weights to learn")
    config = {**config, "loss": {}, "schedule": {}}
    parts = evaluation_parts(config, pictures)
    return Plan(
        config=config,
        parts=parts,
        pictures=pictures,
        streams={PAIRED: pictures},
        manifests={PAIRED: parts["manifest"]},
        terms=[],
        schedule=Schedule([]),
        identity=identify(parts),
        prefixes={},
    )


def placeless(node: Node, pictures: Pictures) -> Node:
    """Return a stream's config with what its degradation learns from in place of where that lies."""
    return {**node, "degradation": by_contents(node["degradation"], names_of(pictures, LEARNED))}


def plan_run(cfg: DictConfig) -> Plan:
    """Check the config and work out what it would train. Raises `UserError` for what cannot be trained."""
    # A study plans runs of which each may say where weights are.
    with sought_in(cfg.paths.weights):
        return planned(cfg)


def planned(cfg: DictConfig) -> Plan:
    remember()
    # They know the way out, where the types of all others are merely said.
    check_counts(cfg)
    check_clip(cfg)
    check_whole(cfg, without=OF_TRAINING)
    check_config(cfg)
    count_of(cfg.trainer.accelerator, cfg.trainer.devices)
    config, pictures = settle(cfg)
    check_asked(config)
    if not is_trained(config["generator"]):
        return plan_scoring(config, pictures)
    check_whole(cfg, without=("discriminator",))
    terms = build_terms(config["loss"], config["balance"])
    check_terms(terms)
    if judged := any(term.loss.judges for term in terms):
        check_whole(cfg)
    schedule = Schedule.from_config(config["schedule"], judged).for_terms(terms)
    check_phases(config, terms, schedule)
    check_shares(terms, schedule.phases)
    check_closures(config)
    keeping(config)
    init = checkpoint.find_checkpoint(zoo.resolved(config["init"])) if config["init"] else None
    init_hash = weights_of(init, init.stat().st_mtime_ns) if init is not None else None
    if init is not None and config["resume_from"]:
        raise UserError("init gives first weights, and resume_from all that a run had: name one of the two")
    origin = find_origin(Path(config["resume_from"]), schedule) if config["resume_from"] else None
    check_streams(terms, config)
    nodes, streams = stream_nodes(config), {PAIRED: pictures}
    for name in streams_read(terms, schedule.phases):
        if name not in streams:
            streams[name] = build(nodes[name]["data"])
            check_channels(streams[name], config["channels"])
            if streams[name].ready:
                config["streams"][name]["augmentation"] = None
                config["streams"][name]["degradation"] = UNCHANGED
    batch_sizes(config, list(streams))
    # What is only ever scored makes no other run.
    manifests = {name: manifest_of(nodes[name], own, LEARNED) for name, own in streams.items()}
    others = {name: own for name, own in streams.items() if name != PAIRED}
    known = {
        **placeless(config, pictures),
        "streams": {name: placeless(config["streams"][name], own) for name, own in others.items()},
    }
    split = split_networks(config, schedule)
    origin_hash = None if origin is None else origin.digest
    parts = fingerprint(known, manifests, terms, schedule.phases, init_hash, split, origin_hash)
    return Plan(
        config=config,
        parts=parts,
        pictures=pictures,
        streams=streams,
        manifests=manifests,
        terms=terms,
        schedule=schedule,
        identity=identify(parts),
        prefixes={
            end: identity
            for end, identity in prefixes(known, manifests, terms, schedule, init_hash, split, origin_hash).items()
            if origin is None or end > origin.iteration
        },
        init=init,
        init_hash=init_hash,
        origin=origin,
    )
