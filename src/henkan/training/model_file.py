"""A trained generator in one file: safetensors, with the config that its run has in the metadata. Read, never executed.

What the metadata say, all of it text: `henkan` (the version that wrote it), `config` (YAML, as in a run folder),
`identity` and `mark` of the run, `recipe`, `iterations`, `lines` (JSON: how wide those were that it was trained on).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from henkan.errors import UserError
from henkan.files import Damaged, opening, refuse_pointer, replaced

SUFFIX = ".safetensors"
WAY_OUT = "copy it again, or write it anew with henkan export"


def is_model(path: Path) -> bool:
    """Whether a path is that of a model file."""
    return path.suffix == SUFFIX and path.is_file()


def write(path: Path, weights: Mapping[str, Tensor], said: Mapping[str, str], half: bool = True) -> None:
    """Write weights, in half precision what `halved` allows, and what is said of them."""
    tensors = {
        name: (halved(value) if half else value).detach().cpu().contiguous().clone() for name, value in weights.items()
    }
    with replaced(path) as partial:
        # Not by the library's own writer, whose files only their maker may read.
        partial.write_bytes(save(tensors, metadata=dict(said)))


def halved(value: Tensor) -> Tensor:
    """Return a matrix or kernel in half precision; biases, statistics and what does not fit stay as they are.

    These are few, and a variance below 6e-8 would become 0.
    """
    small = value.half() if value.is_floating_point() and value.ndim > 1 else value
    return small if bool(torch.isfinite(small).all()) else value


def said(path: Path) -> dict[str, str]:
    """Return what a model file says of itself. Raises `UserError` for one that `henkan export` has not written."""
    found = metadata(path)
    if "config" not in found:
        raise UserError(f"{path} holds weights alone, and no config: only what henkan export writes is a model")
    return found


def metadata(path: Path) -> dict[str, str]:
    """Return what a file of safetensors says beside its tensors. Raises `Damaged`."""
    refuse_pointer(opening(path, "model file", WAY_OUT), path)
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise Damaged(f"{path} is damaged ({error}); {WAY_OUT}") from error


def state(path: Path) -> dict[str, Any]:
    """Return what a checkpoint would hold of a generator, in float32. Raises `UserError` as `said` does."""
    facts = said(path)
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {f"generator.{name}": in_full(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise Damaged(f"{path} is damaged ({error}); {WAY_OUT}") from error
    iterations = facts.get("iterations", "")
    told = {"iteration": int(iterations)} if iterations.isdecimal() else {}
    return {"state_dict": tensors, "identity": facts.get("identity"), **told}


def in_full(value: Tensor) -> Tensor:
    return value.float() if value.dtype == torch.float16 else value
