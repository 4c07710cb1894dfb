"""Measure what `henkan train` does before the first iteration on a folder of many pictures.

    uv run python benchmarks/startup.py PHOTOGRAPHS [--files 100_000] [override ...]

Makes hard links to the photographs of a folder until there are so many names, and plans a run on them with an empty
cache and once more with what that has left. Prints the seconds of each part.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from henkan.config.composition import compose_root
from henkan.data.image_folder import ImageFolder, list_pictures
from henkan.runs.plan import plan_run
from henkan.runs.preflight import check_pictures

WANTED = 30.0
Result = TypeVar("Result")


def linked(photographs: Path, count: int, folder: Path) -> None:
    """Fill a folder with so many names, a thousand in each folder below it."""
    sources = [photographs / name for name in list_pictures(photographs)]
    for number in range(count):
        place = folder / f"{number // 1000:04d}"
        if number % 1000 == 0:
            place.mkdir(parents=True)
        source = sources[number % len(sources)]
        os.link(source, place / f"{number:07d}{source.suffix}")


def timed(title: str, function: Callable[[], Result]) -> tuple[Result, float]:
    since = time.perf_counter()
    found = function()
    seconds = time.perf_counter() - since
    print(f"{title:<24}{seconds:8.1f} s", flush=True)
    return found, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("overrides", nargs="*")
    given = parser.parse_intermixed_args()
    # Beside them: a link does not leave a file system.
    with TemporaryDirectory(dir=given.photographs.resolve().parent) as place:
        folder, cache = Path(place) / "linked", Path(place) / "cache"
        linked(given.photographs, given.files, folder)
        words = ["experiment=glcic", "scale=smoke", "data=image_folder", f"data.path={folder}", f"paths.cache={cache}"]
        cfg = compose_root("train", [*words, f"paths.runs={Path(place) / 'runs'}", *given.overrides])
        print(f"{given.files:,} pictures")
        for cached in ("", ", again"):
            _, listing = timed(f"names{cached}", lambda: ImageFolder(folder))
            plan, planning = timed(f"plan{cached}", lambda: plan_run(cfg))
            _, reading = timed(f"what is scored{cached}", lambda plan=plan: check_pictures(plan))  # type: ignore[misc]
            total = planning + reading
            verdict = "" if cached or given.files != 100_000 else f" (wanted: {WANTED:.0f})"
            print(f"{'together' + cached:<24}{total:8.1f} s{verdict}; names are in the plan ({listing:.1f} s)")


if __name__ == "__main__":
    main()
