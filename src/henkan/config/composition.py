"""Composes configs outside of `hydra.main`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import (
    HydraException,
)
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    OmegaConfBaseException,
)

from henkan.config.quoting import quoted
from henkan.config.trees import config_folder
from henkan.errors import UserError

# Hydra keeps one state for all threads.
COMPOSING = Lock()


def compose_root(root: str, overrides: Sequence[str]) -> DictConfig:
    """Return `conf/<root>.yaml` composed with overrides; Hydra's own node is left out.

    Raises `UserError` for a group that is null, and Hydra's and OmegaConf's own errors.
    """
    words = quoted(overrides)
    with COMPOSING:
        try:
            if GlobalHydra.instance().is_initialized():
                return compose(root, overrides=words)
            with initialize_config_dir(str(config_folder()), version_base="1.3"):
                return compose(root, overrides=words)
        except ValueError as error:
            # Hydra's own, about null for a group.
            raise UserError(str(error)) from error


def known_keys(root: str, overrides: Sequence[str]) -> list[str]:
    """Return every dotted key of a root, with the overrides if it composes with them."""
    for words in (overrides, []):
        try:
            return list(keys(compose_root(root, words)))
        except (HydraException, OmegaConfBaseException):
            continue
    return []


def keys(node: Any, prefix: str = "") -> Iterator[str]:
    """Yield the dotted keys of a config, without resolving anything."""
    if isinstance(node, DictConfig) and not OmegaConf.is_missing(node, "") and not node._is_interpolation():
        for name, value in node.items_ex(resolve=False):
            path = prefix + str(name)
            yield path
            yield from keys(value, f"{path}.")


def task_overrides() -> list[str]:
    """Return the overrides of the present Hydra job, as typed; empty where a config was composed by hand."""
    if not HydraConfig.initialized():
        return []
    return list(HydraConfig.get().overrides.task)
