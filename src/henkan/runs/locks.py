"""Locks on folders that several processes, or machines with a common file system, work in.

The lock of a process that has died is free. Where a file system lacks flock, filelock writes process and machine into
the lock file instead, and the lock of a machine that has gone stays until a person removes it: who waits says so.
"""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

# Held by the process that trains a run, and by a study while a process of its own does.
LOCK, TURN = ".lock", ".turn"
# How often a lock that is held is tried again, in seconds.
PATIENCE = 0.5


def lock(path: Path) -> FileLock:
    """Return the lock at `path`, whose folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path)


def try_to_hold(one: FileLock, seconds: float = 0.0) -> bool:
    """Take a lock if nobody holds it, now or within some seconds; returns whether it is this process's now."""
    try:
        one.acquire(timeout=seconds, blocking=seconds > 0)
    except Timeout:
        return False
    return True


def hold(one: FileLock, held: str) -> None:
    """Take a lock, waiting as long as another process holds it; `held` tells a person what that one is doing."""
    if not try_to_hold(one):
        # Not before it must: torch takes seconds, and whoever lists runs looks at locks.
        from henkan.ranks import say

        say(f"{held}: waiting for it{way_out(Path(one.lock_file))}")
        one.acquire(poll_interval=PATIENCE)


def is_held(path: Path) -> bool:
    """Whether some process holds the lock at `path`."""
    if not path.exists():
        return False
    one = FileLock(path)
    free = try_to_hold(one)
    one.release()
    return not free


def way_out(path: Path) -> str:
    """Return what to add to a message where the lock would outlive its machine, or nothing."""
    holder = path.read_text().split() if path.is_file() else []
    if len(holder) < 2:
        return ""
    return f" (process {holder[0]} on {holder[1]}; if that machine is gone, remove {path})"
