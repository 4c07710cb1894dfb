"""Hash the contents of files; one whose size and time of change agree is not read again."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b, file_digest
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.progress import track

from henkan.cores import cores
from henkan.data.cache import cache_folder, locked, recalled, remember
from henkan.errors import UserError
from henkan.files import regular
from henkan.ranks import say

# Fewer are hashed before a bar could be read.
FILES_WORTH_A_BAR = 500
# What was hashed is remembered after so many files, so that an interruption does not lose it.
BETWEEN = 20_000
# So many bytes take minutes to hash: that names and sizes may do is said.
LARGE = 50 << 30

By = Literal["contents", "files"]
"""What tells sets of files apart: what is in them, or their relative names and sizes alone."""

Known = dict[str, list[int | str]]
"""Name → size, time of change, hash of the content."""


def hash_contents(folder: Path, names: Iterable[str], cache: str | Path | None, by: By = "contents") -> str:
    """Return a hash of the relative names, sizes and contents (unless `by` is "files") of the files in `folder`.

    What each file's content hashed to is remembered in `cache` by path, size and time of change.
    """
    folder = folder.resolve()
    states = {name: state_of(f"{folder}/{name}") for name in sorted(names)}
    if by == "files":
        listed = ["files", *([name, state.st_size] for name, state in states.items())]
        return blake2b(json.dumps(listed).encode(), digest_size=16).hexdigest()
    key = blake2b(str(folder).encode(), digest_size=16).hexdigest()
    memory = cache_folder(cache) / "contents" / f"{key}.json"
    known: Known = recalled(memory) or {}
    if unknown(states, known):
        # Whoever comes meanwhile waits, and finds it done.
        with locked(memory.with_suffix(".hashing")):
            known = recalled(memory) or {}
            hash_new(folder, states, known, memory)
    rows = [[name, state.st_size, known[name][2]] for name, state in states.items()]
    return blake2b(json.dumps(rows).encode(), digest_size=16).hexdigest()


def unknown(states: Mapping[str, os.stat_result], known: Known) -> list[str]:
    """Return the names of the files that are not as they were when they were hashed."""
    return [name for name, state in states.items() if known.get(name, [])[:2] != [state.st_size, state.st_mtime_ns]]


def hash_new(folder: Path, states: Mapping[str, os.stat_result], known: Known, memory: Path) -> None:
    """Hash files that are new into what is `known`, several at once; what was hashed is remembered in any case."""
    new = unknown(states, known)
    if (size := sum(states[name].st_size for name in new)) > LARGE:
        say(
            f"{folder}: {size / 2**30:,.0f} GiB are hashed, once, to know these files again; data.manifest=files goes "
            "by names and sizes"
        )

    def content(name: str) -> str:
        try:
            with open(f"{folder}/{name}", "rb", buffering=0) as file:
                return file_digest(file, lambda: blake2b(digest_size=16)).hexdigest()
        except OSError as error:
            raise UserError(f"{folder / name} cannot be read ({error.strerror}): remove it") from error

    bar = {"console": Console(stderr=True), "disable": len(new) < FILES_WORTH_A_BAR}
    remembered, done = 0, 0
    pool = ThreadPoolExecutor(cores())
    try:
        hashed = zip(new, pool.map(content, new), strict=True)
        for name, found in track(hashed, f"hashing {folder.name}", total=len(new), **bar):  # type: ignore[arg-type]
            known[name] = [states[name].st_size, states[name].st_mtime_ns, found]
            done += 1
            if done - remembered >= BETWEEN:
                remember(memory, known)
                remembered = done
    finally:
        pool.shutdown(cancel_futures=True)
        if done > remembered:
            remember(memory, known)


def state_of(path: str | Path) -> os.stat_result:
    """Return the state of a file; raises `UserError` for a link to nothing, and for a pipe, which hashing waits for."""
    try:
        state = os.stat(path)
    except FileNotFoundError as error:
        raise UserError(f"{path} is not there, or a link to nothing: remove it") from error
    if not stat.S_ISREG(state.st_mode):
        regular(Path(path))
    return state
