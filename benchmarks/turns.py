"""The logger through which the framework and loops written by hand take turns."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from henkan.config.composition import compose_root
from henkan.config.resolved import Config
from henkan.training.loggers import RunLogger
from henkan.training.recorder import Ended
from henkan.verbs import train

TURNS: list[list[float]] = []
"""Seconds an iteration takes, one row a turn: the framework's, then each loop's."""


class Loop(Protocol):
    """A training loop written by hand."""

    def seconds(self, iterations: int) -> float:
        """Return how long so many iterations take."""
        ...


class TakingTurns(RunLogger):
    """The configured logger, and after each of the framework's turns one of each loop."""

    def __init__(self, logger: RunLogger, loops: Sequence[Callable[[Mapping[str, Any]], Loop]]) -> None:
        self.logger, self.factories = logger, loops
        self.iteration = 0

    def start(self, folder: Path, record: Mapping[str, Any], config: Config, rows: Any) -> None:
        self.logger.start(folder, record, config, rows)
        self.loops = [factory(config) for factory in self.factories]
        for loop in self.loops:
            loop.seconds(3)
        self.since = time.perf_counter()

    def log(self, row: Mapping[str, Any]) -> None:
        self.logger.log(row)
        iterations = row["iteration"] - self.iteration
        if "loss/generator" not in row or not iterations:
            return
        framework = (time.perf_counter() - self.since) / iterations
        TURNS.append([framework, *(loop.seconds(iterations) / iterations for loop in self.loops)])
        self.iteration, self.since = row["iteration"], time.perf_counter()

    def images(self, *panels: Any) -> None:
        self.logger.images(*panels)

    def table(self, *rows: Any) -> None:
        self.logger.table(*rows)

    def finish(self, status: Ended, final: Mapping[str, float]) -> None:
        self.logger.finish(status, final)


def measure(overrides: Sequence[str], *loops: Mapping[str, Any]) -> list[float]:
    """Return the framework's iterations per second, and its speed as a multiple of each loop's.

    The multiples are medians over the turns. A loop is a config node; it is called with the resolved config.
    """
    TURNS.clear()
    with tempfile.TemporaryDirectory() as folder:
        config = compose_root("train", [*overrides, f"paths.runs={folder}"])
        config.logger = {
            "_target_": "turns.TakingTurns",
            "logger": config.logger,
            "loops": [{**loop, "_partial_": True} for loop in loops],
        }
        train.main(config)
    # The first turn pays for first times: threads, kernels, files.
    turns = TURNS[1:]
    multiples = [statistics.median(turn[1 + k] / turn[0] for turn in turns) for k in range(len(loops))]
    return [1.0 / statistics.median(turn[0] for turn in turns), *multiples]
