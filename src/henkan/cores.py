"""How many processor cores this process may use."""

from __future__ import annotations

import os


def cores() -> int:
    """Return the size of the affinity mask, which SLURM, containers and taskset set; of the machine where none is."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
