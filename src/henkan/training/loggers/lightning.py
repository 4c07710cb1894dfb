"""What loggers have in common that write through one of Lightning's."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only

from henkan.config.resolved import Config
from henkan.training.loggers.logger import Files, group_of, kind_of, tags, title_of
from henkan.training.recorder import Ended, Row


class ThroughLightning(Files):
    """One run with one continuous curve, whatever it was interrupted by, through a logger of Lightning's."""

    def __init__(self) -> None:
        self.logger: Logger | None = None
        # The last iteration of which everything is there already.
        self.known = -1

    @abstractmethod
    def open(self, record: Mapping[str, Any], config: Config) -> Logger:
        """Return the logger of the run, with its hyperparameters; say in `known` how far it has been shown."""

    @abstractmethod
    def picture(self, name: str, path: Path, iteration: int) -> None:
        """Show the picture in a file."""

    def start(self, folder: Path, record: Mapping[str, Any], config: Config, history: Sequence[Row]) -> None:
        super().start(folder, record, config, history)
        # This process is the first of its run; Lightning would believe what srun says of eight runs of one device.
        vars(rank_zero_only)["rank"] = 0
        self.logger = self.open(record, config)
        for row in history:
            self.log(row)
        for picture in self.written(history):
            self.show(*picture)

    def log(self, row: Row) -> None:
        iteration = int(row["iteration"])
        if self.logger is not None and iteration > self.known:
            self.logger.log_metrics(numbers(row), step=iteration)

    def show(self, name: str, path: Path, iteration: int) -> None:
        if self.logger is not None and iteration > self.known:
            self.picture(name, path, iteration)

    def finish(self, status: Ended, summary: Mapping[str, float]) -> None:
        if self.logger is not None:
            if summary:
                self.logger.log_metrics({f"test/{name}": value for name, value in summary.items()})
            self.logger.save()
            self.logger.finalize("success" if status in ("done", "stopped") else "failed")
            self.logger = None


def numbers(row: Row) -> dict[str, float]:
    """Return the numbers of a row: the phase is text, and what is not finite is no point of a curve."""
    return {
        name: float(value)
        for name, value in row.items()
        if isinstance(value, int | float) and math.isfinite(value) and name != "iteration"
    }


def told(record: Mapping[str, Any], config: Config, folder: Path) -> dict[str, str]:
    """Return what runs are grouped and told apart by, as tags."""
    found = {
        "title": title_of(record, folder),
        "identity": record["identity"],
        "task": tags(config)[0],
        "recipe": config.get("recipe"),
        "phases": ">".join(config["schedule"])[:64] or None,
        "group": group_of(record, config),
        "study": config.get("study"),
        "variant": config.get("variant"),
        "kind": kind_of(config),
        **{f"point.{axis}": value for axis, value in (config.get("point") or {}).items()},
    }
    return {name: str(value) for name, value in found.items() if value is not None}
