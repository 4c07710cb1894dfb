"""Files that are not the project's, which no test may need: where they are absent, the tests that look are skipped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# The folder that HENKAN_TEST_FILES names, by default `shared` beside the checkout.
BESIDE = Path(os.environ.get("HENKAN_TEST_FILES", Path(__file__).parents[2] / "shared"))


def there(name: str) -> Path:
    """Return a file or folder of `BESIDE`."""
    path = BESIDE / name
    if not path.exists():
        pytest.skip(f"{name} is not there: put it into the folder that HENKAN_TEST_FILES names")
    return path


def published(name: str) -> Path:
    """Return a file of published weights."""
    return there(f"weights/{name}")
