"""Files that are either the old ones or the new ones, whole: whoever reads never sees a part."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; when the block ends well, it takes the place of `path` at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what processes that were killed while they wrote have left below a folder."""
    for path in folder.rglob(".*"):
        process = path.name.rpartition(".")[2]
        if process.isdecimal() and path.is_file() and not alive(int(process)):
            path.unlink(missing_ok=True)


def alive(process: int) -> bool:
    """Whether a process of this machine runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file, readable to people."""
    with replaced(path) as partial:
        partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
