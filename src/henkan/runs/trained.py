"""The trained run that `run=` names: its folder and its config, which a stranger may have written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from henkan.config.composition import task_overrides
from henkan.config.history import up_to_date
from henkan.config.trust import check_foreign
from henkan.errors import UserError
from henkan.files import Damaged, read_text
from henkan.runs.mark import is_own
from henkan.runs.record import altered, read_record
from henkan.training import checkpoint, model_file, program_file
from henkan.training.model_file import is_model
from henkan.training.program_file import is_program
from henkan.zoo import networks as zoo

WAY_OUT = "copy it again, or train the run again"


def run_folder(path: Path) -> Path:
    """Return the folder of a run that is named by it or by its checkpoint; one that trained nothing has none."""
    return path if (path / "config.yaml").is_file() else checkpoint.find_checkpoint(path).parent.parent


def own_config(cfg: DictConfig) -> DictConfig:
    """Return the config of the trained run that `run` names, as it would be written today.

    What this person did not make is checked before anything of it is built, unless the word is `trust=true`.
    """
    place = Path(cfg.run)
    if is_model(place) or is_program(place):
        return config_of_model(place, model_file.said(place) if is_model(place) else program_file.said(place), cfg)
    folder = run_folder(Path(cfg.run))
    path = folder / "config.yaml"
    if not path.is_file():
        raise UserError(f"there is no run in {cfg.run}: {path} is missing")
    if "config.yaml" in altered(folder, ["config.yaml"]):
        raise UserError(
            f"{path} was edited or damaged since the run was trained; give what is to differ beside run=, as in "
            "data.path=DIR; the command that trained the run writes the file anew"
        )
    written = read_config(path)
    config = up_to_date(written)
    if is_own(read_record(folder) or {}, written):
        return config
    check_links(folder)
    if not cfg.trust:
        check_foreign(config, path)
    moved: DictConfig = OmegaConf.create(cached_in(cfg.paths.cache, OmegaConf.to_container(config, resolve=False)))
    return moved


def named(cfg: DictConfig) -> DictConfig:
    """Return a config in which a network that `model` names, of the zoo or in a file, is what `run` means."""
    if cfg.model is None:
        return cfg
    if cfg.run is not None:
        raise UserError(f"model={cfg.model} and run={cfg.run} are two networks: give one of them")
    cfg = cfg.copy()
    cfg.run = str(zoo.find(str(cfg.model)))
    return cfg


def config_of_model(path: Path, facts: Mapping[str, Any], cfg: DictConfig) -> DictConfig:
    """Return the config among what a model file, or a program's card, says (`facts`), as it would be written today.

    Its paths are this machine's own. It is a stranger's, and checked before anything of it is built, unless this person
    has written the file, or it came with henkan.
    """
    written = parsed(facts["config"], path)
    config = up_to_date(written)
    known = path.parent == zoo.FOLDER or is_own(facts, written)
    if not known and not cfg.trust:
        check_foreign(config, path)
    moved: DictConfig = OmegaConf.create(cached_in(cfg.paths.cache, OmegaConf.to_container(config, resolve=False)))
    moved.paths = cfg.paths
    return moved


def check_links(folder: Path) -> None:
    """Raise `UserError` where what an evaluation writes would leave the run folder through a link to another."""
    for pattern in ("pictures", "evaluations", "evaluations/*", "evaluations/*/pictures"):
        for path in folder.glob(pattern):
            if path.is_symlink():
                raise UserError(f"{path} is a link to a folder, and scores would be written there: remove the link")


def cached_in(cache: str | None, node: Any) -> Any:
    """Return a config whose every cache is this machine's own, and not a folder that its maker named."""
    if isinstance(node, dict):
        return {name: cache if name == "cache" else cached_in(cache, child) for name, child in node.items()}
    return [cached_in(cache, child) for child in node] if isinstance(node, list) else node


def read_config(path: Path) -> DictConfig:
    """Return the config of a run, plain YAML as it was written: no tag builds an object, no alias multiplies.

    Raises `Damaged` for what is not that.
    """
    return parsed(read_text(path, WAY_OUT), path)


def parsed(text: str, path: Path) -> DictConfig:
    """Return the config that a text is, which the file `path` holds; see `read_config`."""
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise Damaged(f"{path} has aliases (*name), which no run writes; {WAY_OUT}")
        config = OmegaConf.create(text)
    except (yaml.YAMLError, OmegaConfBaseException, ValueError, RecursionError) as error:
        raise Damaged(f"{path} is damaged or no config of a run ({' '.join(str(error).split())}); {WAY_OUT}") from error
    if not isinstance(config, DictConfig):
        raise Damaged(f"{path} is no config of a run; {WAY_OUT}")
    return config


def check_untrained(cfg: DictConfig) -> None:
    """Raise `UserError` for an iteration of no run."""
    if cfg.iteration is not None:
        raise UserError("iteration=N is one of a trained run's: name the run with run=FOLDER")


def as_it_is(cfg: DictConfig) -> DictConfig:
    """Return a config whose generator, if it comes with weights of its own, is not to learn any."""
    if "frozen" in cfg.generator:
        cfg = cfg.copy()
        cfg.generator.frozen = True
    return cfg


def with_overrides(trained: DictConfig, cfg: DictConfig, overrides: Sequence[str] | None = None) -> DictConfig:
    """Return a run's config with what was given beside `run=`: a key's value, or all of a group that was chosen.

    `overrides` are what `cfg` was composed by; None: those of the command.
    """
    config = trained.copy()
    for override in task_overrides() if overrides is None else overrides:
        key = override.lstrip("+~").partition("=")[0]
        key = key.partition("@")[2] or key
        parent, _, name = key.rpartition(".")
        if override.startswith("~") and parent:
            # One of several, as a metric: a group that is left out is null.
            OmegaConf.select(config, parent, default=OmegaConf.create()).pop(name, None)
        elif key not in ("run", "model", "trust", "iteration", "experiment", "other", "blend", "blend_of"):
            for name in (key, "predictor") if key == "task" else (key,):
                OmegaConf.update(config, name, OmegaConf.select(cfg, name), merge=False, force_add=True)
    return config
