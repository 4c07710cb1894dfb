"""TensorBoard: `tensorboard --logdir outputs/runs` shows all runs below a folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import yaml
from pytorch_lightning.loggers import Logger, TensorBoardLogger

from henkan.config.resolved import Config
from henkan.errors import MissingPackage
from henkan.training.loggers.lightning import ThroughLightning, told
from henkan.training.recorder import Ended

FOLDER = "tensorboard"


class TensorBoard(ThroughLightning):
    """Writes the run folder's `tensorboard/`, anew at each start: from the history, so that there is one curve.

    Hyperparameters stand beside the final scores; before, the config is a text, as are the tags.
    """

    def __init__(self) -> None:
        super().__init__()
        if find_spec("tensorboard") is None:
            raise MissingPackage("logger=tensorboard needs the package tensorboard: pip install 'henkan[tensorboard]'")

    def open(self, record: Mapping[str, Any], config: Config) -> Logger:
        shutil.rmtree(self.folder / FOLDER, ignore_errors=True)
        self.tags, self.config = told(record, config, self.folder), config
        own = TensorBoardLogger(self.folder, name="", version=FOLDER, default_hp_metric=False)
        for name, content in (("tags", self.tags), ("config", dict(config))):
            # Four spaces make it a block of Markdown.
            text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
            own.experiment.add_text(name, "\n".join(f"    {line}" for line in text.splitlines()))
        return own

    def picture(self, name: str, path: Path, iteration: int) -> None:
        pixels = cv2.imread(str(path))
        if pixels is not None:
            self.writer.add_image(name, pixels[..., ::-1].copy(), iteration, dataformats="HWC")

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Show the scores as text, and the pictures of a column one behind the other."""
        if self.logger is None:
            return
        shown = [column for column in range(len(columns)) if not any(isinstance(row[column], Path) for row in rows)]
        lines = [[str(columns[column]) for column in shown], ["---"] * len(shown)]
        lines += [[in_words(row[column]) for column in shown] for row in rows]
        self.writer.add_text(name, "\n".join(f"| {' | '.join(line)} |" for line in lines))
        for place, column in enumerate(columns):
            paths = [row[place] for row in rows if isinstance(row[place], Path)]
            for number, path in enumerate(paths):
                self.picture(f"{name}/{column}", path, number)

    def finish(self, status: Ended, summary: Mapping[str, float]) -> None:
        if self.logger is not None and summary:
            scores = {f"test/{name}": value for name, value in summary.items()}
            assert isinstance(self.logger, TensorBoardLogger)
            self.logger.log_hyperparams({**self.tags, **dict(self.config)}, scores)
            summary = {}
        super().finish(status, summary)

    def shown(self, folder: Path) -> str | None:
        return "" if any((folder / FOLDER).glob("events.*")) else None

    @property
    def writer(self) -> Any:
        assert isinstance(self.logger, TensorBoardLogger)
        return self.logger.experiment


def in_words(value: Any) -> str:
    return "" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value).replace("|", "\\|")
