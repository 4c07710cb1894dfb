"""What a sweep costs from one run to the next beyond the run itself, with `logger=csv` and with W&B.

Two sweeps of the same tiny run, one of `FEW` seeds and one of `MANY`: the slope of the wall time is what one more
run costs, and the runs say themselves how long they trained. The difference is what the sweep adds: forking a
process, composing and planning the config, and starting and finishing the logger. Then a sweep of `MANY` that train so
long each: its wall time, the start of the command included, over the sum of their training times.

    uv run python benchmarks/sweep.py [--seconds 10]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FEW, MANY = 2, 8
RUN = ["experiment=glcic", "scale=smoke", "evaluation.split=null", "validation.every=100000"]
# Wall time over training times, at most.
WANTED = 1.25


def sweep(logger: str, seeds: int, runs: Path, *words: str) -> tuple[float, float]:
    """Return the wall time of a sweep, and the seconds its runs spent in the training loop, in all."""
    words = ("-m", *RUN, f"logger={logger}", f"paths.runs={runs}", f"seed=range({seeds})", *words)
    since = time.perf_counter()
    subprocess.run([sys.executable, "-m", "henkan", "train", *words], check=True, capture_output=True)
    wall = time.perf_counter() - since
    records = [json.loads(path.read_text()) for path in runs.glob("*/run.json")]
    assert len(records) == seeds, f"{len(records)} of {seeds} runs"
    left = [path for path in runs.rglob(".*") if path.is_file() and "@" in path.name]
    assert not left, f"left behind: {left}"
    return wall, sum(record["seconds"] for record in records)


def ratio(seconds: float, folder: Path) -> float:
    """Return the wall time of a sweep of runs that train so long each, over the sum of their training times."""
    words = ["loss=[mse]", "schedule.reconstruction.iterations=2"]
    probe = 200
    _, trained = sweep("csv", FEW, folder / "probe", *words, f"schedule.joint.iterations={probe}")
    iterations = max(2, round(seconds * probe * FEW / trained))
    wall, trained = sweep("csv", MANY, folder / "whole", *words, f"schedule.joint.iterations={iterations}")
    return wall / trained


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each of the last sweep's runs trains")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        before = set(os.listdir(tempfile.gettempdir()))
        for logger in ("csv", "wandb"):
            few, few_trained = sweep(logger, FEW, Path(folder) / f"{logger}-few")
            many, many_trained = sweep(logger, MANY, Path(folder) / f"{logger}-many")
            slope, trained = (many - few) / (MANY - FEW), (many_trained - few_trained) / (MANY - FEW)
            print(
                f"{logger:>6}: {slope:.2f} s a run, of which {trained:.2f} s training: {slope - trained:.2f} s beyond"
            )
        found = ratio(given.seconds, Path(folder))
        print(f"{MANY} runs of {given.seconds:g} s: {found:.2f} times the sum of their training (wanted: {WANTED})")
        left = {name for name in set(os.listdir(tempfile.gettempdir())) - before if name.startswith("henkan-")}
        assert not left, f"left behind: {left}"
    return 0 if found <= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
