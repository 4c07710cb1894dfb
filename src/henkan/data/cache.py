"""The one cache on disk: where it lies, who may write (one process at a time), and what is damaged is made anew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from henkan.errors import UserError
from henkan.files import at_home, regular, replaced, user_cache
from henkan.ranks import say


def cache_folder(cache: str | Path | None) -> Path:
    """Return `cache`, or for None the user's own: `$XDG_CACHE_HOME/henkan` or `~/.cache/henkan`."""
    return at_home(user_cache() if cache is None else Path(cache), "set paths.cache=DIR")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one process at a time write the cached file `path` (by `replaced`); a second waits, then finds it there.

    Raises `UserError` if the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f"{path.name}.lock")):
            # Nobody writes now: what is left beside the file is of a process that was killed.
            for left in path.parent.glob(f".{path.name}.*"):
                left.unlink()
            yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"the cache {path.parent} cannot be written ({reason}): set paths.cache") from error


def recalled(path: Path) -> Any:
    """Return what `remember` has kept at a path; None where there is nothing, or what is no longer that: it is dropped.

    So whatever it is remembers None for nothing.
    """
    try:
        seal, _, text = regular(path).read_bytes().partition(b"\n")
    except (FileNotFoundError, NotADirectoryError):
        return None
    if seal != _seal(text):
        drop(path)
        return None
    return json.loads(text)


def remember(path: Path, content: Any) -> None:
    """Keep a JSON-able value at a path, under a line with its digest."""
    text = json.dumps(content).encode()
    with locked(path), replaced(path) as partial:
        partial.write_bytes(_seal(text) + b"\n" + text)


def _seal(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest().encode()


def drop(path: Path) -> None:
    """Remove a cached file that is damaged, and say so."""
    say(f"{path} is damaged or of an older version: made anew")
    path.unlink(missing_ok=True)
