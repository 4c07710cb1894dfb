"""The trained networks that come with henkan: NAME.safetensors beside this file, and NAME.json, its card."""

from __future__ import annotations

from pathlib import Path

from henkan.config.explain import suggestion
from henkan.errors import UserError
from henkan.files import read_json
from henkan.training.model_file import SUFFIX, is_model
from henkan.training.program_file import FORMATS, is_program
from henkan.zoo.cards import Card

FOLDER = Path(__file__).parent
# How a network of the zoo is named where a path may stand as well.
PREFIX = "model:"


def names() -> list[str]:
    """Return the names of the networks that are here."""
    return sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}"))


def find(name: str) -> Path:
    """Return the file of a network, by its name or by a path. Raises `UserError`, which names the nearest."""
    given = Path(name).expanduser()
    if is_model(given) or is_program(given):
        return given
    if name in names():
        return FOLDER / f"{name}{SUFFIX}"
    if given.suffix in (SUFFIX, *FORMATS) or len(given.parts) > 1:
        raise UserError(f"there is no model file {given}: henkan export writes one of a run; a run is named by run=")
    known = f"there are: {', '.join(names())}" if names() else "none came with this version"
    raise UserError(f"there is no model {name!r}{suggestion(name, names())}; {known}")


def resolved(place: str) -> Path:
    """Return the path that a word means where weights are named: model:NAME is a network of the zoo."""
    return find(place.removeprefix(PREFIX)) if place.startswith(PREFIX) else Path(place)


def card(name: str) -> Card:
    """Return the card of a network that is here."""
    if name not in names():
        find(name)
        raise UserError(f"{name} is a file: cards are of what comes with henkan, {', '.join(names())}")
    found: Card = read_json(FOLDER / f"{name}.json", "install henkan again", dict)
    return found
