"""Checkpoints: plain containers and tensors, written atomically, read without running anything they contain."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from henkan.errors import UserError
from henkan.files import replaced

FORMAT = 1


def save(state: Mapping[str, Any], path: Path) -> None:
    """Write `state` so that the file is either the old one or the new one, whole."""
    with replaced(path) as partial, partial.open("wb") as file:
        torch.save({"format": FORMAT, **state}, file)
        file.flush()
        os.fsync(file.fileno())


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU. Raises `UserError` for what is not one, or would run code when unpickled."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"there is no checkpoint {path}") from None
    except pickle.UnpicklingError:
        raise UserError(
            f"{path} holds more than tensors and plain containers, so it was refused: loading it could run code"
        ) from None
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise UserError(f"{path} is not a readable checkpoint: {str(error).splitlines()[0]}") from error
    if not isinstance(state, dict) or "state_dict" not in state:
        raise UserError(f"{path} has no state_dict: it is not a checkpoint of this project or of Lightning")
    return state


def load_weights(network: torch.nn.Module, weights: Mapping[str, Any], path: Path) -> None:
    """Load weights into a network; a network of another shape is a `UserError` that names what differs first."""
    own = network.state_dict()
    missing = sorted(own.keys() - weights.keys())
    surplus = sorted(weights.keys() - own.keys())
    if missing or surplus:
        name, what = (missing[0], "lacks") if missing else (surplus[0], "also has")
        raise UserError(f"{path} is of another architecture: it {what} {name}")
    for name, value in weights.items():
        if own[name].shape != value.shape:
            raise UserError(
                f"{path} is of another architecture: {name} is {tuple(value.shape)} there "
                f"and {tuple(own[name].shape)} here"
            )
    network.load_state_dict(weights)


def part(state: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Return the entries of the checkpoint's `state_dict` that belong to one network, without its prefix."""
    return {
        name.removeprefix(f"{prefix}."): value
        for name, value in state["state_dict"].items()
        if name.startswith(f"{prefix}.")
    }


def generator(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the weights of the generator that is scored: its average's, where there is one."""
    return part(state, "average.network") or part(state, "generator")


def find_checkpoint(path: Path) -> Path:
    """Return the checkpoint that a run folder or a file path means."""
    if path.is_dir():
        path = path / "checkpoints" / "last.ckpt"
    if not path.is_file():
        raise UserError(f"there is no checkpoint {path}; name a run folder or a .ckpt file")
    return path
