"""Memory that tensors of a CPU have left is kept by this process for those that follow."""

from __future__ import annotations

import ctypes

# Numbers of glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
# Tensors below a GiB come from memory that stays; of what is free at its end, so much does, all that an int can say.
LARGEST, KEPT = 2**30, 2**31 - 1


def keep_freed() -> bool:
    """Let glibc keep what is freed, where this process has it; return whether it will.

    By default it asks the system for every block of more than 32 MiB and gives it back at once, so that each activation
    of a larger network is memory that the system has to find, clear and map page by page, anew in each iteration: a
    fifth of the time on a CPU. What is computed is the same. The process stays as large as it once was.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST)) and bool(mallopt(M_TRIM_THRESHOLD, KEPT))
