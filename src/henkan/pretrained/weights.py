"""The one place that looks up pretrained weights: never downloaded here, never taken unchecked."""

from __future__ import annotations

import functools
import hashlib
import pickle
import re
from pathlib import Path, PurePosixPath
from urllib.parse import urlparse

import torch
from torch import Tensor

from henkan.errors import MissingWeights, UserError


def load(url: str) -> dict[str, Tensor]:
    """Return the weights that torch's hub would keep under the last part of `url`, without downloading them.

    The file is sought in `torch.hub.get_dir()/checkpoints` only. Raises `MissingWeights` if it is not there,
    `UserError` if it is not the file that its name promises.
    """
    return read(find(url), origin=f"download {url} again")


def load_unnamed(url: str) -> dict[str, Tensor]:
    """Return weights as `load` does, whose file's name does not promise its contents: only their shapes are checked."""
    return tensors(find(url), origin=f"download {url} again")


def find(url: str) -> Path:
    """Return where the file of `url` lies; raises `MissingWeights` if it is not there."""
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    path = folder / PurePosixPath(urlparse(url).path).name
    if not path.is_file():
        raise MissingWeights(f"{path.name} is missing: download {url} and put it into {folder}")
    return path


def read(path: Path, origin: str) -> dict[str, Tensor]:
    """Return the weights in `path`, whose name must end in `-<first 8 hex digits of its SHA-256>.<suffix>`.

    `origin` says how to get the file anew. Raises `UserError` if the contents do not match the name.
    """
    state = path.stat()
    digest = _sha256(path, state.st_mtime_ns, state.st_size)
    promised = re.search(r"-([0-9a-f]{8})\.[^.]+$", path.name)
    if promised is None or not digest.startswith(promised[1]):
        raise UserError(f"{path} is damaged (its SHA-256 begins with {digest[:8]}): delete it, {origin}")
    return tensors(path, origin)


def tensors(path: Path, origin: str) -> dict[str, Tensor]:
    """Return the named tensors in a file, without running anything that it contains.

    Raises `UserError`, which ends in `origin`, for what holds anything else.
    """
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise UserError(
            f"{path} holds more than tensors, so it was refused: loading it could run code; delete it, {origin}"
        ) from None
    except (RuntimeError, EOFError, OSError, ValueError, LookupError) as error:
        raise UserError(f"{path} is damaged ({str(error).partition(chr(10))[0]}): delete it, {origin}") from error
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise UserError(f"{path} does not hold named tensors: delete it, {origin}")
    return found


@functools.cache
def _sha256(path: Path, mtime_ns: int, size: int) -> str:
    """Return the file's SHA-256; time and size are in the cache's key, so a changed file is read again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
