"""What memory that is kept (`henkan.heap`) brings: the same commands with it and without, in turn.

    uv run python benchmarks/heap.py [--times 2] [override of the training ...]

A training (by default the small super-resolution network at scale=laptop), seconds an iteration after the first 50 and
GiB held, and `predict model=sr` of a photograph, seconds in all. The weights have to be the same to the last bit.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from PIL import Image
from skimage import data

from henkan.training import checkpoint

RUN = """
import sys
import henkan.launching.execute as execute
if sys.argv.pop(1) == "without":
    execute.keep_freed = lambda: None
from henkan.cli.run import main
sys.exit(main())
"""
DEFAULT = ["experiment=srresnet", "scale=laptop", "schedule.joint.iterations=100"]
QUIET = ["evaluation.split=null", "validation.every=1000000", "checkpoint.every=1000000", "validation.pictures=1"]


def henkan(how: str, *words: str) -> float:
    """Run a command with memory kept or without; return the seconds."""
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", RUN, how, *words], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return time.perf_counter() - begun


def trained(how: str, words: list[str], place: Path) -> tuple[dict[str, str], dict[str, torch.Tensor]]:
    """Return the last row of a training's metrics, and its generator."""
    henkan(how, "train", *words, *QUIET, "logger=none", f"paths.runs={place}")
    folder = next(place.glob("*/run.json")).parent
    with (folder / "metrics.csv").open() as file:
        row = list(csv.DictReader(file))[-1]
    return row, checkpoint.generator(checkpoint.load(checkpoint.last(folder)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=2)
    parser.add_argument("overrides", nargs="*")
    given = parser.parse_args()
    print(f"{'':>8}{'s an iteration':>16}{'GiB held':>10}{'predict, s':>12}")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        photograph = place / "photograph.png"
        checkpoint_of: dict[str, dict[str, torch.Tensor]] = {}
        # 451 x 300 become 1804 x 1200.
        Image.fromarray(data.chelsea()).save(photograph)  # type: ignore[no-untyped-call]
        for turn in range(given.times):
            for how in ("without", "with"):
                row, checkpoint_of[how] = trained(how, given.overrides or DEFAULT, place / f"{how} {turn}")
                seconds = henkan(how, "predict", "model=sr", f"input={photograph}", f"output={place / 'out'}")
                held = row["memory/resident"]
                print(f"{how:>8}{float(row['time/iteration']):16.4f}{float(held):10.2f}{seconds:12.1f}", flush=True)
    before, after = checkpoint_of["without"], checkpoint_of["with"]
    assert all(torch.equal(before[name], after[name]) for name in before), "other weights"


if __name__ == "__main__":
    main()
