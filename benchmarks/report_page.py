"""Measure the page of a large study.

    uv run python benchmarks/report_page.py [--runs 1000] [--pictures 500] [--configurations 100]

Makes a study whose runs have tables of their own and pictures that are hard links of a few, in a temporary place, and
writes its report in a process of its own: seconds, the most memory, the size of the page. Wanted, of 1,000 runs with
500 pictures of 256 pixels each: at most 30 s, 2 GB and 20 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from PIL import Image

from henkan.files import digests
from henkan.runs.record import as_record, write_record

METRICS = ("psnr_hole", "lite0_distance", "gradient_hole", "psnr", "ssim_hole", "l1_hole", "ciede2000")
LOGGED = ("loss/mse", "loss/adversarial", "gradient/mse", "gradient/adversarial", "discriminator/accuracy_real",
          "discriminator/accuracy_fake", "val/psnr_hole", "val/lite0_distance")  # fmt: skip
# So many runs have their pictures of the same files.
SHARING = 50
ROWS, SIDE, ORIGINALS = 500, 256, 8


def originals(folder: Path) -> list[Path]:
    """Write a few pictures with the grain of photographs, of 256 pixels."""
    folder.mkdir()
    random, found = np.random.default_rng(0), []
    for number in range(ORIGINALS):
        coarse = random.integers(0, 256, (SIDE // 32, SIDE // 32, 3), np.uint8)
        picture = np.asarray(Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC), float)
        grain = picture + random.normal(0, 6, picture.shape)
        found.append(folder / f"{number}.png")
        Image.fromarray(grain.clip(0, 255).astype(np.uint8)).save(found[-1])
    return found


def make(study: Path, runs: int, pictures: int, configurations: int) -> None:
    """Write a study as `henkan study` leaves it, done, its runs beside it."""
    root = study.parents[1]
    study.mkdir(parents=True)
    files, random = originals(root / "originals"), np.random.default_rng(1)
    digest = digests(root / "originals", ["*.png"])
    names = [f"variant {number}" for number in range(configurations)]
    plan = []
    for number in range(runs):
        if number and number % SHARING == 0:
            # A file has 65,000 names at most on ext4.
            files = [
                Path(shutil.copy(file, file.with_name(f"{number}_{place}.png"))) for place, file in enumerate(files)
            ]
        name, seed = names[number % configurations], number // configurations
        folder = root / f"glcic-adversarial+mse-seed{seed}-variant_{number % configurations}-{number:010d}"
        (folder / "pictures").mkdir(parents=True)
        told = {}
        for place in range(pictures):
            for role in ("source", "output", "target"):
                file = files[(place + (role == "output") * number) % ORIGINALS]
                os.link(file, folder / "pictures" / f"{place:02d}_{role}.png")
                told[f"pictures/{place:02d}_{role}.png"] = digest[f"{files.index(file)}.png"]
        (folder / "pictures" / "index.json").write_text(
            json.dumps([f"test/{place:05d}.png" for place in range(pictures)])
        )
        scores = pd.DataFrame(random.normal(number % configurations / 50, 1, (pictures, len(METRICS))), columns=METRICS)
        scores.insert(0, "file", [f"test/{place:05d}.png" for place in range(pictures)])
        scores.to_csv(folder / "scores.csv", index=False)
        log = pd.DataFrame(random.lognormal(0, 0.3, (ROWS, len(LOGGED))), columns=LOGGED)
        log.insert(0, "iteration", np.arange(ROWS) * 10)
        log.insert(1, "phase", np.where(log["iteration"] < 1000, "reconstruction", "joint"))
        log.to_csv(folder / "metrics.csv", index=False)
        told |= digests(folder, ["scores.csv", "metrics.csv"])
        record = {"identity": f"{number:064d}", "status": "done", "seed": seed, "iterations": 10 * ROWS,
                  "seconds": 100.0, "digests": told}  # fmt: skip
        write_record(folder, as_record(record))
        plan.append({"configuration": name, "seed": seed, "folder": os.path.relpath(folder, study), "status": "done"})
    content = {
        "name": "large", "title": "A large study", "recipe": "glcic", "scale": "laptop", "baseline": names[0],
        "seeds": list(range(-(-runs // configurations))), "runs": plan, "headline": list(METRICS[:3]),
        "plane": {"x": METRICS[0], "y": METRICS[1]}, "configurations":
            {name: {"variant": name, "overrides": [f"seed={place}"]} for place, name in enumerate(names)},
        "metrics": dict(zip(METRICS, ("higher", "lower", None, "higher", "higher", "lower", "lower"), strict=True)),
    }  # fmt: skip
    (study / "study.json").write_text(json.dumps(content))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--configurations", type=int, default=100)
    parser.add_argument("--profile", action="store_true", help="say where the time goes")
    given = parser.parse_args()
    with TemporaryDirectory() as place:
        study = Path(place) / "runs" / "studies" / "large"
        make(study, given.runs, given.pictures, min(given.runs, given.configurations))
        script = Path(place) / "write.py"
        imports = "from pathlib import Path\nfrom henkan.report.write import write_report\n"
        script.write_text(f"{imports}write_report(Path({str(study)!r}))\n")
        words = ["-m", "cProfile", "-s", "cumtime"] if given.profile else []
        since = time.perf_counter()
        out = subprocess.run([sys.executable, *words, str(script)], check=True, capture_output=True, text=True).stdout
        seconds = time.perf_counter() - since
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        size = (study / "report.html").stat().st_size
        print("\n".join(out.splitlines()[:70]))
        print(f"{given.runs} runs, {given.pictures} pictures each, load {os.getloadavg()[0]:.0f}")
        print(f"{seconds:.1f} s ({used.ru_utime + used.ru_stime:.1f} s of processor), imports included; "
              f"{used.ru_maxrss / 1e6:.2f} GB; {size / 1e6:.1f} MB")  # fmt: skip


if __name__ == "__main__":
    main()
