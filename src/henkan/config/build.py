"""The only caller of `hydra.utils.instantiate`; turns its errors into one clear line."""

from __future__ import annotations

from typing import Any

import hydra.utils
from hydra.errors import InstantiationException
from omegaconf import DictConfig, OmegaConf

import henkan.config.resolvers  # noqa: F401  (a node may interpolate)
from henkan.config.resolved import Node
from henkan.errors import UserError


def build(node: DictConfig | Node, /, **given: Any) -> Any:
    """Build the object that a composed config node describes.

    `given` are further keyword arguments of its constructor. Everything reaches constructors as plain Python
    containers. Raises `UserError` (or the constructor's own one) when the node cannot be built.
    """
    target = node.get("_target_") if node is not None else None
    if target is None:
        raise UserError(f"this part of the config names nothing to build (no _target_): {_short(node)}")
    try:
        return hydra.utils.instantiate(node, _convert_="all", **given)
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, UserError):
            raise cause from None
        if isinstance(cause, ImportError | AttributeError) or cause is None:
            raise UserError(f"{target} cannot be found: {_first_line(cause or error)}") from error
        if isinstance(cause, TypeError):
            raise UserError(f"{target} does not take these settings: {_first_line(cause)}") from error
        raise cause from error


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _short(node: Any) -> str:
    text = str(OmegaConf.to_container(node)) if isinstance(node, DictConfig) else str(node)
    return text if len(text) <= 80 else text[:77] + "..."
