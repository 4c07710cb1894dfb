"""What is said of a network of the zoo in `experiments/zoo/NAME.yaml`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import yaml

from henkan.errors import UserError
from henkan.files import read_text


@dataclass(frozen=True)
class Sheet:
    """What is said of a network, all of which no command could find out.

    `train`: the overrides that train it. `test`: those under which `scores` are taken, of which the first decides.
    `baseline` is what it has to beat, in words, and `instead` the overrides that make it. `cannot`: what it cannot do.
    """

    title: str
    train: list[str]
    data: str
    licence: str
    test: list[str]
    scores: list[str]
    baseline: str
    instead: list[str]
    cannot: str

    @classmethod
    def read(cls, path: Path) -> Sheet:
        """Read a sheet. Raises `UserError` for one that lacks a key, or has one of another name."""
        found = yaml.safe_load(read_text(path, "name a network that has one"))
        names = [field.name for field in fields(cls)]
        if not isinstance(found, dict) or sorted(found) != sorted(names):
            raise UserError(f"{path} is to say {', '.join(names)}, and nothing else")
        return cls(**found)
