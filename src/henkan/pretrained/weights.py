"""The one place that looks up pretrained weights: never downloaded here, never taken unchecked.

They are sought in `folder()` and where torch's hub keeps what torchvision downloads.
"""

from __future__ import annotations

import functools
import hashlib
import os
import pickle
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlparse

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from henkan.errors import MissingWeights, UserError
from henkan.files import LFS_POINTER, at_home, opening, user_cache
from henkan.pretrained import catalogue
from henkan.pretrained.catalogue import Found, Network, digest_of, known, nearest, recognize, unwrapped

# The folder of weights. What a process starts (data workers, further ranks) inherits it.
VARIABLE = "HENKAN_WEIGHTS"


def folder() -> Path:
    """Return where weights are put: `$HENKAN_WEIGHTS`, or the user's cache folder (~/.cache/henkan/weights)."""
    place = os.environ.get(VARIABLE)
    return at_home(Path(place) if place else user_cache() / "weights", "set paths.weights=DIR")


@contextmanager
def sought_in(place: str | None) -> Iterator[None]:
    """Take weights from another folder for a while; None: as it is."""
    before = os.environ.get(VARIABLE)
    try:
        if place is not None:
            os.environ[VARIABLE] = place
        yield
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before


def places() -> list[Path]:
    """Return the folders that weights are sought in, the first one being where they are to be put."""
    return [folder(), Path(torch.hub.get_dir()) / "checkpoints"]


class Weights(dict[str, Tensor]):
    """Named tensors. `exact`: they are the published ones to the last bit, so that the network's name tells them."""

    def __init__(self, tensors: Mapping[str, Tensor], exact: bool) -> None:
        super().__init__(tensors)
        self.exact = exact


def load(url: str) -> Weights:
    """Return the weights that torch's hub would keep under the last part of `url`, without downloading them.

    Without that file, a copy of its tensors whose values cannot be checked, NAME.safetensors of the catalogue, will do.
    Raises `MissingWeights` if it is in none of `places()`, `UserError` if it is not the file that its name promises.
    """
    name = PurePosixPath(urlparse(url).path).name
    network = next((network for network in catalogue.NETWORKS if network.file == name), None)
    copy = None if network is None else there(copied(network))
    if network is None or copy is None or there(name) is not None:
        return Weights(read(find(url), origin=f"download {url} again"), exact=True)
    found = recognized(copy, f"delete it, download {url}")
    if found is None or found.network is not network:
        raise UserError(
            f"{copy} is to hold {network.what}, and holds {in_words(copy, found)}: delete it, download {url}"
        )
    return Weights(found.tensors, found.verified)


def copied(network: Network) -> str:
    """Return what the tensors of a network are called where they are kept in another file than the published one."""
    return network.file if not network.file.endswith(".pth") else f"{network.name}.safetensors"


def load_unnamed(url: str) -> dict[str, Tensor]:
    """Return weights as `load` does, whose file's name does not promise its contents: only their shapes are checked."""
    return tensors(find(url), origin=f"download {url} again")


def load_known(name: str) -> Weights:
    """Return the weights of a network of the catalogue, recognized by their values, in the layout that is kept here.

    Raises `MissingWeights` if its file is in none of `places()`, `UserError`, which says what is in it, for another.
    """
    network = known(name)
    path = find(network.file, network.origin)
    way_out = f"delete it, {network.origin} and put it there"
    found = recognized(path, way_out)
    if found is None or found.network is not network or not found.verified:
        raise UserError(f"{path} is to hold {network.what}, and holds {in_words(path, found)}: {way_out}")
    return Weights(found.tensors, found.exact)


def recognized(path: Path, way_out: str) -> Found | None:
    """Return what network a file holds, by the hash of the file, of its values, or by their names and shapes.

    Raises `UserError`, which ends in `way_out`, for a file that is damaged, or holds more than tensors.
    """
    check_fetched(path, way_out)
    network = published(path)
    if network is not None and network.layout is None:
        return Found(network, {}, True, True)
    if path.suffix == ".onnx":
        return None
    tensors = unwrapped(contents(path, way_out))
    found = recognize(tensors)
    if network is None or (found is not None and found.network is network and found.verified):
        return found
    assert network.layout is not None
    own = {name: tensors[name].to(torch.float32) for name in network.layout()}
    return Found(network, own, True, digest_of(own) == network.digest if network.digest else True)


def published(path: Path) -> Network | None:
    """Return the network that a file is published for, by the hash of the file."""
    digest = hash_of(path)
    return next((network for network in catalogue.NETWORKS if any(map(digest.startswith, network.hashes))), None)


def in_words(path: Path, found: Found | None) -> str:
    """Return what a file holds that was not what it was taken for."""
    if found is not None:
        return found.network.what if found.verified else f"{found.network.what}, by names and shapes, of other values"
    if path.suffix == ".onnx":
        return "a network that is not known here"
    close = nearest(unwrapped(contents(path, "delete it")))
    return "nothing that is known here" if close is None else f"what is nearly {close[0].what}, but {close[1]}"


def there(name: str) -> Path | None:
    """Return the file of this name in `places()`, if there is one."""
    return next((place / name for place in places() if (place / name).is_file()), None)


def find(url: str, origin: str | None = None) -> Path:
    """Return where the file of `url` lies; raises `MissingWeights`, which says where to get it, if it is not there."""
    name = PurePosixPath(urlparse(url).path).name
    path = there(name)
    if path is not None:
        return path
    if origin is not None:
        raise missing(name, origin)
    raise MissingWeights(f"{name} is missing: download {url} and put it into {folder()}")


def missing(name: str, origin: str) -> MissingWeights:
    """Return what says that a file is not there; `origin` says what to do to have its contents."""
    return MissingWeights(f"{name} is missing: {origin}, and put it into {folder()} with henkan weights add FILE")


def located(given: str, origin: str | None = None) -> Path:
    """Return the file that a person named: a path, or the name of one in `places()`.

    Raises `MissingWeights` if there is none; `origin` says where it comes from.
    """
    path = at_home(Path(given), "give the whole path")
    for candidate in (path, *(place / given for place in places())):
        if candidate.is_file():
            return candidate
    if origin is not None:
        raise missing(path.name, origin)
    raise MissingWeights(f"{path.name} is missing: {path} is no file, and {folder()} has none of this name")


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file, read once as long as it does not change."""
    state = path.stat()
    return _sha256(path, state.st_mtime_ns, state.st_size)


def read(path: Path, origin: str) -> dict[str, Tensor]:
    """Return the weights in `path`, whose name must end in `-<first 8 hex digits of its SHA-256>.<suffix>`.

    `origin` says how to get the file anew. Raises `UserError` if the contents do not match the name.
    """
    check_fetched(path, f"delete it, {origin}")
    digest = hash_of(path)
    promised = re.search(r"-([0-9a-f]{8})\.[^.]+$", path.name)
    if promised is None or not digest.startswith(promised[1]):
        raise UserError(f"{path} is damaged (its SHA-256 begins with {digest[:8]}): delete it, {origin}")
    return tensors(path, origin)


def tensors(path: Path, origin: str) -> dict[str, Tensor]:
    """Return the named tensors in a file, without running anything that it contains.

    Raises `UserError`, which ends in `origin`, for what holds anything else.
    """
    found = contents(path, f"delete it, {origin}")
    if not all(isinstance(value, Tensor) for value in found.values()):
        raise UserError(f"{path} does not hold named tensors: delete it, {origin}")
    return found


def contents(path: Path, way_out: str) -> dict[str, Any]:
    """Return the mapping in a file, tensors and plain containers of them, without running anything that it contains.

    Safetensors and torch's files are told by their first bytes, whatever they are called. Raises `UserError`, which
    ends in `way_out`, for what holds anything else.
    """
    check_fetched(path, way_out)
    try:
        if is_safetensors(path):
            return dict(safetensors.torch.load_file(path))
        if is_torchscript(path):
            raise UserError(
                f"{path} is TorchScript, which is code, so it was refused: save its state_dict() alone if you trust "
                f"who made it; otherwise {way_out}"
            )
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise UserError(
            f"{path} holds more than tensors, so it was refused: loading it could run code; {way_out}"
        ) from None
    except (SafetensorError, RuntimeError, EOFError, OSError, ValueError, LookupError) as error:
        raise UserError(
            f"{path} is damaged ({str(error).partition(chr(10))[0]}) or no file of weights: {way_out}"
        ) from error
    if not isinstance(found, dict):
        raise UserError(f"{path} does not hold named tensors: {way_out}")
    return found


def check_fetched(path: Path, way_out: str) -> None:
    """Raise `UserError` for an empty file, and for what Git leaves in place of one that was not fetched."""
    if opening(path, "file of weights", way_out).startswith(LFS_POINTER):
        raise UserError(f"{path} is a pointer of Git LFS: git lfs pull fetches the file")


def is_safetensors(path: Path) -> bool:
    """Whether a file begins as safetensors do: the length of a header, 8 bytes, and a brace."""
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{"


def is_torchscript(path: Path) -> bool:
    """Whether a file is an archive of torch with code in it."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


@functools.cache
def _sha256(path: Path, mtime_ns: int, size: int) -> str:
    """Return the file's SHA-256; time and size are in the cache's key, so a changed file is read again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
