"""Signals that ask a run to end: it does so between two iterations, with a checkpoint, and everywhere else at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytorch_lightning as pl

from henkan.errors import Interrupted
from henkan.ranks import largest_over_ranks

# A batch system's preemption and its warning before the time is up, Ctrl-C, and a terminal that has gone.
ASKING = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT, signal.SIGHUP)
GOES_ON = "the same command goes on from the last checkpoint"


class Signals:
    """While entered, what of `ASKING` arrives raises `Interrupted` at once, or is kept in `received` while `deferred`.

    A second Ctrl-C raises even then, and a third ends the process. What is ignored, as under nohup, stays ignored.
    """

    def __init__(self, goes_on: str = GOES_ON) -> None:
        self.goes_on = goes_on
        self.received: signal.Signals | None = None
        self.deferred = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Signals:
        # Python lets the main thread alone set handlers.
        if threading.current_thread() is threading.main_thread():
            found = {number: signal.getsignal(number) for number in ASKING}
            self._before = {number: handler for number, handler in found.items() if handler != signal.SIG_IGN}
            self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def listen(self) -> None:
        for number in self._before:
            signal.signal(number, self.receive)

    def receive(self, number: int, _: FrameType | None) -> None:
        again = self.received is not None and number == signal.SIGINT
        if self.deferred and not again:
            self.received = self.received or signal.Signals(number)
            return
        if again:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        raise Interrupted(f"interrupted by {word(number)}; {self.goes_on}", number)

    def raise_deferred(self) -> None:
        """Go back to raising at once, beginning with what has been kept."""
        self.deferred = False
        if self.received is not None:
            raise Interrupted(f"interrupted by {word(self.received)}; {self.goes_on}", self.received)


class Interruption(pl.Callback):
    """Ends training after the iteration in which a signal has come, once all that is due after it has been written.

    Several ranks agree at the end of a stretch: whichever was told, they all end there, and all call `save`.
    """

    def __init__(self, signals: Signals, save: Callable[[pl.Trainer, Any], None]) -> None:
        self.signals, self.save = signals, save

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self.signals.deferred = True
        # Again, since Lightning has put a handler of its own before ours by now.
        self.signals.listen()
        if trainer.world_size == 1:
            pl_module.stopping = lambda: self.signals.received is not None

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        number = largest_over_ranks(self.signals.received or 0, pl_module.device)
        if not number:
            return
        self.save(trainer, pl_module)
        place = f"{pl_module.iteration} of {len(pl_module.schedule)}"
        raise Interrupted(
            f"stopped at iteration {place} by {word(number)}; the same command goes on from there", number
        )

    def on_train_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self.signals.raise_deferred()


def word(number: int) -> str:
    """Return what a person calls a signal."""
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name


def ignore_in_worker(_: int) -> None:
    """Leave it to the process that a data worker works for when to end: a signal to the group reaches both."""
    for number in ASKING:
        signal.signal(number, signal.SIG_IGN)
