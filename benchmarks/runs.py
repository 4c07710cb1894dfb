"""Measure `henkan runs` on many run folders.

    uv run python benchmarks/runs.py [--folders 10_000]

Makes small run folders in a temporary place, and times commands on them, each in a process of its own: without an
index, with one that knows the records, once settings are asked for, with one that knows these too, after one run has
changed, and on a damaged index. Wanted: at most 3 s for 10,000 folders wherever an index is there.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from henkan.archive.index import INDEX
from henkan.config.composition import compose_root
from henkan.config.resolved import resolved
from henkan.runs.record import as_record, write_record

WANTED = 3.0
STATUSES = ("done", "done", "done", "interrupted", "failed")


def make(runs: Path, count: int) -> None:
    """Write run folders as `henkan train` leaves them, of a sweep over seeds and weights, without checkpoints."""
    text = yaml.safe_dump(resolved(compose_root("train", ["experiment=glcic", "scale=laptop"])), sort_keys=False)
    code = {f"henkan.module_{number}": f"{number:016x}" for number in range(80)}
    for number in range(count):
        identity = hashlib.sha256(str(number).encode()).hexdigest()
        weight, status = round(1e-4 * (1 + number // 10), 6), STATUSES[number // 10 % len(STATUSES)]
        folder = runs / f"glcic-adversarial+mse-seed{number % 10}-adversarial_{weight}-{identity[:10]}"
        folder.mkdir(parents=True)
        lines = text.replace("seed: 0\n", f"seed: {number % 10}\n", 1).replace("0.0004", str(weight))
        (folder / "config.yaml").write_text(lines)
        record = {
            "identity": identity,
            "status": status,
            "recipe": "glcic",
            "seed": number % 10,
            "overrides": ["experiment=glcic", f"weights.adversarial={weight}", f"seed={number % 10}"],
            "title": f"glcic-adversarial+mse-seed{number % 10} adversarial={weight}",
            "iterations": 2400,
            "code": code,
            "created": f"2026-11-{1 + number % 28:02d}T00:00:00+00:00",
            "metrics": {"psnr_hole": 10 + number % 97 / 10, "ssim_hole": 0.5, "lite0_distance": 0.3, "l1_hole": 0.1},
        }
        write_record(folder, as_record(record))


def timed(title: str, runs: Path, *words: str) -> float:
    since = time.perf_counter()
    command = [sys.executable, "-m", "henkan", "runs", f"paths.runs={runs}", *words]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - since
    print(f"{title:<52}{seconds:6.2f} s", flush=True)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folders", type=int, default=10_000)
    given = parser.parse_args()
    with TemporaryDirectory() as place:
        runs = Path(place) / "runs"
        make(runs, given.folders)
        few, key = ("status=done", "seed=3"), "weights.adversarial<0.001"
        timed("status=done seed=3, without an index", runs, *few)
        found = [timed("status=done seed=3", runs, *few), timed("all of them", runs)]
        timed("weights.adversarial<0.001, configs not yet read", runs, key)
        found += [timed("weights.adversarial<0.001", runs, key), timed("all of them as CSV", runs, "--csv")]
        found.append(timed("rank psnr_hole", runs, "rank", "psnr_hole"))
        first = min(runs.glob("*/run.json"))
        first.write_bytes(first.read_bytes())
        found.append(timed("status=done seed=3, one run has changed", runs, *few))
        index = runs / INDEX
        print(f"{'the index':<52}{index.stat().st_size / 1e6:6.1f} MB")
        index.write_bytes(index.read_bytes()[:-1])
        timed("status=done seed=3, the index is damaged", runs, *few)
    print(f"wanted with an index: at most {WANTED:.0f} s; at worst {max(found):.2f} s")


if __name__ == "__main__":
    main()
