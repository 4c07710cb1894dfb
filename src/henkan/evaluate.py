"""Score a trained run, or a generator that needs no training, on whole pictures.

Writes scores.csv (a row a picture, a column a metric), set_scores.json and pictures/ into the run folder.

  henkan evaluate run=outputs/runs/RUN
  henkan evaluate run=outputs/runs/RUN evaluation.split=val 'metric=[psnr,ssim]'
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from henkan.build import build
from henkan.data.pictures import Pictures
from henkan.data.splits import Split
from henkan.data.stream import EvaluationSet
from henkan.errors import UserError
from henkan.metrics.evaluator import Evaluator, Scores, selection
from henkan.runs.identity import digest
from henkan.runs.overrides import task_overrides
from henkan.runs.plan import settle
from henkan.runs.run import Run, run_name, write_json
from henkan.sample import Sample
from henkan.training import checkpoint
from henkan.training.assemble import build_network, build_transform
from henkan.training.callbacks import evaluated
from henkan.training.loggers import RunLogger
from henkan.training.translator import Translator
from henkan.transform import Transform


def main(cfg: DictConfig) -> None:
    """Evaluate `run=FOLDER`, or the configured generator as it is if it has no parameters."""
    trained = cfg.run is not None
    config, pictures = settle(of_run(cfg) if trained else cfg)
    network = build_network(config, "generator")
    parts = evaluation_parts(config, pictures)
    if trained:
        path = checkpoint.find_checkpoint(Path(cfg.run))
        state = checkpoint.load(path)
        weights = checkpoint.part(state, "average.network") or checkpoint.part(state, "generator")
        checkpoint.load_weights(network, weights, path)
        folder = path.parents[1]
        parts["weights"] = hashlib.sha256(path.read_bytes()).hexdigest()
    elif any(parameter.requires_grad for parameter in network.parameters()):
        raise UserError("this generator has weights to learn: name a trained run with run=FOLDER")
    else:
        folder = Path(config["paths"]["runs"]) / run_name(config, digest(parts))
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "run.json", {"status": "done", "recipe": config["recipe"], "overrides": task_overrides()})
    folder = place_for(folder, digest(parts))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    scores = score(config, pictures, build_transform(config), network.to(device), device, folder, digest(parts))
    print_scores(scores)
    print(folder)


def evaluation_parts(config: Mapping[str, Any], pictures: Pictures) -> dict[str, Any]:
    """Return what scores depend on, beside the weights: the evaluation's own identity is their hash."""
    parts = {name: config[name] for name in ("evaluation", "metric", "task", "degradation", "generator")}
    return {**parts, "manifest": pictures.manifest()}


def place_for(folder: Path, identity: str) -> Path:
    """Return where an evaluation writes: the run's folder, or one of its own beside scores of other settings."""
    own = folder / "evaluation.json"
    if not own.is_file() or json.loads(own.read_text())["identity"] == identity:
        return folder
    place = folder / "evaluations" / identity[:10]
    place.mkdir(parents=True, exist_ok=True)
    return place


def of_run(cfg: DictConfig) -> DictConfig:
    """Return the config of a trained run, with the groups and scalars that were given beside `run=` put in."""
    path = Path(cfg.run) / "config.yaml"
    if not path.is_file():
        raise UserError(f"there is no run in {cfg.run}: {path} is missing")
    config = OmegaConf.load(path)
    assert isinstance(config, DictConfig)
    for override in task_overrides():
        key = override.lstrip("+~").partition("=")[0]
        group = (key.partition("@")[2] or key).split(".")[0]
        if group not in ("run", "experiment"):
            config[group] = cfg[group]
    config.run = cfg.run
    return config


def evaluate_run(
    config: Mapping[str, Any], pictures: Pictures, translator: Translator, run: Run, logger: RunLogger
) -> dict[str, float]:
    """Score what was just trained on the configured split; returns the mean of every score."""
    if config["evaluation"]["split"] is None:
        return {}
    network, device = evaluated(translator), translator.device
    parts = evaluation_parts(config, pictures)
    parts["weights"] = hashlib.sha256(run.checkpoint.read_bytes()).hexdigest()
    scores = score(config, pictures, translator.transform, network, device, run.folder, digest(parts))
    means = scores.means()
    logger.table(config["evaluation"]["split"], *as_table(scores, run.folder / "pictures"))
    return means


def as_table(scores: Scores, pictures: Path) -> tuple[list[str], list[list[Any]]]:
    """Return columns and rows of an evaluation: the file, its pictures where they were kept, and its scores."""
    kept: list[str] = json.loads((pictures / "index.json").read_text())
    panels = sorted({path.stem.partition("_")[2] for path in pictures.glob("*_*.png")})
    rows = []
    for row, file in enumerate(scores.files):
        number = kept.index(file) if file in kept else None
        shown = [None if number is None else pictures / f"{number:02d}_{panel}.png" for panel in panels]
        rows.append([file, *shown, *(column[row] for column in scores.images.values())])
    return ["file", *panels, *scores.images], rows


def score(
    config: Mapping[str, Any],
    pictures: Pictures,
    transform: Transform,
    network: nn.Module,
    device: torch.device,
    folder: Path,
    identity: str,
) -> Scores:
    """Score a generator and write `scores.csv`, `set_scores.json` and the kept pictures into `folder`."""
    settings = config["evaluation"]
    data = evaluation_set(config, pictures, settings["split"], settings["framing"])
    shown = selection(len(data), settings["kept"])
    kept: list[str] = []

    def keep(index: int, sample: Sample) -> None:
        if index in shown:
            number = shown.index(index)
            kept.append(sample["name"][0])
            for name, image in transform.task.panels(sample).items():
                save_picture(image[0], folder / "pictures" / f"{number:02d}_{name}.png")

    (folder / "pictures").mkdir(exist_ok=True)
    evaluator = Evaluator(config["metric"], device, settings["batch"])
    scores = evaluator.evaluate(transform, network, data, settings["pictures"], keep)
    write_json(folder / "pictures" / "index.json", kept)
    write_scores(scores, folder)
    facts = {"identity": identity, "split": settings["split"], "pictures": len(scores.files), "absent": scores.absent}
    write_json(folder / "evaluation.json", facts)
    return scores


def evaluation_set(
    config: Mapping[str, Any], pictures: Pictures, split: Split, framing: Mapping[str, Any] | None
) -> EvaluationSet:
    """Return the pictures of a split, framed (null: whole) and degraded the same way in every run."""
    frame = None if framing is None else build(framing)
    return EvaluationSet(pictures, split, frame, build(config["degradation"]), config["evaluation"]["seed"])


def write_scores(scores: Scores, folder: Path) -> None:
    """Write the scores so that each file is either the old one or the new one, whole."""
    path = folder / "scores.csv"
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with partial.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", *scores.images])
        writer.writerows(zip(scores.files, *scores.images.values(), strict=True))
    partial.replace(path)
    write_json(folder / "set_scores.json", scores.sets)
    write_json(folder / "absent_scores.json", scores.absent)


def save_picture(image: Tensor, path: Path) -> None:
    """Write a (3, H, W) picture in [0, 1] as PNG."""
    pixels = image.detach().clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).cpu().numpy()
    if not cv2.imwrite(str(path), np.ascontiguousarray(pixels[..., ::-1])):
        raise UserError(f"cannot write the picture {path}")


def print_scores(scores: Scores) -> None:
    table = Table("score", "mean", title=f"{len(scores.files)} pictures")
    for name, value in scores.means().items():
        table.add_row(name, f"{value:.4f}")
    for name, reason in scores.absent.items():
        table.add_row(name, f"absent: {reason}")
    Console(stderr=True).print(table)
