"""How good the small super-resolution network is on Set5 after some seconds: `henkan train`, and a loop by hand.

    uv run python benchmarks/by_the_clock.py FOLDER SET5 [--seconds 34 103] [--rate 1e-3]

FOLDER/train holds the photographs to learn from (BSDS500's 400 of training and test). The loop trains the same network
for so many seconds, on patches out of pictures in memory; then `henkan train` does as many iterations. Both are scored
alike: at four times, on brightness, without a rim of 4 pixels. Ours should take no longer, and be no worse.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from henkan.config.build import build
from henkan.config.composition import compose_root
from henkan.config.resolved import resolved

SCALE, PATCH, BATCH, RIM = 4, 128, 16, 4
WORDS = ["experiment=srresnet", "scale=laptop", "loss=[l1]", "data=image_folder", "evaluation.split=null"]


def smaller(picture: Image.Image) -> Image.Image:
    return picture.resize((picture.width // SCALE, picture.height // SCALE), Image.Resampling.BICUBIC)


def to_tensor(picture: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255.0


class Patches(Dataset[tuple[Tensor, Tensor]]):
    """Random patches of pictures in memory, mirrored and turned, and what bicubic interpolation makes of them."""

    def __init__(self, folder: Path) -> None:
        self.pictures = [Image.open(path).convert("RGB") for path in sorted(folder.rglob("*.[jp][pn]g"))]

    def __len__(self) -> int:
        return 100_000

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        random = np.random.default_rng(index)
        picture = self.pictures[random.integers(len(self.pictures))]
        left, top = (int(random.integers(side - PATCH + 1)) for side in picture.size)
        patch = picture.crop((left, top, left + PATCH, top + PATCH))
        if random.random() < 0.5:
            patch = patch.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        patch = patch.rotate(90 * int(random.integers(4)))
        return to_tensor(smaller(patch)), to_tensor(patch)


def by_hand(network: nn.Module, folder: Path, seconds: float, rate: float) -> int:
    """Train for some seconds, the first iteration aside; return how many iterations that was."""
    optimizer = torch.optim.Adam(network.parameters(), rate, fused=True)
    begun, count = 0.0, 0
    for source, target in DataLoader(Patches(folder), BATCH, num_workers=1):
        with torch.autocast("cpu", torch.bfloat16):
            output = network(source.to(memory_format=torch.channels_last))["raw"]
        loss = (output.float() - target).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if not count:
            begun = time.perf_counter()
        count += 1
        if time.perf_counter() - begun >= seconds:
            break
    return count


def brightness(picture: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    luma = picture.astype(np.float64) @ np.array([65.481, 128.553, 24.966]) / 255.0 + 16.0
    return np.asarray(luma[RIM:-RIM, RIM:-RIM])


@torch.inference_mode()
def decibels(network: nn.Module, set5: Path) -> float:
    """Return the mean PSNR of the pictures of a folder."""
    network.eval()
    found = []
    for path in sorted(set5.rglob("*.png")):
        picture = Image.open(path).convert("RGB")
        picture = picture.crop((0, 0, picture.width // SCALE * SCALE, picture.height // SCALE * SCALE))
        output = network(to_tensor(smaller(picture))[None])["raw"][0].clamp(0, 1).mul(255).round()
        made = output.byte().permute(1, 2, 0).numpy()
        error = brightness(made) - brightness(np.array(picture))
        found.append(-10.0 * math.log10(np.square(error).mean() / 255.0**2))
    return float(np.mean(found))


def ours(words: list[str], iterations: int, set5: Path, place: Path) -> tuple[float, float]:
    """Return the seconds that `henkan train` takes for so many iterations, and its score by `henkan evaluate`."""
    runs = place / f"runs {iterations}"
    henkan = [sys.executable, "-m", "henkan"]
    settings = [f"schedule.joint.iterations={iterations}", f"paths.runs={runs}", "logger=none"]
    # Nothing but training counts as its seconds; what belongs to a run of days is not what a loop by hand does.
    settings += ["validation.every=1000000", "checkpoint.every=1000000", "validation.pictures=1"]
    subprocess.run([*henkan, "train", *words, *settings], check=True, stdout=subprocess.DEVNULL)
    run = next(path.parent for path in runs.glob("*/run.json"))
    scored = [f"run={run}", "evaluation.split=test", "data=set5", f"data.path={set5}", "metric=[psnr_y_crop]"]
    subprocess.run([*henkan, "evaluate", *scored], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = next(run.rglob("evaluations/*/evaluation.json"))
    return json.loads((run / "run.json").read_text())["seconds"], json.loads(found.read_text())["means"]["psnr_y_crop"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("set5", type=Path)
    parser.add_argument("--seconds", type=float, nargs="+", default=[34.0, 103.0])
    parser.add_argument("--rate", type=float, default=1e-3, help="of the loop; ours has its recipe's")
    given = parser.parse_args()
    words = [*WORDS, f"data.path={given.folder}"]
    config = resolved(compose_root("train", words))
    print(f"{'iterations':>10}{'by hand, s':>12}{'dB':>8}{'henkan, s':>12}{'dB':>8}")
    for seconds in given.seconds:
        torch.manual_seed(0)
        network = build(config["generator"]).to(memory_format=torch.channels_last)
        count = by_hand(network, given.folder / "train", seconds, given.rate)
        by_loop = decibels(network, given.set5)
        with tempfile.TemporaryDirectory() as place:
            taken, score = ours(words, count, given.set5, Path(place))
        print(f"{count:10}{seconds:12.0f}{by_loop:8.2f}{taken:12.1f}{score:8.2f}", flush=True)


if __name__ == "__main__":
    main()
