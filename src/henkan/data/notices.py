"""What a person is told of the files that data are read from: once in a process, and all that was left out by name."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from henkan.ranks import say

# Names that a line shows.
NAMED = 3
_told: set[str] = set()
_left: dict[str, str] = {}


def once(kind: str, message: str) -> None:
    """Say a message unless one of this kind was said in this process: a word for a hundred thousand files like it."""
    if kind not in _told:
        _told.add(kind)
        say(message)


def leave_out(folder: Path, reasons: Mapping[str, str]) -> None:
    """Say which files of a folder are left out, and why: by relative name, counted, the first few named."""
    if not reasons:
        return
    _left.update({f"{folder}/{name}": reason for name, reason in reasons.items()})
    shown = some([f"{readable(name)} ({reason})" for name, reason in reasons.items()])
    count = f"{len(reasons):,} file{'s are' if len(reasons) > 1 else ' is'} left out"
    message = f"{readable(folder)}: {count}: {shown}"
    once(message, message)


def some(names: Sequence[str]) -> str:
    """Return the first few of some names."""
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")


def left_out() -> dict[str, str]:
    """Return all that was left out in this process: path, as it can be printed, and reason."""
    return {readable(path): reason for path, reason in _left.items()}


def forget() -> None:
    """Begin anew, as another process would."""
    _told.clear()
    _left.clear()


def readable(path: str | Path) -> str:
    r"""Return a path that can be printed: bytes of a name that are no UTF-8 become `\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
