"""Checkpoints: plain containers and tensors, written atomically, read without running anything they contain."""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import shutil
from collections.abc import Mapping
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from henkan.errors import UserError
from henkan.files import Damaged, check_archive, replaced
from henkan.training import model_file, program_file
from henkan.training.state import State

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

FORMAT = 1
# What of a checkpoint the next iteration depends on.
STATE = ("iteration", "phases", "state_dict", "optimizers", "schedulers", "gradients", "balance", "tally")


class Output(BufferedWriter):
    """A file that remembers what the file system refused: torch speaks of a position that it did not expect."""

    refused: OSError | None = None

    def write(self, content: Buffer, /) -> int:
        try:
            return super().write(content)
        except OSError as error:
            self.refused = error
            raise


def save(state: State, path: Path) -> None:
    """Write `state` so that the file is either the old one or the new one, whole. A full disk is its `OSError`."""
    with replaced(path) as partial, Output(FileIO(partial, "w")) as file:
        try:
            torch.save({"format": FORMAT, **state}, file)
        except RuntimeError:
            if file.refused is None:
                raise
            raise file.refused from None
        file.flush()
        os.fsync(file.fileno())


def link(path: Path, other: Path) -> None:
    """Let `other` be the file `path` too, without taking its space twice where the file system can do that."""
    with replaced(other) as partial:
        try:
            os.link(path, partial)
        except OSError:
            shutil.copyfile(path, partial)


def load(path: Path) -> State:
    """Read a checkpoint (or a model file) onto the CPU, if it is as it was written: its archive has checksums.

    Raises `UserError` for what is damaged, for what is not a checkpoint, or would run code when unpickled.
    """
    if not path.exists():
        raise UserError(f"there is no checkpoint {path}")
    if model_file.is_model(path):
        return model_file.state(path)
    check_archive(path, "checkpoint", "copy it again, or remove it to go on without it")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise UserError(
            f"{path} holds more than tensors and plain containers, so it was refused: loading it could run code"
        ) from None
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise Damaged(f"{path} is not a readable checkpoint: {(str(error) or 'damaged').splitlines()[0]}") from error
    if not isinstance(state, dict) or "state_dict" not in state:
        raise UserError(f"{path} has no state_dict: it is not a checkpoint of this project or of Lightning")
    return cast(State, state)


def load_weights(network: torch.nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
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


def part(state: State, prefix: str) -> dict[str, Tensor]:
    """Return the entries of the checkpoint's `state_dict` that belong to one network, without its prefix."""
    return {
        name.removeprefix(f"{prefix}."): value
        for name, value in state["state_dict"].items()
        if name.startswith(f"{prefix}.")
    }


def generator(state: State) -> dict[str, Tensor]:
    """Return the weights of the generator that is scored: its average's, where there is one."""
    return part(state, "average.network") or part(state, "generator")


def hash_state(state: State) -> str:
    """Return the hash of all in a checkpoint that the next iteration depends on: not of what it took, and where."""
    found = hashlib.sha256()
    for name in STATE:
        _add(found, name, state.get(name))
    return found.hexdigest()


def _add(found: Any, name: str, node: Any) -> None:
    if isinstance(node, Mapping):
        for key, value in sorted(node.items(), key=lambda item: str(item[0])):
            _add(found, f"{name}.{key}", value)
    elif isinstance(node, list | tuple):
        for number, value in enumerate(node):
            _add(found, f"{name}.{number}", value)
    elif isinstance(node, Tensor):
        found.update(f"{name} {node.dtype} {tuple(node.shape)}".encode())
        found.update(node.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    else:
        found.update(f"{name}={node!r}".encode())


def hash_weights(state: State) -> str:
    """Return the hash of the weights in a checkpoint, whatever else it holds: what training them took, for one."""
    found = hashlib.sha256()
    for name, value in sorted(state["state_dict"].items()):
        _add(found, name, value)
    return found.hexdigest()


def last(folder: Path) -> Path:
    """Return the place of the checkpoint that a run goes on from."""
    return folder / "checkpoints" / "last.ckpt"


def of_iteration(folder: Path, iteration: int) -> Path:
    """Return the place of a checkpoint that stays."""
    return folder / "checkpoints" / f"iteration_{iteration:07d}.ckpt"


def kept(folder: Path) -> dict[int, Path]:
    """Return the checkpoints that have stayed, by iteration."""
    found = ((re.fullmatch(r"iteration_(\d+)\.ckpt", path.name), path) for path in last(folder).parent.glob("*.ckpt"))
    return dict(sorted((int(match[1]), path) for match, path in found if match))


def find_checkpoint(place: Path, iteration: int | None = None) -> Path:
    """Return the checkpoint that a run folder (and one of its iterations; null: the last) or a file path means."""
    place = place.absolute()
    if place.is_dir():
        place = last(place)
    if not place.is_file():
        raise UserError(f"there is no checkpoint {place}; name a run folder or a .ckpt file")
    if program_file.is_program(place):
        raise UserError(
            f"{place} is an exported program, which henkan predict, henkan serve and henkan.load apply: for this, name "
            "its run or its model file"
        )
    if iteration is None:
        return place
    if model_file.is_model(place):
        raise UserError(f"{place} holds one state alone: leave out iteration={iteration}")
    known = kept(place.parents[1])
    if iteration in known:
        return known[iteration]
    final = load(last(place.parents[1]))["iteration"]
    if iteration == final:
        return last(place.parents[1])
    there = ", ".join(map(str, sorted({*known, final})))
    raise UserError(
        f"iteration={iteration} was not kept in {place.parents[1]}: there is {there}; "
        "checkpoint.keep.every=N and checkpoint.keep.best=K say which stay"
    )
