"""What a sweep costs from one run to the next beyond the run itself, with `logger=csv` and with W&B.

Two sweeps of the same tiny run, one of `FEW` seeds and one of `MANY`: the slope of the wall time is what one more
run costs, and the runs say themselves how long they trained. The difference is what the sweep adds: forking a
process, composing and planning the config, and starting and finishing the logger.

    uv run python benchmarks/sweep.py
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FEW, MANY = 2, 8
RUN = ["experiment=glcic", "scale=smoke", "evaluation.split=null", "validation.every=100000"]


def sweep(logger: str, seeds: int, runs: Path) -> tuple[float, float]:
    """Return the wall time of a sweep, and the seconds its runs spent in the training loop, in all."""
    words = ["-m", *RUN, f"logger={logger}", f"paths.runs={runs}", f"seed=range({seeds})"]
    since = time.perf_counter()
    subprocess.run([sys.executable, "-m", "henkan", "train", *words], check=True, capture_output=True)
    wall = time.perf_counter() - since
    records = [json.loads(path.read_text()) for path in runs.glob("*/run.json")]
    assert len(records) == seeds, f"{len(records)} of {seeds} runs"
    return wall, sum(record["seconds"] for record in records)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for logger in ("csv", "wandb"):
            few, few_trained = sweep(logger, FEW, Path(folder) / f"{logger}-few")
            many, many_trained = sweep(logger, MANY, Path(folder) / f"{logger}-many")
            slope, trained = (many - few) / (MANY - FEW), (many_trained - few_trained) / (MANY - FEW)
            print(
                f"{logger:>6}: {slope:.2f} s a run, of which {trained:.2f} s training: {slope - trained:.2f} s beyond"
            )


if __name__ == "__main__":
    main()
