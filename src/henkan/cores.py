"""How many processor cores this process may use, and how many threads it computes with."""

from __future__ import annotations

import os


def cores() -> int:
    """Return the size of the affinity mask, which SLURM, containers and taskset set; of the machine where none is."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads(at_once: int = 1) -> int:
    """Return how many threads each of `at_once` processes computes with: its share of the cores.

    OMP_NUM_THREADS, where it is set, is what somebody who knows of others on the machine wants of each: threads that
    wait for one another, and of which one has no core, can take thirty times as long.
    """
    return number("OMP_NUM_THREADS") or max(1, cores() // at_once)


def number(variable: str) -> int | None:
    """Return the number that an environment variable begins with; None for none, for 0 and for what is none."""
    wanted = os.environ.get(variable, "").partition(",")[0].strip()
    return int(wanted) or None if wanted.isdecimal() else None
