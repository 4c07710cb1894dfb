"""What a person is told beside the results: lines on stderr, each under henkan's name."""

from __future__ import annotations

import sys


def say(message: str) -> None:
    """Tell a person something, on stderr; where several processes train together, see `henkan.ranks.say`."""
    print(f"henkan: {message}", file=sys.stderr, flush=True)
