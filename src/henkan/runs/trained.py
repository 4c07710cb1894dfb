"""The trained run that `run=` names: its folder and its config."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from henkan.config.composition import task_overrides
from henkan.errors import UserError
from henkan.training import checkpoint


def run_folder(path: Path) -> Path:
    """Return the folder of a run that is named by it or by its checkpoint; one that trained nothing has none."""
    return path if (path / "config.yaml").is_file() else checkpoint.find_checkpoint(path).parents[1]


def own_config(cfg: DictConfig) -> DictConfig:
    """Return the config of the trained run that `run` names."""
    path = run_folder(Path(cfg.run)) / "config.yaml"
    if not path.is_file():
        raise UserError(f"there is no run in {cfg.run}: {path} is missing")
    config = OmegaConf.load(path)
    assert isinstance(config, DictConfig)
    return config


def with_overrides(trained: DictConfig, cfg: DictConfig) -> DictConfig:
    """Return a run's config with what was given beside `run=`: a key's value, or all of a group that was chosen."""
    config = trained.copy()
    for override in task_overrides():
        key = override.lstrip("+~").partition("=")[0]
        key = key.partition("@")[2] or key
        if key not in ("run", "experiment"):
            for name in (key, "predictor") if key == "task" else (key,):
                OmegaConf.update(config, name, OmegaConf.select(cfg, name), merge=False, force_add=True)
    return config
