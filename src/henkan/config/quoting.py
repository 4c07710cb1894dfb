"""Puts the quotes of Hydra's grammar around what is a path, so that any name that a shell can give is one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Quote, QuotedString
from hydra.errors import HydraException

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
    only if there is a file of that name.
    """
    several = any(word in MULTIRUN for word in words)
    return [quote(word, several) for word in words]


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
