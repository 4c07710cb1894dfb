"""Train every recipe for some iterations of each of its phases, and print what its last phase costs on this device.

    uv run python benchmarks/recipes.py [recipe ...] [hydra overrides ...]

As in their papers (`scale=paper`) unless overridden. Recipes that need what is not here say so in their line.
`waiting` is the share of an iteration in which the step waited for data; `days` is the whole last phase at that rate.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import tempfile
from pathlib import Path

import pandas as pd
import torch
from omegaconf import DictConfig

from henkan.config.composition import compose_root
from henkan.config.explain import explain, one_line
from henkan.config.trees import group_options
from henkan.verbs import train

# Validation, scores and checkpoints are not what is asked for.
COMMON = (
    "scale=paper",
    "logger=none",
    "trainer.bar=false",
    "trainer.log_every=10",
    "validation.every=1_000_000_000",
    "validation.pictures=1",
    "evaluation.split=null",
    "checkpoint.every=1_000_000_000",
    "metric=[psnr]",
)
BEFORE, LAST = 10, 40


def shortened(config: DictConfig) -> int:
    """Shorten all phases; return how many iterations the last one has in full."""
    *before, last = config.schedule
    for phase in before:
        config.schedule[phase].iterations = BEFORE
    iterations = int(config.schedule[last].iterations)
    config.schedule[last].iterations = LAST
    return iterations


def line(recipe: str, overrides: list[str]) -> str:
    """Train a recipe for a moment, and return its line of the table."""
    with tempfile.TemporaryDirectory() as folder:
        config = compose_root("train", [f"experiment={recipe}", *COMMON, *overrides, f"paths.runs={folder}"])
        iterations = shortened(config)
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        with contextlib.redirect_stdout(sys.stderr):
            train.main(config)
        rows = pd.read_csv(next(Path(folder).glob("*/metrics.csv")))
    # The first rows pay for first times: kernels that are chosen, workers that start.
    row = rows.dropna(subset=["time/iteration"]).iloc[-1]
    seconds, batch = row["time/iteration"], config.batch_size
    days = iterations * seconds / 86_400
    memory = row["memory/peak" if "memory/peak" in row else "memory/resident"]
    return (
        f"{1 / seconds:10.2f}{batch:7d}{batch / seconds:12.1f}{row['time/data'] / seconds:9.0%}{memory:8.2f}{days:9.2f}"
    )


def main(words: list[str]) -> None:
    overrides = [word for word in words if "=" in word]
    recipes = [word for word in words if "=" not in word] or group_options("experiment")
    print(f"{'recipe':30}{'it/s':>10}{'batch':>7}{'pictures/s':>12}{'waiting':>9}{'GiB':>8}{'days':>9}")
    for recipe in recipes:
        try:
            print(f"{recipe:30}{line(recipe, overrides)}", flush=True)
        except torch.OutOfMemoryError as error:
            print(f"{recipe:30}{one_line(error)}", flush=True)
        except Exception as error:
            said, _ = explain(error, "train", overrides)
            if said is None:
                raise
            print(f"{recipe:30}{said}", flush=True)
        gc.collect()
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main(sys.argv[1:])
