"""What happens between iterations: rows, validation, checkpoints, the progress bar. Only rank 0 writes."""

from __future__ import annotations

import math
import resource
import sys
import time
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
from henkan.training.feed import Feed
from henkan.training.keeping import Keeping
from henkan.training.loggers import RunLogger
from henkan.training.recorder import Recorder
from henkan.training.state import State
from henkan.training.translator import Translator

# The discriminator has won when it tells nearly all real from fake for so many log steps in a row.
WON_ACCURACY = 0.99
WON_LOG_STEPS = 5


class Rows(pl.Callback):
    """Writes a row to `metrics.csv` and the logger at each log step; says so when the discriminator has won.

    Beside what was observed a row holds what an iteration took since the last one: `time/iteration`, and of that
    `time/data` waiting for the batch, in seconds, without validations and checkpoints; and in GiB on a GPU
    `memory/peak`, the most that was allocated so far, elsewhere `memory/resident`, the most that the process has held.
    """

    def __init__(self, run: Recorder, logger: RunLogger, feed: Feed) -> None:
        self.run, self.logger, self.feed = run, logger, feed
        self.won = 0
        self.seconds, self.begun, self.counted = 0.0, 0.0, feed.start

    def on_train_batch_start(self, *_: Any) -> None:
        self.begun = time.perf_counter()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        # Reading the tally has waited for the device, so that this is not only the time it took to ask.
        self.seconds += time.perf_counter() - self.begun
        iteration = pl_module.iteration
        if not pl_module.is_log_step(iteration - 1) or not trainer.is_global_zero:
            return
        observed = pl_module.observed
        phase = pl_module.schedule.phase_at(iteration - 1).name
        row = {"iteration": iteration, "phase": phase, **observed, **self.measured(iteration, pl_module.device)}
        self.run.add_row(row)
        self.logger.log(row)
        self.watch(observed, iteration)

    def measured(self, iteration: int, device: torch.device) -> dict[str, float]:
        """Return what an iteration took since the last call."""
        iterations = iteration - self.counted
        seconds = {"time/iteration": self.seconds, "time/data": self.feed.waiting.seconds}
        found = {name: round(value / iterations, 6) for name, value in seconds.items()}
        self.seconds, self.feed.waiting.seconds, self.counted = 0.0, 0.0, iteration
        if device.type == "cuda":
            found["memory/peak"] = torch.cuda.max_memory_allocated(device) / 2**30
        else:
            # In kibibytes; in bytes on macOS.
            held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            found["memory/resident"] = round(held / 2 ** (30 if sys.platform == "darwin" else 20), 3)
        return found

    def watch(self, observed: Mapping[str, float], iteration: int) -> None:
        # Each stream that is judged has accuracies of its own: the discriminator has won where it wins on all of them.
        real, fake = (
            min(
                (value for name, value in observed.items() if name.startswith(f"discriminator/accuracy_{side}")),
                default=0.0,
            )
            for side in ("real", "fake")
        )
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
    """Saves every so many iterations, every so many minutes, at each phase boundary and at the end.

    Keeps what is to stay; offers boundaries to other runs. The clocks are those of rank 0 alone, and decide at log
    steps only: there every rank has just seen that its losses are finite.
    """

    def __init__(
        self, run: Recorder, every: int, minutes: float | None, keeping: Keeping, prefixes: Mapping[int, str]
    ) -> None:
        self.run, self.every, self.keeping, self.prefixes = run, every, keeping, prefixes
        self.patience = math.inf if minutes is None else 60.0 * minutes
        self.kept_patience = math.inf if keeping.minutes is None else 60.0 * keeping.minutes
        self.since = self.kept_since = time.monotonic()
        self.saved: int | None = None

    def on_train_start(self, *_: Any) -> None:
        self.since = self.kept_since = time.monotonic()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        iteration = pl_module.iteration
        due = iteration % self.every == 0 or iteration in pl_module.schedule.ends
        perhaps = self.keeping.due(iteration)
        if due or perhaps:
            pl_module.tally.check()
            pl_module.tally.share()
        told, now = pl_module.is_log_step(iteration - 1), time.monotonic()
        overdue = told and now - self.since > self.patience
        for_good = told and now - self.kept_since > self.kept_patience
        if trainer.is_global_zero and (due or perhaps or overdue or for_good):
            self.write(pl_module, only_if_it_stays=not (due or overdue), for_good=for_good)

    def save(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Save the state after this iteration, unless that has been done; all ranks call this."""
        pl_module.tally.check()
        pl_module.tally.share()
        if trainer.is_global_zero and self.saved != pl_module.iteration:
            self.write(pl_module)

    def write(self, pl_module: Any, only_if_it_stays: bool = False, for_good: bool = False) -> None:
        """Write the checkpoint of this iteration, and drop those that are to stay no longer."""
        iteration, schedule = pl_module.iteration, pl_module.schedule
        kept = {each for each in self.run.kept() if each <= iteration}
        staying = self.keeping.staying({*kept, iteration}, self.run.rows)
        if for_good:
            staying.add(iteration)
            self.kept_since = time.monotonic()
        if only_if_it_stays and iteration not in staying:
            return
        state: State = pl_module.state()
        state["phases"] = schedule.until(iteration)
        if iteration in self.prefixes:
            # First, so that a run killed in between offers the boundary when it comes back to it.
            self.run.offer(self.prefixes[iteration], state, schedule.updates("discriminator", iteration) > 0)
        self.run.save(state, keep=iteration in staying, for_good=for_good)
        self.saved, self.since = iteration, time.monotonic()
        if self.keeping.best:
            self.run.drop(kept - staying)


class Restore(pl.Callback):
    """Puts optimizers, schedulers and gradients back, once Lightning has made the former and cleared the latter."""

    def __init__(self, state: State | None) -> None:
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
