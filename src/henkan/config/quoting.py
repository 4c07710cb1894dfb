"""Readies words for Hydra's grammar: quotes around paths, so that any name is one; no list that it fails over."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Quote, QuotedString
from hydra.errors import HydraException

from henkan.config.trees import groups
from henkan.errors import UserError

# Keys of the roots whose value is a path, and what the keys of a path end in elsewhere.
PATHS = (
    "input",
    "output",
    "mask",
    "importance",
    "run",
    "model",
    "other",
    "init",
    "resume_from",
    "scribble",
    "style",
    "strokes",
    "points",
)
ENDS = (".path", ".reference", ".weights")
# What a list of points begins with, and what asks for another value.
LISTED, REFERRED = ("[", "{"), "${"
MULTIRUN = ("-m", "--multirun")


def quoted(words: Sequence[str]) -> list[str]:
    """Return the words of a command line, with quotes around paths that Hydra would not read as they are.

    Numbers are names there, and `~` is the home folder. What is a list for Hydra (or with -m several values) is a path
    only if there is a file of that name. Raises `UserError` for a list of options with what is no name.
    """
    check_names(words)
    several = any(word in MULTIRUN for word in words)
    return [quote(word, several) for word in words]


def check_names(words: Sequence[str]) -> None:
    """Raise `UserError` for a list of options that holds a number or null: Hydra would fail over it."""
    listed = [word for word in words if word.partition("=")[2].startswith("[")]
    known = groups() if listed else []
    for word in listed:
        key, _, value = word.partition("=")
        if key.lstrip("+").partition("@")[0] not in known:
            continue
        try:
            names: Any = OverridesParser.create().parse_override(f"x={value}")._value
        except HydraException:
            continue
        if isinstance(names, list) and (wrong := [name for name in names if not isinstance(name, str | QuotedString)]):
            raise UserError(f"{word}: {'null' if wrong[0] is None else wrong[0]} is no name of an option")


def quote(word: str, several: bool = False) -> str:
    """Return one override, quoted if it gives a path that needs it; `several`: with commas it may be many values."""
    key, _, value = word.partition("=")
    name = key.lstrip("+")
    if not is_path(name) or not value or REFERRED in value:
        return word
    try:
        parsed: Any = OverridesParser.create().parse_override(f"x={value}")._value
    except HydraException:
        if value.startswith(LISTED) and not os.path.exists(value):
            return word
    else:
        if parsed is None or isinstance(parsed, QuotedString) or parsed == value:
            return word
        if isinstance(parsed, str) and "\\" in value:
            # Somebody knows the grammar.
            return word
        if isinstance(parsed, int | float) and name == "points":
            return word
        many = isinstance(parsed, list | dict) or (isinstance(parsed, ChoiceSweep) and (several or "(" in value))
        if (many or not isinstance(parsed, str | int | float | ChoiceSweep)) and not os.path.exists(value):
            return word
    return f"{key}={QuotedString(os.path.expanduser(value), Quote.single).with_quotes()}"


def is_path(name: str) -> bool:
    """Whether a key's value is a path."""
    return name in PATHS or name.startswith("paths.") or name.endswith(ENDS)
