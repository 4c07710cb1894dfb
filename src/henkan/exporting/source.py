"""What is exported: the generator of a run, its config, and what is known of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from torch import nn

from henkan.config.resolved import Config, resolved
from henkan.errors import UserError
from henkan.networks.modes import learns
from henkan.runs.lines import recorded
from henkan.runs.mark import is_own, mark
from henkan.runs.record import read_record
from henkan.runs.trained import own_config, read_config, run_folder
from henkan.training import checkpoint, model_file
from henkan.training.assemble import build_network, build_transform
from henkan.training.state import State
from henkan.transform import Transform


@dataclass(frozen=True)
class Source:
    """A generator in eval mode on the CPU, the average's where its run has one, and the config of the run.

    `facts` is what a model file says of it (see `henkan.training.model_file`), the config excepted.
    """

    network: nn.Module
    own: DictConfig
    facts: Mapping[str, str]

    @property
    def config(self) -> Config:
        return resolved(self.own)

    @property
    def transform(self) -> Transform:
        """What surrounds the generator: the task's conversions."""
        return build_transform(self.config)

    @property
    def portable(self) -> DictConfig:
        """The config as another machine may read it: it names no place of this one."""
        return portable(self.own)


def source_of(cfg: DictConfig) -> Source:
    """Return what `run` (and `iteration`) of a verb means. Raises `UserError` where nothing was trained."""
    own, place = own_config(cfg), Path(cfg.run)
    network = build_network(resolved(own), "generator")
    if not learns(network):
        raise UserError(f"{place}: its generator learns nothing, so that there is nothing to export")
    path = checkpoint.find_checkpoint(place, cfg.iteration)
    state = checkpoint.load(path)
    checkpoint.load_weights(network, checkpoint.generator(state), path)
    facts = facts_of_model(place) if model_file.is_model(place) else facts_of_run(place, own, state)
    return Source(network.eval(), own, facts)


def facts_of_model(file: Path) -> dict[str, str]:
    """Return what a model file says, except whose it is: it may have been anybody's."""
    return {key: value for key, value in model_file.said(file).items() if key not in ("config", "mark")}


def facts_of_run(place: Path, own: DictConfig, state: State) -> dict[str, str]:
    """Return what is known of a run with this config and checkpoint, marked as its maker's if it is this person's."""
    folder = run_folder(place)
    record: Mapping[str, Any] = read_record(folder) or {}
    known = {"identity": record.get("identity"), "iterations": state.get("iteration")}
    facts = {"henkan": version("henkan"), "recipe": str(own.get("recipe") or "")}
    facts |= {key: str(value) for key, value in known.items() if value is not None}
    if (lines := recorded(place)) is not None:
        facts["lines"] = json.dumps(lines)
    # A run is one's own by the config that it wrote, and a file by the one that it holds.
    written = read_config(folder / "config.yaml")
    if is_own(record, written) and (signed := mark(str(known["identity"]), dict(portable(own)))) is not None:
        facts["mark"] = signed
    return facts


def portable(own: DictConfig) -> DictConfig:
    """Return a config as another machine may read it: it names no place of this one."""
    return OmegaConf.create({**without_places(OmegaConf.to_container(own, resolve=True)), "paths": {"cache": None}})


def without_places(node: Any) -> Any:
    """Return a copy of a config in which an absolute path is the name alone that it ends in."""
    if isinstance(node, Mapping):
        return {key: without_places(value) for key, value in node.items()}
    if isinstance(node, list):
        return [without_places(value) for value in node]
    return Path(node).name if isinstance(node, str) and Path(node).is_absolute() else node
