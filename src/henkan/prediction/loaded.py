"""The network that a person has named, as what applies it to pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig
from torch import nn

from henkan.config.build import build
from henkan.config.history import MIDDLE
from henkan.config.resolved import Config, resolved
from henkan.config.signatures import locate
from henkan.degradations.holes import Holes
from henkan.degradations.identity import Identity
from henkan.errors import UserError
from henkan.evaluation.blend import blend_of, ensembled
from henkan.networks.modes import learns
from henkan.networks.published import Published
from henkan.prediction import program
from henkan.prediction.predictor import Predictor, check_numbers
from henkan.runs.trained import as_it_is, check_untrained, named, own_config, with_overrides
from henkan.training import checkpoint, first_weights, program_file
from henkan.training.assemble import build_network, build_transform, device_for
from henkan.training.program_file import is_program


def load(cfg: DictConfig, overrides: Sequence[str] | None = None) -> Predictor:
    """Return what applies the generator, as its task has it; no training data is read.

    `cfg` is what `henkan predict` is given, by these overrides (None: those of the command).
    """
    check_numbers(cfg)
    cfg = named(cfg)
    if cfg.run is None:
        check_untrained(cfg)
    trained = with_overrides(own_config(cfg), cfg, overrides) if cfg.run is not None else as_it_is(cfg).copy()
    if cfg.run is None and trained.statistics.mean is None:
        # A generator that learns nothing is shown no mean color.
        trained.statistics.mean = MIDDLE
    config = as_applied(resolved(trained))
    if cfg.run is not None and is_program(path := Path(cfg.run)):
        program.check_alone(cfg, bool(config["evaluation"].get("ensemble")))
        network: nn.Module = program.load(path, program_file.said(path), cfg.trust)
    else:
        network = generator_of(cfg, config).to(device_for(config))
    transform = build_transform(config)
    if isinstance(network, program.ExportedNetwork):
        transform = program.ExportedTransform(transform.task, transform.degradation)
    predict: Predictor = build(config["predictor"])(network.eval(), transform, cfg, trained)
    return predict


def as_applied(config: Config) -> Config:
    """Return a config whose holes are those that a person gives: what others were drawn from need not be there."""
    node = config["degradation"]
    kind = None if node is None else locate("degradation", str(node["_target_"]))
    if node is None or not (isinstance(kind, type) and issubclass(kind, Holes)):
        return config
    identity = f"{Identity.__module__}.{Identity.__qualname__}"
    return {**config, "degradation": {"_target_": identity, "fill": node["fill"]}}


def generator_of(cfg: DictConfig, config: Config) -> nn.Module:
    """Return the generator of a run, blended or ensembled as was asked, or one of `config` that needs no run."""
    network = build_network(config, "generator")
    if learns(network):
        if cfg.run is None:
            load_published(network, cfg.init)
        else:
            path = checkpoint.find_checkpoint(Path(cfg.run), cfg.iteration)
            checkpoint.load_weights(network, checkpoint.generator(checkpoint.load(path)), path)
        blend = blend_of(cfg)
        network = network if blend is None else blend(network)
    return ensembled(network, config)


def load_published(network: nn.Module, init: str | None) -> None:
    """Load the weights that a network's authors have published. Raises `UserError` where there are none to load."""
    if init is None:
        raise UserError("this generator has weights to learn: name a trained run with run=FOLDER")
    path = Path(init).expanduser()
    state = first_weights.read(path)
    if "iteration" in state or not isinstance(network, Published):
        # A run's config says more than its weights: the colors that fill holes, for one.
        raise UserError(f"init={init}: without run=FOLDER, this is for weights that a network's authors have published")
    checkpoint.load_weights(network, first_weights.generator(state, network, path), path)
