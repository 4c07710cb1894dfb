"""Measure what `henkan train` costs beyond a bare PyTorch loop, in one process, the two taking turns.

    uv run python benchmarks/overhead.py [laptop] [full] [hydra overrides ...]

Each turn of the framework is followed by as many iterations of the bare loop, so that a machine that slows
down or is shared slows both. The bare loop hangs on the logger: the framework runs as it is, its own logger
included.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from typing import Any

from bare import BareLoop
from omegaconf import DictConfig

from henkan import train
from henkan.composition import compose_root
from henkan.training.loggers import RunLogger

COMMON = (
    "experiment=glcic",
    "schedule=single",
    "optimizer=adam",
    "trainer.bar=false",
    # Validation, scores and checkpoints are work, not overhead; checkpoints are saved at the end only.
    "validation.every=1_000_000_000",
    "validation.pictures=1",
    "evaluation.split=null",
    "checkpoint.every=1_000_000_000",
    # Scores that need nothing to be computed or found.
    "metric=[psnr]",
    "rerun=true",
)
CASES = {
    "laptop": (0.95, ("scale=laptop", "trainer.log_every=50", "schedule.joint.iterations=550")),
    "full": (
        0.98,
        (
            "scale=laptop",
            "scale.width=1.0",
            "scale.size=128",
            "scale.batch=4",
            "trainer.log_every=5",
            "schedule.joint.iterations=45",
        ),
    ),
}
LOSSES = ("[mse]", "[mse,adversarial]")
TURNS: list[tuple[float, float]] = []
"""Seconds an iteration takes: the framework's, then the bare loop's, one pair a turn."""


class TakingTurns(RunLogger):
    """The configured logger, and after each of the framework's turns the bare loop's."""

    def __init__(self, logger: RunLogger) -> None:
        self.logger = logger
        self.iteration = 0

    def start(self, record: Mapping[str, Any], config: Mapping[str, Any], rows: Any) -> None:
        self.logger.start(record, config, rows)
        self.bare = BareLoop(config)
        self.bare.seconds(3)
        self.since = time.perf_counter()

    def log(self, row: Mapping[str, Any]) -> None:
        self.logger.log(row)
        iterations = row["iteration"] - self.iteration
        if "loss/generator" not in row or not iterations:
            return
        framework = (time.perf_counter() - self.since) / iterations
        TURNS.append((framework, self.bare.seconds(iterations) / iterations))
        self.iteration, self.since = row["iteration"], time.perf_counter()

    def images(self, *panels: Any) -> None:
        self.logger.images(*panels)

    def table(self, *rows: Any) -> None:
        self.logger.table(*rows)

    def finish(self, status: str, final: Mapping[str, Any]) -> None:
        self.logger.finish(status, final)


def measure(overrides: list[str]) -> tuple[float, float, float]:
    """Return the iterations per second of the framework and the bare loop, and the ratio of the turns."""
    TURNS.clear()
    with tempfile.TemporaryDirectory() as folder:
        config: DictConfig = compose_root("train", [*overrides, f"paths.runs={folder}"])
        config.logger = {"_target_": "overhead.TakingTurns", "logger": config.logger}
        train.main(config)
    # The first turn pays for first times: threads, kernels, files.
    framework, bare = zip(*TURNS[1:], strict=True)
    ratio = statistics.median(b / f for f, b in TURNS[1:])
    return 1.0 / statistics.median(framework), 1.0 / statistics.median(bare), ratio


def main(words: list[str]) -> None:
    chosen = [word for word in words if word in CASES] or list(CASES)
    overrides = [word for word in words if word not in CASES]
    lines = [f"{'case':8}{'loss':20}{'henkan it/s':>13}{'bare it/s':>12}{'ratio':>8}{'wanted':>8}"]
    for case in chosen:
        wanted, settings = CASES[case]
        for loss in LOSSES:
            framework, bare, ratio = measure([*COMMON, *settings, f"loss={loss}", *overrides])
            lines.append(f"{case:8}{loss:20}{framework:13.2f}{bare:12.2f}{ratio:8.3f}{wanted:8.2f}")
    print("\n".join(lines))


if __name__ == "__main__":
    # The config names the logger by this file's name: one module, not a second copy beside __main__.
    sys.modules["overhead"] = sys.modules["__main__"]
    main(sys.argv[1:])
