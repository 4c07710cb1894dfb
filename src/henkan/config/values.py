"""Readers of values that settings have: each returns one of its type, or raises `UserError`, which names the key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from henkan.errors import UserError

Reader = Callable[[str, Any], Any]


def text(key: str, value: Any) -> str:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise UserError(f"{key}={value} must be text")
    return str(value)


def word(key: str, value: Any) -> str:
    if not isinstance(value, str | int) or isinstance(value, bool) or not str(value):
        raise UserError(f"{key}={value} must be a word")
    return str(value)


def count(key: str, value: Any) -> int:
    return at_least(1, key, value)


def none_or_more(key: str, value: Any) -> int:
    return at_least(0, key, value)


def at_least(least: int, key: str, value: Any) -> int:
    if type(value) is not int or value < least:
        raise UserError(f"{key}={value} must be a whole number, {least} or more")
    return value


def several(what: str) -> Callable[[str, Any], list[str]]:
    """Return the reader of a list of texts, in words with an example."""

    def read(key: str, value: Any) -> list[str]:
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise UserError(f"{key} must be a list of {what}")
        return list(value)

    return read


words = several("overrides: [data=openmoji]")


def commands(key: str, value: Any) -> list[list[str]]:
    fits = isinstance(value, list) and all(isinstance(command, list) and command for command in value)
    if not fits or not all(isinstance(word, str) for command in value for word in command):
        raise UserError(f"{key} must be a list of commands: [[degrade, count=5000, output=pairs]]")
    return [list(command) for command in value]


def spelled(key: str, value: Any) -> str:
    """Return a value as an override has it. Raises `UserError` for a mapping."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, list):
            spelled(key, one)
        elif one is not None and not isinstance(one, str | int | float):
            raise UserError(f"{key}: {one} is no value that a choice can have")
    return in_override(value)


def in_override(value: Any) -> str:
    """Return a value as an override has it; a mapping as Python writes it."""
    if isinstance(value, list):
        return f"[{','.join(map(in_override, value))}]"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return str(value)
