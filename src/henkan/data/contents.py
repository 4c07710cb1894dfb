"""Hash the contents of files; one whose size and time of change agree is not read again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from hashlib import blake2b, file_digest
from pathlib import Path

from rich.console import Console
from rich.progress import track

from henkan.data.cache import cache_folder, recalled, remember
from henkan.errors import UserError
from henkan.files import regular

# Fewer are hashed before a bar could be read.
FILES_WORTH_A_BAR = 500


def hash_contents(folder: Path, names: Iterable[str], cache: str | Path | None) -> str:
    """Return a hash of the relative names, sizes and contents of the files `names` in `folder`.

    What each file's content hashed to is remembered in `cache` by path, size and time of change.
    """
    folder = folder.resolve()
    key = blake2b(str(folder).encode(), digest_size=16).hexdigest()
    memory = cache_folder(cache) / "contents" / f"{key}.json"
    known: dict[str, list[int | str]] = recalled(memory) or {}
    states = {name: state_of(folder / name) for name in sorted(names)}
    new = [name for name, state in states.items() if known.get(name, [])[:2] != [state.st_size, state.st_mtime_ns]]
    bar = {"console": Console(stderr=True), "disable": len(new) < FILES_WORTH_A_BAR}
    for name in track(new, f"hashing {folder.name}", **bar):  # type: ignore[arg-type]
        with (folder / name).open("rb") as file:
            content = file_digest(file, lambda: blake2b(digest_size=16)).hexdigest()
        known[name] = [states[name].st_size, states[name].st_mtime_ns, content]
    if new:
        remember(memory, known)
    rows = [[name, state.st_size, known[name][2]] for name, state in states.items()]
    return blake2b(json.dumps(rows).encode(), digest_size=16).hexdigest()


def state_of(path: Path) -> os.stat_result:
    """Return the state of a file; raises `UserError` for a link to nothing, and for a pipe, which hashing waits for."""
    try:
        return regular(path).stat()
    except FileNotFoundError as error:
        raise UserError(f"{path} is not there, or a link to nothing: remove it") from error
