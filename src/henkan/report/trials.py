"""The files that a search writes about its trials, read back."""

from __future__ import annotations

import hashlib
from pathlib import Path

from henkan.config.searches import ASKED, TRIALS
from henkan.files import Damaged, read_sealed, read_text

AGAIN = "henkan search writes it again"


def read_trials(folder: Path) -> tuple[str, dict[str, str | float]]:
    """Return the rows of a search, as CSV, and what is better of each objective, where the search has written it.

    That is `higher`, `lower`, or the number that what is nearer to is better.

    Raises `Damaged` for rows that the search has not written so.
    """
    told = read_sealed(folder / ASKED, AGAIN) if (folder / ASKED).is_file() else {}
    text = read_text(folder / TRIALS, AGAIN)
    # Of before searches wrote it, there is none; nor where a search is published.
    if TRIALS in told and hashlib.sha256(text.encode()).hexdigest() not in told[TRIALS]:
        raise Damaged(f"{folder / TRIALS} is not what was written there (edited or damaged); {AGAIN}")
    return text, {name: way for name, way in told.items() if way in ("higher", "lower") or isinstance(way, float)}
