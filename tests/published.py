"""Published weights, which no test may need: where they are absent, the tests that look at them are skipped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def published(name: str) -> Path:
    """Return a file of weights, from $HENKAN_WEIGHTS or a folder shared/weights beside or above this checkout."""
    own = os.environ.get("HENKAN_WEIGHTS")
    folders = [Path(own)] if own else [folder / "shared" / "weights" for folder in Path(__file__).parents]
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    pytest.skip(f"{name} is missing: put it into a folder and name that in HENKAN_WEIGHTS")
