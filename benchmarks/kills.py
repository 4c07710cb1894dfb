"""What a kill costs: processes killed with SIGKILL at random moments, the same command again, and every bit compared.

Each kind of work is done once undisturbed. Then it is started anew, killed (with all that it has started) after a
random part of its time, and started again, until it ends by itself; so many kills are spread over the moments that the
kind is about. What must be the same: every tensor of the checkpoint, the curves and scores of runs, all bytes of a
degraded folder.

    uv run python benchmarks/kills.py                  # a kill a kind, some 3 minutes on 2 quiet cores
    uv run python benchmarks/kills.py --kills 12
    uv run python benchmarks/kills.py --only run degrade
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from henkan.runs.curves import MEASURED
from henkan.training import checkpoint

# GLCIC's three phases on small pictures; checkpoints often enough that a kill loses little.
TINY = [
    "scale=smoke",
    "logger=csv",
    "metric=[psnr,psnr_hole]",
    "trainer.threads=1",
    "trainer.log_every=2",
    "trainer.precision=32-true",
    "schedule.reconstruction.iterations=20",
    "schedule.discriminator.iterations=10",
    "schedule.joint.iterations=30",
    "validation.every=20",
]
# What of a checkpoint tells how it came about, and may differ.
OTHERWISE = ("code", "seconds", "seconds_lost")
CURVES = "metrics.csv"
STUDY = """
title: Kills
question: Does it go on?
recipe: glcic
scale: smoke
variants:
  mse: ["loss=[mse]"]
  weak: ["loss=[mse,adversarial]", weights.adversarial=0.01]
  strong: ["loss=[mse,adversarial]", weights.adversarial=0.1]
baseline: mse
seeds: [0]
jobs: 2
headline: [psnr_hole]
plane: {x: psnr_hole, y: psnr}
"""


@dataclass(frozen=True)
class Kind:
    """One kind of work: the command for a folder of results, and when a kill is to come, if not at any time."""

    name: str
    command: Callable[[Path], list[str]]
    due: Callable[[Path], bool] | None = None


def kinds(root: Path, data: Path) -> list[Kind]:
    study = root / "kills" / "study.yaml"
    study.parent.mkdir()
    study.write_text(STUDY)
    own = ["data=image_folder", f"data.path={data}", f"paths.cache={root / 'cache'}"]

    def run(*words: str) -> Callable[[Path], list[str]]:
        return lambda place: ["train", "experiment=glcic", *TINY, *own, f"paths.runs={place}", *words]

    def degrade(*words: str) -> Callable[[Path], list[str]]:
        return lambda place: ["degrade", *own, "degradation=rectangle", "count=600", f"output={place}/written", *words]

    rest = [word for word in TINY if not word.startswith("scale=")]
    return [
        Kind("run", run("checkpoint.every=5")),
        Kind(
            "in a checkpoint write", run("checkpoint.every=1"), lambda place: written(place, "checkpoints/.last.ckpt.*")
        ),
        Kind("in evaluation", run("checkpoint.every=20"), lambda place: written(place, "pictures/*.png")),
        Kind("study, shared prefixes", lambda place: ["study", str(study), *rest, *own, f"paths.runs={place}"]),
        Kind("degrade to files", degrade("shard=100")),
        Kind("degrade to shards", degrade("format=tar", "shard=100")),
    ]


def written(place: Path, pattern: str) -> bool:
    return any(place.glob(f"*/{pattern}"))


def pictures(folder: Path) -> None:
    """Write small pictures of colored circles."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 24), ("val", 4), ("test", 12)):
        (folder / split).mkdir(parents=True)
        for number in range(count):
            image = np.full((48, 48, 3), rng.integers(0, 256, 3), np.uint8)
            for _ in range(4):
                x, y, radius = (int(value) for value in rng.integers(4, 44, 3))
                cv2.circle(image, (x, y), radius // 3, rng.integers(0, 256, 3).tolist(), -1)
            cv2.imwrite(str(folder / split / f"{number:03d}.png"), image)


def start(words: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "henkan", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(words: list[str]) -> float:
    """Run a command to its end; return the seconds it took."""
    since, process = time.monotonic(), start(words)
    _, said = process.communicate()
    assert process.returncode == 0, said.decode()
    return time.monotonic() - since


def killed(words: list[str], after: float, due: Callable[[], bool] | None) -> bool:
    """Start a command and kill its process group, after so many seconds or when it is due; return whether it lived."""
    process, begun = start(words), time.monotonic()
    while process.poll() is None:
        if due() if due is not None else time.monotonic() - begun >= after:
            os.killpg(process.pid, signal.SIGKILL)
            break
        time.sleep(0.001)
    process.communicate()
    # The runs of a study are in groups of their own, and end when they see that it has gone.
    return process.returncode == -signal.SIGKILL


def results(place: Path) -> Iterator[tuple[str, Any]]:
    """Yield all that must be the same, by name."""
    for path in sorted(place.rglob("*.ckpt")):
        if not path.name.startswith("."):
            state: dict[str, Any] = {
                name: value for name, value in checkpoint.load(path).items() if name not in OTHERWISE
            }
            if "curves" in state:
                state["curves"] = results_of(state["curves"])
            yield from ((f"{path.relative_to(place)}: {name}", value) for name, value in leaves(state))
    for pattern in ("*/metrics.csv", "*/scores.csv", "*/*/summary.csv", "*/pictures/*", "*/panels/*", "written/**/*"):
        for path in sorted(place.glob(pattern)):
            if path.is_file() and not path.name.startswith("."):
                content = path.read_bytes()
                yield str(path.relative_to(place)), results_of(content.decode()) if path.name == CURVES else content


def results_of(curves: str) -> list[dict[str, str]]:
    """Return the rows of a run's curves without what the machine took for them."""
    rows = csv.DictReader(io.StringIO(curves))
    return [{name: value for name, value in row.items() if not name.startswith(MEASURED)} for row in rows]


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict | list | tuple):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(one, f"{name}.{key}")
    else:
        yield name, value


def differences(first: dict[str, Any], second: dict[str, Any]) -> tuple[int, int]:
    """Return how many results differ or are missing, and how many bits of tensors do."""
    different, bits = len(first.keys() ^ second.keys()), 0
    for name in first.keys() & second.keys():
        one, other = first[name], second[name]
        if not isinstance(one, torch.Tensor):
            different += one != other
        elif one.shape != other.shape or one.dtype != other.dtype:
            different, bits = different + 1, bits + 8 * one.numel() * one.element_size()
        else:
            raw = [np.frombuffer(value.contiguous().numpy().tobytes(), np.uint8) for value in (one, other)]
            lost = int(np.unpackbits(raw[0] ^ raw[1]).sum())
            different, bits = different + (lost > 0), bits + lost
    return different, bits


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=1, help="kills of each kind")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--only", nargs="*", default=[], metavar="KIND", help="kinds whose name begins so")
    given = parser.parse_args()
    moments = random.Random(given.seed)
    table = Table("killed", "kills", "alive then", "results compared", "that differ", "bits lost")
    total = [0, 0, 0]
    with tempfile.TemporaryDirectory(prefix="kills") as folder:
        root = Path(folder)
        pictures(root / "pictures")
        for index, kind in enumerate(kinds(root, root / "pictures")):
            if given.only and not kind.name.startswith(tuple(given.only)):
                continue
            straight = root / f"{index}-straight"
            seconds = finish(kind.command(straight))
            expected = dict(results(straight))
            alive = different = bits = 0
            for number in range(given.kills):
                place = root / f"{index}-{number}"
                due = kind.due
                when = None if due is None else lambda place=place, due=due: due(place)
                alive += killed(kind.command(place), moments.uniform(0.3, 0.95) * seconds, when)
                finish(kind.command(place))
                found = differences(expected, dict(results(place)))
                different, bits = different + found[0], bits + found[1]
            table.add_row(kind.name, *map(str, (given.kills, alive, len(expected), different, bits)))
            total = [before + new for before, new in zip(total, (alive, different, bits), strict=True)]
    table.add_section()
    table.add_row("all", "", str(total[0]), "", str(total[1]), str(total[2]))
    Console().print(table)
    sys.exit(1 if total[1] or total[2] else 0)


if __name__ == "__main__":
    main()
