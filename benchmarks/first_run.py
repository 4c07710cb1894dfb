"""Measure what the first run of a newcomer takes: `henkan train experiment=glcic scale=smoke logger=csv`.

    uv run python benchmarks/first_run.py [--times 3] [override ...]

In an empty folder with an empty cache, and in turn with it what the libraries alone take: a bare import of PyTorch and
Lightning. Prints seconds of processor and of the clock, the least of all times: other work on the machine only ever
adds to them.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from tempfile import TemporaryDirectory

WANTED = 20.0
RUN = ("-m", "henkan", "train", "experiment=glcic", "scale=smoke", "logger=csv")
BARE = ("-c", "import torch, pytorch_lightning")


def taken(words: Sequence[str]) -> tuple[float, float]:
    """Return the seconds of processor and of the clock that Python takes for these words, in an empty folder.

    Ends with what a command that fails has said.
    """
    with TemporaryDirectory() as folder:
        # Caches, those of others too (Matplotlib's list of fonts), lie in the home folder if nobody says otherwise.
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "HENKAN_"))}
        before, since = processor(), time.perf_counter()
        done = subprocess.run(
            [sys.executable, *words], cwd=folder, env={**plain, "HOME": folder}, capture_output=True, text=True
        )
        spent, passed = processor() - before, time.perf_counter() - since
    if done.returncode != 0:
        sys.exit(done.stderr)
    return spent, passed


def processor() -> float:
    """Return the seconds of processor that ended children have taken so far, their own children included."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("overrides", nargs="*")
    given = parser.parse_intermixed_args()
    if given.times < 1:
        parser.error("--times is 1 or more")
    commands = {"import alone": BARE, "first run": (*RUN, *given.overrides)}
    rounds = [{name: taken(words) for name, words in commands.items()} for _ in range(given.times)]
    for name in commands:
        spent, passed = (min(each[name][number] for each in rounds) for number in (0, 1))
        wanted = f" (wanted: {WANTED:.0f})" if name == "first run" else ""
        print(f"{name:<16}{spent:6.1f} s of processor{wanted}, {passed:6.1f} s in all")


if __name__ == "__main__":
    main()
