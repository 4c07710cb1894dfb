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
from henkan.runs.trained import own_config, run_folder
from henkan.training import checkpoint, model_file
from henkan.training.assemble import build_network, build_transform
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
        plain = OmegaConf.to_container(self.own, resolve=True)
        assert isinstance(plain, dict)
        return OmegaConf.create({**without_places(plain), "paths": {"cache": None}})


def source_of(cfg: DictConfig) -> Source:
    """Return what `run` (and `iteration`) of a verb means. Raises `UserError` where nothing was trained."""
    own, place = own_config(cfg), Path(cfg.run)
    network = build_network(resolved(own), "generator")
    if not learns(network):
        raise UserError(f"{place}: its generator learns nothing, so that there is nothing to export")
    path = checkpoint.find_checkpoint(place, cfg.iteration)
    state = checkpoint.load(path)
    checkpoint.load_weights(network, checkpoint.generator(state), path)
    facts = {"henkan": version("henkan"), "recipe": str(own.get("recipe") or "")}
    if model_file.is_model(place):
        facts = model_file.said(place)
    else:
        record: Mapping[str, Any] = read_record(run_folder(place)) or {}
        facts |= {key: str(record[key]) for key in ("identity",) if key in record}
        facts |= {"iterations": str(state["iteration"])} if "iteration" in state else {}
        if (lines := recorded(place)) is not None:
            facts["lines"] = json.dumps(lines)
    source = Source(network.eval(), own, {key: value for key, value in facts.items() if key not in ("config", "mark")})
    # Whose run it was is its exporter's to say, and of the config as it is written.
    mine = not model_file.is_model(place) and is_own(read_record(run_folder(place)) or {}, own)
    if mine and (signed := mark(str(facts.get("identity")), plain(source.portable))) is not None:
        return Source(source.network, own, {**source.facts, "mark": signed})
    return source


def plain(config: DictConfig) -> dict[str, Any]:
    """Return a config as plain values."""
    found = OmegaConf.to_container(config)
    assert isinstance(found, dict)
    return {str(key): value for key, value in found.items()}


def without_places(node: Any) -> Any:
    """Return a copy of a config in which an absolute path is the name alone that it ends in."""
    if isinstance(node, Mapping):
        return {key: without_places(value) for key, value in node.items()}
    if isinstance(node, list):
        return [without_places(value) for value in node]
    return Path(node).name if isinstance(node, str) and Path(node).is_absolute() else node
