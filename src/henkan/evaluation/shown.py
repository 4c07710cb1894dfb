"""Shows a run that has ended from what it left in its folder: curves, pictures, scores, generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from henkan.config.resolved import Config
from henkan.evaluation.written import read_table
from henkan.training.loggers import RunLogger
from henkan.training.recorder import Ended, Row


def show_again(
    logger: RunLogger, folder: Path, record: Mapping[str, Any], config: Config, rows: Sequence[Row], status: Ended
) -> None:
    """Have a logger show a whole run, as it would have while the run was trained."""
    logger.start(folder, record, config, rows)
    if (found := read_table(folder)) is not None:
        logger.table(*found)
    logger.finish(status, record.get("metrics") or {})
