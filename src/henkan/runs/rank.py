"""Which process of a distributed run this is, and who speaks."""

from __future__ import annotations

import sys

from pytorch_lightning.utilities import rank_zero_only


def is_first_rank() -> bool:
    """Whether this process is the one that writes; known before Lightning's trainer exists."""
    return getattr(rank_zero_only, "rank", 0) == 0


def say(message: str) -> None:
    """Tell a person something, on stderr, once however many processes there are."""
    if is_first_rank():
        print(f"henkan: {message}", file=sys.stderr, flush=True)
