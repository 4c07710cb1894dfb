"""Trackio: a dashboard on this machine, without an account; `trackio show` opens it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from henkan.config.resolved import Config
from henkan.errors import MissingPackage
from henkan.training.loggers.lightning import numbers, told
from henkan.training.loggers.logger import Files, group_of
from henkan.training.recorder import Ended, Row


class Trackio(Files):
    """One run of Trackio's, named as the folder; written anew at each start, from the history: there is one curve.

    It lies where Trackio keeps its runs (TRACKIO_DIR). Trackio has no logger for Lightning.
    """

    def __init__(self, project: str) -> None:
        if find_spec("trackio") is None:
            raise MissingPackage("logger=trackio needs the package trackio: pip install 'henkan[trackio]'")
        self.project = project
        self.run: Any = None

    def start(self, folder: Path, record: Mapping[str, Any], config: Config, history: Sequence[Row]) -> None:
        import trackio

        super().start(folder, record, config, history)
        for earlier in self.runs(folder):
            earlier.delete()
        self.run = trackio.init(
            project=self.project,
            name=folder.name,
            group=group_of(record, config),
            config={**config, "tags": told(record, config, folder)},
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )
        for row in history:
            self.log(row)
        for picture in self.written(history):
            self.show(*picture)

    def log(self, row: Row) -> None:
        if self.run is not None:
            self.run.log(numbers(row), step=int(row["iteration"]))

    def show(self, name: str, path: Path, iteration: int) -> None:
        import trackio

        if self.run is not None:
            self.run.log({name: trackio.Image(str(path))}, step=iteration)

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        import trackio

        if self.run is not None:
            cells = [[trackio.Image(str(cell)) if isinstance(cell, Path) else cell for cell in row] for row in rows]
            self.run.log({name: trackio.Table(dataframe=pd.DataFrame(cells, columns=list(columns)))})

    def finish(self, status: Ended, summary: Mapping[str, float]) -> None:
        if self.run is not None:
            if summary:
                self.run.log({f"test/{name}": value for name, value in summary.items()})
            self.run.finish()
            self.run = None

    def shown(self, folder: Path) -> str | None:
        return "" if self.runs(folder) else None

    def runs(self, folder: Path) -> list[Any]:
        """Return the run of a folder that is there already, if it is."""
        import trackio

        try:
            found = trackio.Api().runs(self.project)
        except ValueError:
            # There is no such project yet.
            return []
        return [run for run in found if run.name == folder.name]
