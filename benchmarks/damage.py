"""Damages a file in every way, reads it as the program does, and counts what comes of it."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.table import Table

from henkan.config.explain import explain

OUTCOMES = ("one line", "harmless", "silent", "traceback")


@dataclass
class Tally:
    """Outcomes by what was damaged, and examples of the bad ones."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)

    def add(self, name: str, outcome: str, what: str) -> None:
        self.counts.setdefault(name, Counter())[outcome] += 1
        if outcome in OUTCOMES[2:]:
            self.examples.append(f"{outcome}: {name}, {what}")

    def table(self) -> Table:
        table = Table("file", "tried", *OUTCOMES)
        for name, counts in self.counts.items():
            table.add_row(name, str(counts.total()), *(str(counts[outcome]) for outcome in OUTCOMES))
        total: Counter[str] = sum(self.counts.values(), Counter())
        table.add_section()
        table.add_row("all", str(total.total()), *(str(total[outcome]) for outcome in OUTCOMES))
        return table


def faults(content: bytes, flips: int, rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yield damaged contents, each with what was done: a few gross ways, then single flipped bits."""
    yield "emptied", b""
    yield "cut to half", content[: len(content) // 2]
    yield "cut by a byte", content[:-1]
    begin = int(rng.integers(len(content)))
    # Where there were zeros already, that is none.
    block = content[:begin] + bytes(min(64, len(content) - begin)) + content[begin + 64 :]
    yield f"64 zeros at {begin}", block
    for bit in rng.choice(8 * len(content), min(flips, 8 * len(content)), replace=False).tolist():
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        yield f"bit {bit} flipped", bytes(flipped)


def equal(first: Any, second: Any) -> bool:
    if isinstance(first, torch.Tensor):
        return isinstance(second, torch.Tensor) and first.dtype == second.dtype and torch.equal(first, second)
    if isinstance(first, np.ndarray):
        return isinstance(second, np.ndarray) and first.dtype == second.dtype and np.array_equal(first, second)
    if isinstance(first, dict):
        return (
            isinstance(second, dict)
            and list(first) == list(second)
            and all(map(equal, first.values(), second.values()))
        )
    if isinstance(first, list | tuple):
        return isinstance(second, type(first)) and len(first) == len(second) and all(map(equal, first, second))
    return type(first) is type(second) and bool(first == second)


def read_damaged(
    name: str, path: Path, read: Callable[[], Any], tally: Tally, flips: int, rng: np.random.Generator
) -> None:
    """Damage a file in every way, read it each time as `read` does, and put it back."""
    content, before = path.read_bytes(), read()
    for what, damaged in faults(content, flips, rng):
        path.write_bytes(damaged)
        told = io.StringIO()
        try:
            with redirect_stderr(told):
                now = read()
        except Exception as error:
            line, _ = explain(error, "train", [])
            outcome = "traceback" if line is None or "\n" in line else "one line"
            what = f"{what}: {type(error).__name__}: {error}"
        else:
            outcome = "harmless" if equal(before, now) else "one line" if path.name in told.getvalue() else "silent"
        tally.add(name, outcome, what)
        path.write_bytes(content)


def commonest(content: bytes, rng: np.random.Generator) -> list[tuple[str, bytes]]:
    """Return what happens to files most: emptied, cut to half, one bit flipped."""
    emptied, half, *_, flipped = faults(content, 1, rng)
    return [emptied, half, flipped]
