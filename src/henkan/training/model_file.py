"""A trained generator in one file: safetensors, with the config that its run has in the metadata. Read, never executed.

What the metadata say, all of it text: `henkan` (the version that wrote it), `config` (YAML, as in a run folder),
`identity` and `mark` of the run, `recipe`, `iterations`, `lines` (JSON: how wide those were that it was trained on),
and `tensors` and `digest`, hashes of the tensors and of all that is said: the format has no checksums, and a flipped
bit would be read in silence. Files of before there were these have neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from henkan.errors import UserError
from henkan.files import SEAL, Damaged, opening, refuse_pointer, replaced, sealed, unsealed
from henkan.pretrained.catalogue import digest_of
from henkan.training.state import State

SUFFIX = ".safetensors"
TENSORS = "tensors"
WAY_OUT = "copy it again, or write it anew with henkan export"


def is_model(path: Path) -> bool:
    """Whether a path is that of a model file."""
    return path.suffix == SUFFIX and path.is_file()


def write(path: Path, weights: Mapping[str, Tensor], said: Mapping[str, str], half: bool = True) -> None:
    """Write weights, in half precision what `halved` allows, and what is said of them."""
    tensors = {
        name: (halved(value) if half else value).detach().cpu().contiguous().clone() for name, value in weights.items()
    }
    facts = sealed({**said, TENSORS: digest_of(tensors)})
    with replaced(path) as partial:
        # Not by the library's own writer, whose files only their maker may read.
        partial.write_bytes(save(tensors, metadata=facts))


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
    return {name: value for name, value in found.items() if name != TENSORS}


def metadata(path: Path) -> dict[str, str]:
    """Return what a file of safetensors says beside its tensors. Raises `Damaged`."""
    refuse_pointer(opening(path, "model file", WAY_OUT), path)
    try:
        with safe_open(path, framework="pt") as file:
            found = dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise Damaged(f"{path} is damaged ({error}); {WAY_OUT}") from error
    told, intact = unsealed(found)
    # Others' files may say anything under the seal's name.
    ours = "config" in told or TENSORS in told
    if ours and (not intact or (TENSORS in told and SEAL not in found)):
        raise Damaged(f"{path} is damaged (what it says of itself does not fit its seal); {WAY_OUT}")
    return told


def state(path: Path) -> State:
    """Return what a checkpoint would hold of a generator, in float32. Raises `UserError` as `said` does."""
    facts, expected = said(path), metadata(path).get(TENSORS)
    try:
        with safe_open(path, framework="pt") as file:
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise Damaged(f"{path} is damaged ({error}); {WAY_OUT}") from error
    if expected is not None and digest_of(stored) != expected:
        raise Damaged(f"{path} is damaged (its tensors are not those that were written); {WAY_OUT}")
    tensors = {f"generator.{name}": in_full(value) for name, value in stored.items()}
    iterations = facts.get("iterations", "")
    found: State = {"state_dict": tensors, "identity": facts.get("identity")}
    if iterations.isdecimal():
        found["iteration"] = int(iterations)
    return found


def in_full(value: Tensor) -> Tensor:
    return value.float() if value.dtype == torch.float16 else value
