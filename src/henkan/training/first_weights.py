"""The file that first weights come from: a checkpoint of this project, or weights that other code has published."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import cast

from torch import Tensor, nn

from henkan.errors import UserError
from henkan.files import check_archive
from henkan.networks.published import Published, translated
from henkan.pretrained.catalogue import unwrapped
from henkan.pretrained.weights import contents
from henkan.training import checkpoint, model_file
from henkan.training.state import State

WAY_OUT = "name another file, or, if you trust who made it, save its state_dict() alone"


def read(path: Path) -> State:
    """Return what a file holds, under `state_dict` its named tensors: a checkpoint, or such tensors alone.

    Raises `UserError` for what is damaged, holds neither, or would run code when it is read.
    """
    if not path.exists():
        raise UserError(f"there is no checkpoint {path}")
    if model_file.is_model(path) and "config" in model_file.metadata(path):
        return model_file.state(path)
    if zipfile.is_zipfile(path):
        # torch does not look at its checksums.
        check_archive(path, "checkpoint", "copy it again, or name another")
    found = contents(path, WAY_OUT)
    named = found.get("state_dict")
    if isinstance(named, dict) and named and all(isinstance(value, Tensor) for value in named.values()):
        return cast(State, found)
    tensors = unwrapped(found)
    if not tensors:
        raise UserError(f"{path} has no state_dict and no named tensors: it holds no weights")
    return {"state_dict": tensors}


def generator(state: State, network: nn.Module, path: Path) -> dict[str, Tensor]:
    """Return the weights of a generator under the names that it has here.

    They are a run's (the average, where it has one), a network's own `state_dict()`, or what its authors' code has
    saved (see `Published`). Raises `UserError` for those of another architecture, as far as their names tell.
    """
    own = checkpoint.generator(state) or dict(state["state_dict"])
    if own.keys() == network.state_dict().keys() or not isinstance(network, Published):
        return own
    try:
        found = translated(state["state_dict"], network)
    except UserError as error:
        raise UserError(f"{path} is of another architecture: {error}") from error
    return own if found is None else found
