"""What happens between iterations: rows, validation, checkpoints, the progress bar. Only rank 0 writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from torch import Tensor
from torch.utils.data import Dataset

from henkan.data.stream import Item
from henkan.sample import Sample
from henkan.scoring.evaluator import Evaluator
from henkan.training.loggers import RunLogger
from henkan.training.recorder import Recorder
from henkan.training.translator import Translator

# The discriminator has won when it tells nearly all real from fake for so many log steps in a row.
WON_ACCURACY = 0.99
WON_LOG_STEPS = 5


class Rows(pl.Callback):
    """Writes a row to `metrics.csv` and the logger at each log step; says so when the discriminator has won."""

    def __init__(self, run: Recorder, logger: RunLogger) -> None:
        self.run, self.logger = run, logger
        self.won = 0

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        observed, pl_module.observed = pl_module.observed, None
        if observed is None or not trainer.is_global_zero:
            return
        phase = pl_module.schedule.phase_at(pl_module.iteration - 1).name
        row = {"iteration": pl_module.iteration, "phase": phase, **observed}
        self.run.add_row(row)
        self.logger.log(row)
        self.watch(observed, pl_module.iteration)

    def watch(self, observed: Mapping[str, float], iteration: int) -> None:
        real, fake = (observed.get(f"discriminator/accuracy_{side}", 0.0) for side in ("real", "fake"))
        self.won = self.won + 1 if min(real, fake) > WON_ACCURACY else 0
        if self.won == WON_LOG_STEPS:
            message = (
                f"the discriminator has won at iteration {iteration} (accuracy {real:.3f} on real, {fake:.3f} on fake) "
                "and teaches little now; lower its learning rate, shorten its own phase, or regularize it"
            )
            self.run.warn(message)


class Validation(pl.Callback):
    """Scores the generator (its average, where there is one) on validation pictures, and shows some."""

    def __init__(
        self,
        run: Recorder,
        logger: RunLogger,
        evaluator: Evaluator,
        scored: Dataset[Item],
        every: int,
        pictures: int | None,
        panels: int,
    ) -> None:
        self.run, self.logger, self.evaluator, self.scored = run, logger, evaluator, scored
        self.every, self.limit, self.panels = every, pictures, panels

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        iteration, last = pl_module.iteration, len(pl_module.schedule)
        if not trainer.is_global_zero or (iteration % self.every and iteration != last):
            return
        shown: list[dict[str, Tensor]] = []

        def keep(_: int, sample: Sample) -> None:
            if len(shown) < self.panels:
                shown.append({name: value.cpu() for name, value in pl_module.task.panels(sample).items()})

        scores = self.evaluator.evaluate(pl_module.transform, evaluated(pl_module), self.scored, self.limit, keep)
        row = {"iteration": iteration, **{f"val/{name}": value for name, value in scores.means().items()}}
        phase = pl_module.schedule.phase_at(iteration - 1).name
        self.run.add_row({"phase": phase, **row})
        self.logger.log(row)
        self.logger.images("validation", shown, iteration)


class Checkpoints(pl.Callback):
    """Saves every so many iterations, at each phase boundary and at the end; offers boundaries to other runs."""

    def __init__(self, run: Recorder, every: int, prefixes: Mapping[int, str]) -> None:
        self.run, self.every, self.prefixes = run, every, prefixes

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        iteration = pl_module.iteration
        if iteration % self.every and iteration not in pl_module.schedule.ends:
            return
        pl_module.tally.check()
        if not trainer.is_global_zero:
            return
        state = pl_module.state()
        if iteration in self.prefixes:
            # First, so that a run killed in between offers the boundary when it comes back to it.
            judged = pl_module.schedule.updates("discriminator", iteration) > 0
            self.run.offer(self.prefixes[iteration], state, judged)
        self.run.save(state)


class Restore(pl.Callback):
    """Puts optimizers, schedulers and gradients back, once Lightning has made the former and cleared the latter."""

    def __init__(self, state: Mapping[str, Any] | None) -> None:
        self.state = state

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if self.state is not None:
            pl_module.restore(self.state)
            self.state = None


class Bar(pl.Callback):
    """A progress bar over the whole run, with the time left."""

    def __init__(self, title: str) -> None:
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[state]}"),
            console=Console(stderr=True),
            refresh_per_second=2,
        )
        self.title = title
        self.task: TaskID | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if trainer.is_global_zero:
            self.task = self.progress.add_task(
                self.title, total=len(pl_module.schedule), completed=pl_module.iteration, state=""
            )
            self.progress.start()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        if self.task is not None:
            phase = pl_module.schedule.phase_at(pl_module.iteration - 1).name
            self.progress.update(self.task, completed=pl_module.iteration, state=phase)

    def on_train_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self.progress.stop()

    def on_exception(self, trainer: pl.Trainer, pl_module: Any, exception: BaseException) -> None:
        self.progress.stop()


def evaluated(translator: Translator) -> torch.nn.Module:
    """Return the generator that is scored: the average where there is one."""
    return translator.generator if translator.average is None else translator.average.network
