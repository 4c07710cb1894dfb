"""The one cache on disk: where it lies, and who may write: one process at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from henkan.errors import UserError


def cache_folder(cache: str | Path | None) -> Path:
    """Return `cache`, or for None the user's own: `$XDG_CACHE_HOME/henkan` or `~/.cache/henkan`."""
    if cache is not None:
        return Path(cache).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "henkan"


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
