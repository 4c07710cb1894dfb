"""The logger through which `overhead.py` lets the framework and the bare loop take turns."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from bare import BareLoop

from henkan.training.loggers import RunLogger, Status

TURNS: list[tuple[float, float, float]] = []
"""Seconds an iteration takes, one row a turn: the framework's, the bare loop's, and the bare loop's that reads."""


class TakingTurns(RunLogger):
    """The configured logger, and after each of the framework's turns those of two bare loops."""

    def __init__(self, logger: RunLogger) -> None:
        self.logger = logger
        self.iteration = 0

    def start(self, record: Mapping[str, Any], config: Mapping[str, Any], rows: Any) -> None:
        self.logger.start(record, config, rows)
        self.bare = [BareLoop(config, reads) for reads in (False, True)]
        for loop in self.bare:
            loop.seconds(3)
        self.since = time.perf_counter()

    def log(self, row: Mapping[str, Any]) -> None:
        self.logger.log(row)
        iterations = row["iteration"] - self.iteration
        if "loss/generator" not in row or not iterations:
            return
        framework = (time.perf_counter() - self.since) / iterations
        memory, reading = (loop.seconds(iterations) / iterations for loop in self.bare)
        TURNS.append((framework, memory, reading))
        self.iteration, self.since = row["iteration"], time.perf_counter()

    def images(self, *panels: Any) -> None:
        self.logger.images(*panels)

    def table(self, *rows: Any) -> None:
        self.logger.table(*rows)

    def finish(self, status: Status, final: Mapping[str, float]) -> None:
        self.logger.finish(status, final)
