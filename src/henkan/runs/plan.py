"""From a composed config to a planned run: everything that decides what will be trained, and nothing trained yet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch import nn

from henkan.config.build import build
from henkan.config.checks import check_config
from henkan.config.composition import task_overrides
from henkan.config.resolved import Config, Node, Stream, resolved
from henkan.data.pictures import Pictures
from henkan.data.statistics import measure
from henkan.errors import UserError
from henkan.runs import machine
from henkan.runs.identity import digest, evaluation_parts, fingerprint, prefixes
from henkan.runs.run import run_name
from henkan.training import checkpoint
from henkan.training.modes import learns
from henkan.training.schedule import Schedule
from henkan.training.streams import batch_sizes, check_streams, stream_nodes, streams_read
from henkan.training.terms import PAIRED, Term, build_terms, check_terms, pulled


@dataclass(frozen=True)
class Plan:
    """A run before it is trained.

    `config` is resolved and plain, `parts` is what of it the weights depend on, `streams` the pictures of every stream
    that it reads, `prefixes` maps boundaries (iterations) to identities.
    """

    config: Config
    parts: dict[str, Any]
    pictures: Pictures
    streams: dict[str, Pictures]
    manifest: str
    terms: list[Term]
    schedule: Schedule
    identity: str
    prefixes: dict[int, str]
    init: Path | None

    @property
    def runs(self) -> Path:
        return Path(self.config["paths"]["runs"])

    @property
    def folder(self) -> Path:
        return self.runs / run_name(self.config, self.identity)

    @property
    def evaluation(self) -> str:
        """The identity of how the run is scored."""
        return digest(evaluation_parts(self.config, self.manifest))

    @property
    def trains(self) -> bool:
        """Whether there is anything to train; a run without is the same for every seed."""
        return len(self.schedule) > 0


def settle(cfg: DictConfig) -> tuple[Config, Pictures]:
    """Resolve the config to plain values, before it is hashed.

    Precision, and those of the data's statistics that something refers to, are written in.
    """
    cfg = cfg.copy()
    pictures: Pictures = build(cfg.data)
    check_channels(pictures, cfg.channels)
    if cfg.get("screen") is not None:
        build(cfg.screen).leave_out(pictures)
    if cfg.trainer.precision == "auto":
        cfg.trainer.precision = "bf16-mixed" if machine.fast_in_bfloat16() else "32-true"
    text = OmegaConf.to_yaml(cfg)
    wanted = [
        str(name) for name, value in cfg.statistics.items() if value is None and f"${{statistics.{name}}}" in text
    ]
    if wanted:
        found = measure(pictures, wanted, cfg.paths.cache)
        cfg.statistics.update(found)
    config = resolved(cfg)
    if pictures.ready:
        check_ready(pictures, task_overrides())
        config["augmentation"], config["degradation"] = None, UNCHANGED
        config["validation"]["framing"] = config["evaluation"]["framing"] = config["evaluation"]["degradation"] = None
    return config, pictures


def check_channels(pictures: Pictures, channels: int | None) -> None:
    """Raise `UserError` for color pictures where drawings are meant, and the other way round; null: either."""
    if channels is not None and pictures.channels != channels:
        kinds = {1: "grey drawings", 3: "color pictures"}
        raise UserError(
            f"{pictures.where} gives {kinds[pictures.channels]}, and channels={channels} is about "
            f"{kinds.get(channels, 'neither')}: choose other data (drawings: data=line_folder, paired_lines), or "
            f"channels={pictures.channels}"
        )


# What is settled once samples lie on disk.
DRAWN = ("augmentation", "degradation", "clean", "evaluation.degradation", "evaluation.framing")


def check_ready(pictures: Pictures, words: Sequence[str]) -> None:
    """Raise `UserError` for overrides that can have no effect on samples that come framed and degraded."""
    for word in words:
        # degradation@evaluation.degradation=none, ~degradation, degradation.error=2
        key = word.lstrip("+~").partition("=")[0].rpartition("@")[2]
        if any(key == name or key.startswith(f"{name}.") for name in DRAWN):
            raise UserError(
                f"{word} can change nothing: {pictures.where} is framed and degraded already; drop it, or write the "
                "samples anew with henkan degrade"
            )


# What is done to pictures that come framed and degraded.
UNCHANGED: Node = {"_target_": "henkan.degradations.identity.Identity"}


# What counts something that there must be at least one of.
COUNTS = ("batch_size", "checkpoint.every", "validation.every", "trainer.log_every", "optimizer.accumulate")


def check_counts(cfg: DictConfig) -> None:
    """Raise `UserError` for a count below 1."""
    for key in COUNTS:
        value = OmegaConf.select(cfg, key)
        if value < 1:
            raise UserError(f"{key}={value} must be 1 or more; a number larger than the run switches it off")


def manifest_of(config: Config | Stream, pictures: Pictures) -> str:
    """Return a hash of the contents of all files that samples are made of: pictures, and masks where they are files."""
    own, masks = pictures.manifest(), build(config["degradation"]).manifest()
    return own if masks is None else digest([own, masks])


def is_trained(generator: Node) -> bool:
    """Whether a generator has weights to learn: one of a kind is built for the answer."""
    return _is_trained(json.dumps(generator, sort_keys=True))


@cache
def _is_trained(generator: str) -> bool:
    with torch.random.fork_rng(devices=[]):
        network: nn.Module = build(json.loads(generator))
    return learns(network)


def plan_scoring(config: Config, pictures: Pictures) -> Plan:
    """Plan the run of a generator that learns nothing: no iterations, and nothing of training in its config."""
    if config["init"] is not None or config["overfit"] is not None:
        given = f"init={config['init']}" if config["init"] is not None else f"overfit={config['overfit']}"
        raise UserError(f"{given}: this generator has no weights to learn")
    config = {**config, "loss": {}, "schedule": {}}
    manifest = manifest_of(config, pictures)
    parts = evaluation_parts(config, manifest)
    return Plan(
        config, parts, pictures, {PAIRED: pictures}, manifest, [], Schedule([]), digest(parts), prefixes={}, init=None
    )


def plan_run(cfg: DictConfig) -> Plan:
    """Check the config and work out what it would train. Raises `UserError` for what cannot be trained."""
    check_config(cfg)
    check_counts(cfg)
    config, pictures = settle(cfg)
    if not is_trained(config["generator"]):
        return plan_scoring(config, pictures)
    terms = build_terms(config["loss"])
    check_terms(terms)
    judged = any(term.needs_discriminator for term in terms)
    schedule = Schedule.from_config(config["schedule"], judged).without_idle(partial(pulled, terms))
    init = checkpoint.find_checkpoint(Path(config["init"])) if config["init"] else None
    init_hash = hashlib.sha256(init.read_bytes()).hexdigest() if init is not None else None
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
    manifests = {name: manifest_of(nodes[name], own) for name, own in streams.items()}
    parts = fingerprint(config, manifests, terms, schedule.phases, init_hash)
    return Plan(
        config=config,
        parts=parts,
        pictures=pictures,
        streams=streams,
        manifest=manifests[PAIRED],
        terms=terms,
        schedule=schedule,
        identity=digest(parts),
        prefixes=prefixes(config, manifests, terms, schedule, init_hash),
        init=init,
    )
