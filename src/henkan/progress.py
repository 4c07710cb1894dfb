"""How far something long is, told to a person: a bar in a terminal, a line a minute where there is none."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from henkan.ranks import is_first_rank, say

# Seconds from line to line.
EVERY = 60.0
# The pace is that of so many lines, so that what comes now and then (a validation, say) is in it.
REMEMBERED = 10


class Lines:
    """When a line is due, and what it says: how many of `total` are done, how fast, and the time left.

    `unit` is what is counted, in the singular; `done` is where the count starts.
    """

    def __init__(self, total: int, unit: str, done: int = 0, every: float = EVERY) -> None:
        self.total, self.unit, self.every = total, unit, every
        self.marks: deque[tuple[float, int]] = deque([(time.monotonic(), done)], maxlen=REMEMBERED + 1)

    def at(self, done: int) -> str | None:
        """Return the line, as in `1,200 of 7,200, 11.2 iterations/s, 9 min left`; None as long as none is due."""
        now = time.monotonic()
        if now - self.marks[-1][0] < self.every:
            return None
        since, before = self.marks[0]
        self.marks.append((now, done))
        each = (now - since) / max(done - before, 1e-9)
        pace = f"{1 / each:.1f} {self.unit}s/s" if each < 1 else f"{each:.1f} s/{self.unit}"
        return f"{done:,} of {self.total:,}, {pace}, {duration(each * (self.total - done))} left"


def duration(seconds: float) -> str:
    """Return a time in its two largest units: `45 s`, `9 min`, `3 h 20 min`, `2 d 3 h`."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24} h"


@contextmanager
def followed(title: str, total: int, unit: str) -> Iterator[Callable[[], None]]:
    """Give what is called after each of `total` things, to show how far they are."""
    console = Console(stderr=True)
    lines, done = Lines(total, unit), 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    shown = console.is_terminal and is_first_rank()
    with Progress(*columns, console=console, disable=not shown) as progress:
        task = progress.add_task(title, total=total)

        def advance() -> None:
            nonlocal done
            done += 1
            if shown:
                progress.advance(task)
            elif line := lines.at(done):
                say(f"{title}: {line}")

        yield advance


# Who is told how far something within a step is; most of the time nobody.
_listener: ContextVar[Callable[[int, int, str], None] | None] = ContextVar("listener", default=None)


@contextmanager
def listening(name: str, every: float = EVERY) -> Iterator[None]:
    """Tell a person, after `every` seconds and again after as many, how far what `report` hears of is, in the block."""
    lines: Lines | None = None

    def listen(done: int, total: int, unit: str) -> None:
        nonlocal lines
        if lines is None or (lines.total, lines.unit) != (total, unit):
            lines = Lines(total, unit, done, every)
        if line := lines.at(done):
            say(f"{name}: {line}")

    token = _listener.set(listen)
    try:
        yield
    finally:
        _listener.reset(token)


def report(done: int, total: int, unit: str) -> None:
    """Say within something long how far it is, in things called `unit`; costs nothing where nobody listens."""
    if (listen := _listener.get()) is not None:
        listen(done, total, unit)
