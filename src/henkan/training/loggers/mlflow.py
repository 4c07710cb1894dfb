"""MLflow: a file that `mlflow ui` shows, or a tracking server."""

from __future__ import annotations

import csv
import io
import logging
import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from filelock import FileLock
from pytorch_lightning.loggers import Logger, MLFlowLogger

from henkan.config.resolved import Config
from henkan.errors import MissingPackage, UserError
from henkan.ranks import say
from henkan.training.loggers.lightning import ThroughLightning, told
from henkan.training.loggers.logger import title_of
from henkan.training.recorder import Ended

# What MLflow says of a run that has been deleted.
GONE = "RESOURCE_DOES_NOT_EXIST"

# In the run folder, what holds the id of its run and where that is; beside the runs, the file of all of them.
FOLDER, DATABASE, ARTIFACTS = "mlflow", "mlflow.db", "mlflow"
# Only these lack in the package without a server that the extra asks for.
NEEDED = ("mlflow", "sqlalchemy", "alembic")


class MLflow(ThroughLightning):
    """One run of MLflow, gone on with where it ended, in an experiment of many.

    `uri` is the tracking server's or file's; null: `mlflow.db` beside the runs. What is there is not written again. Its
    iterations count: those beyond the checkpoint of a run that was killed stay as they were.
    """

    def __init__(self, experiment: str, uri: str | None) -> None:
        super().__init__()
        if not all(find_spec(name) for name in NEEDED):
            raise MissingPackage("logger=mlflow needs the package mlflow: pip install 'henkan[mlflow]'")
        self.experiment, self.uri = experiment, uri

    def open(self, record: Mapping[str, Any], config: Config) -> Logger:
        # It tells of each migration of a new file.
        logging.getLogger("alembic").setLevel(logging.WARNING)
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        runs = self.folder.parent.absolute()
        self.address = self.uri or f"sqlite:///{runs / DATABASE}"
        place = self.folder / FOLDER / "run"
        before = place.read_text(encoding="utf-8").split("\n") if place.is_file() else []
        known = before[0] if len(before) > 1 and before[1] == self.address else None
        from mlflow.exceptions import MlflowException
        from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST
        from sqlalchemy.exc import SQLAlchemyError

        tags = {**told(record, config, self.folder), "mlflow.source.name": "henkan"}
        artifacts = None if self.uri else (runs / ARTIFACTS).as_uri()

        def opened(run: str | None) -> MLFlowLogger:
            own = MLFlowLogger(
                self.experiment, title_of(record, self.folder)[:250], self.address, dict(tags),
                artifact_location=artifacts, run_id=run,
            )  # fmt: skip
            # The first of several runs at once makes the file, and the experiment.
            with FileLock(runs / ".mlflow.lock"):
                own.experiment  # noqa: B018
            return own

        try:
            try:
                own = opened(known)
                if known is not None and own.experiment.get_run(known).info.lifecycle_stage == "deleted":
                    raise MlflowException("it is deleted", RESOURCE_DOES_NOT_EXIST)
            except MlflowException as error:
                if known is None or error.error_code != GONE:
                    raise
                say(f"MLflow: there is no run {known} any more, so that it is shown in a new one")
                known, own = None, opened(None)
        except (MlflowException, SQLAlchemyError) as error:
            raise UserError(f"logger=mlflow: {self.address} cannot be written: {first(error)}") from error
        if known is None:
            own.log_hyperparams(dict(config))
            place.parent.mkdir(exist_ok=True)
            place.write_text(f"{own.run_id}\n{self.address}\n", encoding="utf-8")
        else:
            own.experiment.set_terminated(own.run_id, "RUNNING")
            # The last one is written once more: a kill may have come between its rows.
            self.known = int(own.experiment.get_run(own.run_id).data.metrics.get("iteration", 0)) - 1
        return own

    def log(self, row: Mapping[str, float | int | str]) -> None:
        iteration = int(row["iteration"])
        super().log(row)
        if self.logger is not None and iteration > self.known:
            self.logger.log_metrics({"iteration": iteration}, step=iteration)

    def picture(self, name: str, path: Path, iteration: int) -> None:
        self.client.log_artifact(self.run_id, str(path), name)

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Keep a table as CSV, and its pictures beside it."""
        if self.logger is None:
            return
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(columns)
        for row in rows:
            writer.writerow([cell.name if isinstance(cell, Path) else cell for cell in row])
            for cell in row:
                if isinstance(cell, Path):
                    self.client.log_artifact(self.run_id, str(cell), f"{name}/pictures")
        self.client.log_text(self.run_id, text.getvalue(), f"{name}/scores.csv")

    def finish(self, status: Ended, summary: Mapping[str, float]) -> None:
        if self.logger is not None:
            self.client.set_tag(self.run_id, "status", status)
            if status == "interrupted":
                client, run = self.client, self.run_id
                super().finish(status, summary)
                client.set_terminated(run, "KILLED")
                return
        super().finish(status, summary)

    def shown(self, folder: Path) -> str | None:
        return "" if (folder / FOLDER / "run").is_file() else None

    @property
    def client(self) -> Any:
        assert isinstance(self.logger, MLFlowLogger)
        return self.logger.experiment

    @property
    def run_id(self) -> str:
        assert isinstance(self.logger, MLFlowLogger) and self.logger.run_id is not None
        return self.logger.run_id


def first(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
