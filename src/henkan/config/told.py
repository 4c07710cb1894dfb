"""What tells the runs of a sweep apart, in words: what was set, without what their names say already."""

from __future__ import annotations

import re
from collections.abc import Sequence

# What is left out: what the name says already, where things lie, how they are shown and scored.
SAID = ("experiment", "loss", "point", "recipe", "scale", "seed", "study", "swept", "variant")
UNTOLD = (
    "checkpoint",
    "evaluation",
    "hydra",
    "logger",
    "metric",
    "objective",
    "paths",
    "rerun",
    "trainer",
    "validation",
)
# The longest that a folder's name says of a sweep, in characters: file systems take names of 255 bytes.
LONGEST = 80


def told(overrides: Sequence[str]) -> dict[str, str]:
    """Return what was set by its name: of a key the last word, unless another one ends the same; of a path its end."""
    pairs = [word.lstrip("+~").partition("=")[::2] for word in overrides]
    found = {
        key: value.strip("'").rpartition("/")[2]
        for key, value in pairs
        if key.partition(".")[0] not in (*SAID, *UNTOLD) and value
    }
    ends = [key.rpartition(".")[2] for key in found]
    short = [key if ends.count(end) > 1 else end for key, end in zip(found, ends, strict=True)]
    return dict(zip(short, found.values(), strict=True))


def for_a_name(overrides: Sequence[str]) -> str:
    """Return what was set as a part of a folder's name, `adversarial_0.01-width_0.5`; empty where nothing was.

    Of letters, digits and `.+-_` alone, so that neither a shell nor Hydra reads anything else in it. What makes it too
    long is left out, the last first.
    """
    words = [re.sub(r"[^A-Za-z0-9.+-]+", "_", f"{key}_{value}").strip("_") for key, value in told(overrides).items()]
    while len(words) > 1 and len("-".join(words)) > LONGEST:
        words.pop()
    return "-".join(words)[:LONGEST]
