"""The trained run that `run=` names: its folder and its config, which a stranger may have written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from henkan.config.composition import task_overrides
from henkan.config.trust import check_foreign
from henkan.errors import UserError
from henkan.runs.mark import is_own
from henkan.runs.run import read_record
from henkan.training import checkpoint


def run_folder(place: Path) -> Path:
    """Return the folder of a run that is named by it or by its checkpoint; one that trained nothing has none."""
    return place if (place / "config.yaml").is_file() else checkpoint.find_checkpoint(place).parents[1]


def own_config(cfg: DictConfig) -> DictConfig:
    """Return the config of the trained run that `run` names.

    What this person did not make is checked before anything of it is built, unless the word is `trust=true`.
    """
    folder = run_folder(Path(cfg.run))
    path = folder / "config.yaml"
    if not path.is_file():
        raise UserError(f"there is no run in {cfg.run}: {path} is missing")
    config = OmegaConf.load(path)
    assert isinstance(config, DictConfig)
    if is_own(read_record(folder) or {}, config):
        return config
    check_links(folder)
    if not cfg.trust:
        check_foreign(config, path)
    moved: DictConfig = OmegaConf.create(cached_in(cfg.paths.cache, OmegaConf.to_container(config, resolve=False)))
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


def with_overrides(trained: DictConfig, cfg: DictConfig) -> DictConfig:
    """Return a run's config with what was given beside `run=`: a key's value, or all of a group that was chosen."""
    config = trained.copy()
    for override in task_overrides():
        key = override.lstrip("+~").partition("=")[0]
        key = key.partition("@")[2] or key
        if key not in ("run", "trust", "experiment"):
            for name in (key, "predictor") if key == "task" else (key,):
                OmegaConf.update(config, name, OmegaConf.select(cfg, name), merge=False, force_add=True)
    return config
