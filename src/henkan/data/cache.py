"""The one cache on disk: where it lies, who may write, and how: under a lock, by atomic rename."""

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
def replaced(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; when the block ends well, it takes the place of `path` at once.

    One process at a time: a second waits, then finds `path` there. Raises `UserError` if the folder cannot be
    written.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f"{path.name}.lock")):
            try:
                yield partial
                if partial.exists():
                    partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"the cache {path.parent} cannot be written ({reason}): set paths.cache") from error
