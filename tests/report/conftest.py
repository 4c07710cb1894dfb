"""A made-up study that looks like a real one: crops of photographs, blurred where MSE would blur."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage import data

from henkan.runs.locks import LOCK, lock

CONFIGURATIONS = {
    "mse": {"variant": "mse", "overrides": ["loss=[mse]"]},
    "gan_0.002": {
        "variant": "gan_0.002",
        "overrides": ["loss=[mse,adversarial]", "weights.adversarial=0.002"],
    },
    "gan_0.02": {"variant": "gan_0.02", "overrides": ["loss=[mse,adversarial]", "weights.adversarial=0.02"]},
}
# What each configuration scores: psnr_hole, lite0_distance, gradient_hole; and how blurred its holes are.
SCORES = {
    "mse": (11.99, 0.412, 0.14, 2.2),
    "gan_0.002": (11.96, 0.395, 0.18, 1.2),
    "gan_0.02": (11.06, 0.340, 0.29, 0.5),
}
SPREAD = (2.1, 0.06, 0.05)


@pytest.fixture
def make_study(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Return `write` for a temporary folder; the one run that is under way holds its lock meanwhile."""
    held: list[FileLock] = []

    def make(**settings: Any) -> Path:
        folder = write(tmp_path, **settings)
        for node in json.loads((folder / "study.json").read_text())["runs"]:
            if node["status"] == "running":
                held.append(lock(folder / node["folder"] / LOCK))
                held[-1].acquire()
        return folder

    yield make
    for one in held:
        one.release()


@pytest.fixture(scope="module")
def make_kept_study(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return `write` for a folder that the tests of a file share."""
    return lambda **settings: write(tmp_path_factory.mktemp("study"), **settings)


def write(
    folder: Path,
    seeds: tuple[int, ...] = (0, 1, 2),
    done: int = 9,
    side: int = 16,
    images: int = 40,
    iterations: int = 240,
    **plan: Any,
) -> Path:
    """Write a study whose first `done` runs, seed by seed, are done; the next one runs, the others wait."""
    names = list(plan.get("configurations", CONFIGURATIONS))
    order = [(seed, name) for seed in seeds for name in names]
    runs = []
    for place, (seed, name) in enumerate(order):
        status = "done" if place < done else "running" if place == done else "waiting"
        path = f"runs/{seed}-{names.index(name)}"
        runs.append({"configuration": name, "seed": seed, "folder": path, "status": status})
        if status != "waiting":
            kind = list(SCORES)[names.index(name) % len(SCORES)]
            write_run(folder / path, kind, seed, status, side, images, iterations)
    content = {
        "name": "mse_vs_gan",
        "title": "Does an adversarial loss beat MSE?",
        "question": "What does an adversarial loss buy over MSE in completion, at what cost, is it real?",
        "recipe": "glcic",
        "scale": "laptop",
        "baseline": "mse",
        "seeds": list(seeds),
        "configurations": CONFIGURATIONS,
        "runs": runs,
        "headline": ["psnr_hole", "lite0_distance", "gradient_hole"],
        "plane": {"x": "psnr_hole", "y": "lite0_distance"},
        "metrics": {
            "psnr": "higher",
            "psnr_hole": "higher",
            "ssim_hole": "higher",
            "lite0_distance": "lower",
            "gradient_hole": None,
            "kid_lite0": "lower",
        },
        "saved_iterations": 2400,
    }
    (folder / "study.json").write_text(json.dumps(content | plan))
    return folder


def write_run(folder: Path, kind: str, seed: int, status: str, side: int, images: int, iterations: int) -> None:
    folder.mkdir(parents=True)
    random = np.random.default_rng([seed, *kind.encode()])
    record = {"status": status, "iterations": iterations, "seconds": 131.5, "seed": seed, "recipe": "glcic"}
    (folder / "run.json").write_text(json.dumps(record))
    log(kind, random, iterations if status == "done" else iterations // 2).to_csv(folder / "metrics.csv", index=False)
    if status != "done":
        return
    scores(kind, seed, images, random).to_csv(folder / "scores.csv", index=False)
    (folder / "set_scores.json").write_text(json.dumps({"kid_lite0": 0.02 + random.normal(0, 0.002), "fid": None}))
    pictures(folder / "pictures", kind, side, random)


def log(kind: str, random: np.random.Generator, last: int) -> pd.DataFrame:
    rows = []
    adversarial = kind != "mse"
    ends = {"reconstruction": 0.5, "discriminator": 0.55, "joint": 1.0} if adversarial else {"reconstruction": 1.0}
    for iteration in range(0, last, max(last // 240, 1)):
        share = iteration / last
        phase = next(name for name, end in ends.items() if share < end or end == 1.0)
        row: dict[str, Any] = {
            "iteration": iteration,
            "phase": phase,
            "loss/mse": 0.09 * np.exp(-4 * share) + 0.03,
        }
        row["loss/mse"] *= random.lognormal(0, 0.08)
        row["gradient/mse"] = 2e-4 * random.lognormal(0, 0.1)
        if adversarial and phase != "reconstruction":
            row["loss/adversarial"] = random.normal(1.1, 0.1)
            row["gradient/adversarial"] = 6e-6 * random.lognormal(share, 0.3)
            row["gradient/ratio"] = row["gradient/adversarial"] / row["gradient/mse"]
            row["discriminator/accuracy_real"] = min(0.5 + 0.3 * share + random.normal(0, 0.05), 1)
            row["discriminator/accuracy_fake"] = min(0.55 + 0.3 * share + random.normal(0, 0.05), 1)
        rows.append(row)
        if iteration % (last // 8) == 0:
            psnr = 12 - 4 * np.exp(-5 * share) + random.normal(0, 0.1)
            rows.append(
                {
                    "iteration": iteration,
                    "phase": phase,
                    "val/psnr_hole": psnr,
                    "val/lite0_distance": 5 / psnr,
                }
            )
    return pd.DataFrame(rows)


def scores(kind: str, seed: int, images: int, random: np.random.Generator) -> pd.DataFrame:
    difficulty = np.random.default_rng(9).normal(size=images)
    table = {"file": [f"color/svg/{i:04d}.svg" for i in range(images)]}
    for key, mean, spread in zip(("psnr_hole", "lite0_distance", "gradient_hole"), SCORES[kind], SPREAD, strict=False):
        luck = random.normal(0, 0.04) * spread
        table[key] = mean + luck + spread * (difficulty + random.normal(0, 0.15, images))
    table["psnr"] = table["psnr_hole"] + 9
    table["ssim_hole"] = 0.45 + 0.08 * difficulty + random.normal(0, 0.01, images)
    return pd.DataFrame(table)


def pictures(folder: Path, kind: str, side: int, random: np.random.Generator) -> None:
    folder.mkdir()
    photographs = [data.astronaut(), data.chelsea(), data.coffee()]
    for k in range(12):
        places = np.random.default_rng(k)
        photograph = photographs[k % 3]
        y, x = (int(places.integers(0, size - 4 * side)) if size > 4 * side else 0 for size in photograph.shape[:2])
        crop = Image.fromarray(photograph[y : y + 4 * side, x : x + 4 * side]).resize((side, side))
        target = np.asarray(crop).astype(float)
        hole = tuple(slice(start, start + side * 3 // 8) for start in places.integers(side // 8, side // 2, 2))
        source, output = target.copy(), target.copy()
        source[hole] = (204, 190, 150)
        blurred = gaussian_filter(target, (SCORES[kind][3] * side / 24, SCORES[kind][3] * side / 24, 0))
        output[hole] = (blurred + random.normal(0, 40 / SCORES[kind][3] ** 2, target.shape) * 0.3)[hole]
        for role, picture in {"source": source, "output": output, "target": target}.items():
            Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(folder / f"{k:02d}_{role}.png")
    (folder / "index.json").write_text(json.dumps([f"color/svg/{i:04d}.svg" for i in range(12)]))
