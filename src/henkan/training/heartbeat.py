"""A sign of life where nobody watches a bar: a line a minute on stderr."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl

from henkan.progress import Lines
from henkan.ranks import say

LOSS = "loss/"


class Heartbeat(pl.Callback):
    """Says the iteration, the pace, the time left and the losses of the last row, at the end of a stretch."""

    def __init__(self) -> None:
        self.lines: Lines | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if trainer.is_global_zero:
            self.lines = Lines(len(pl_module.schedule), "iteration", pl_module.iteration)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        if self.lines is not None and (line := self.lines.at(pl_module.iteration)):
            phase = pl_module.schedule.phase_at(pl_module.iteration - 1).name
            losses = {name: value for name, value in (pl_module.observed or {}).items() if name.startswith(LOSS)}
            values = "".join(f", {name.removeprefix(LOSS)} {value:.4g}" for name, value in losses.items())
            say(f"iteration {line} ({phase}){values}")
