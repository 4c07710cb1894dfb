"""A program that `henkan export` has written, FILE.onnx, FILE.pt or FILE.pt2, and the card beside it, FILE.onnx.json.

The card says what a model file says of itself (see `henkan.training.model_file`), and of the program: `sha256` of its
file; `takes`, its inputs with their channels, in order; `makes`, its answer, and `classes` where that are labels; what
the sides of a picture have to be, `least` pixels or more, multiples of `multiple`, filled up by `padding`; how far it
sees, `context`; `signed`, by which its maker knows it again.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from henkan.errors import UserError
from henkan.files import Damaged, read_json, regular

# The format that a file of each ending is in.
FORMATS = {".onnx": "onnx", ".pt": "torchscript", ".pt2": "torch_export"}
# Read as a graph of known operators; reading the others may run what their maker wrote.
DATA = ("onnx",)
WAY_OUT = "copy both, or write them anew with henkan export"
KINDS: Mapping[str, tuple[type, ...]] = {
    "config": (str,),
    "sha256": (str,),
    "takes": (dict,),
    "makes": (str,),
    "least": (int,),
    "multiple": (int,),
    "padding": (str,),
    "classes": (int, type(None)),
    "context": (int, type(None)),
}


def onnxruntime() -> Any:
    """Return the package of that name. Raises `ImportError`.

    Its builds of late report to their maker what is run, unless they are told not to before they are loaded.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    return import_module("onnxruntime")


def is_program(path: Path) -> bool:
    """Whether a path is that of an exported program; weights are called .pt as well, and are none."""
    if path.suffix not in FORMATS or not path.is_file():
        return False
    return path.suffix != ".pt" or card_beside(path).is_file() or holds_code(path)


def holds_code(path: Path) -> bool:
    """Whether a file is an archive of TorchScript."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any("/code/" in name for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def card_beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def said(path: Path) -> dict[str, Any]:
    """Return what the card of a program says. Raises `UserError` where there is none, or one of another shape."""
    place = card_beside(path)
    if not place.is_file():
        raise UserError(f"{path} has no card beside it, {place.name}, which says what it takes: {WAY_OUT}")
    card: dict[str, Any] = read_json(place, WAY_OUT, dict)
    wrong = next((key for key, kinds in KINDS.items() if type(card.get(key)) not in kinds), None)
    if wrong is None and not all(type(channels) is int and channels > 0 for channels in card["takes"].values()):
        wrong = "takes"
    if wrong is None and min(card["least"], card["multiple"]) < 1:
        wrong = "least"
    if wrong is not None:
        raise Damaged(f"{place} is no card of an exported program (its {wrong}); {WAY_OUT}")
    return card


def content(path: Path, card: Mapping[str, Any]) -> bytes:
    """Return the bytes of a program. Raises `Damaged` where they are not those that its card is of."""
    found = regular(path).read_bytes()
    if hashlib.sha256(found).hexdigest() != card["sha256"]:
        raise Damaged(f"{path} is not the program that {card_beside(path).name} is of: {WAY_OUT}")
    return found
