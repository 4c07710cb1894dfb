"""Score a trained run, or a generator that needs no training, on whole pictures.

Writes scores.csv (a row a picture, a column a metric), set_scores.json, samples.csv (area and kind of each hole),
areas.csv (means by the share of the picture that is missing) and pictures/ into the run folder. With
postprocess=poisson the post-processed output is scored too. With evaluation.curve everything is scored once more at
several values of one setting of the degradation: curve.csv and curve.png.

  henkan evaluate run=outputs/runs/RUN
  henkan evaluate run=outputs/runs/RUN evaluation.split=val 'metric=[psnr,ssim]'
  henkan evaluate run=outputs/runs/RUN postprocess=poisson
  henkan evaluate experiment=glcic generator=criminisi
  henkan evaluate run=outputs/runs/RUN 'evaluation.curve={setting: count, values: [0, 1, 10]}'
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from henkan.build import build
from henkan.data.pictures import Pictures
from henkan.data.splits import Split
from henkan.data.stream import EvaluationSet
from henkan.errors import UserError
from henkan.files import replaced, write_json
from henkan.metrics.evaluator import Evaluator, Scores, selection
from henkan.runs.identity import digest, evaluation_parts
from henkan.runs.overrides import task_overrides
from henkan.runs.plan import manifest_of, plan_run, settle
from henkan.runs.streams import never_clean
from henkan.sample import Sample
from henkan.training import checkpoint
from henkan.training.assemble import build_network, build_transform, device_for
from henkan.training.loggers import RunLogger
from henkan.training.modes import learns


def main(cfg: DictConfig) -> None:
    """Evaluate `run=FOLDER`, or the configured generator as it is if it has no parameters."""
    if cfg.run is not None:
        trained = own_config(cfg)
        config, pictures = settle(with_overrides(trained, cfg))
        folder = run_folder(Path(cfg.run))
        own, own_pictures = settle(trained)
        parts = evaluation_parts(config, manifest_of(config, pictures))
        if parts != evaluation_parts(own, manifest_of(own, own_pictures)):
            # Scores of other settings lie beside those of the run's own.
            folder = folder / "evaluations" / digest(parts)[:10]
        score_run(config, pictures, folder, weights=Path(cfg.run))
    else:
        config, pictures = settle(cfg)
        if learns(build_network(config, "generator")):
            raise UserError("this generator has weights to learn: name a trained run with run=FOLDER")
        plan = plan_run(cfg)
        folder = plan.folder
        means = score_run(plan.config, pictures, folder)
        # As `henkan train` would have left it: the same command of a study finds it done.
        facts = {"identity": plan.identity, "status": "done", "recipe": config["recipe"], "iterations": 0}
        write_json(folder / "run.json", {**facts, "overrides": task_overrides(), "metrics": means})
        (folder / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(plan.config)))
    print_scores(folder)
    print(folder)


def score_run(
    config: Mapping[str, Any],
    pictures: Pictures,
    folder: Path,
    weights: Path | None = None,
    logger: RunLogger | None = None,
    again: bool = True,
) -> dict[str, float]:
    """Score the generator of the checkpoint in `folder` (or of `weights`) and write what was found into `folder`.

    Returns the mean of every score. Without `again`, scores of the same identity that are there already are returned.
    """
    settings = config["evaluation"]
    split = settings["split"]
    if split is None:
        return {}
    check_edges(settings.get("areas"))
    network, parts = build_network(config, "generator"), evaluation_parts(config, manifest_of(config, pictures))
    if learns(network):
        path = checkpoint.find_checkpoint(weights or folder)
        checkpoint.load_weights(network, checkpoint.generator(checkpoint.load(path)), path)
        parts["weights"] = hashlib.sha256(path.read_bytes()).hexdigest()
    identity, facts = digest(parts), folder / "evaluation.json"
    if not again and facts.is_file() and (known := json.loads(facts.read_text()))["identity"] == identity:
        means: dict[str, float] = known["means"]
        return means
    scores = score(config, pictures, network, folder)
    # Runs of before there were areas have no edges.
    write_scores(scores, folder, settings.get("areas"))
    write_curve(along(config, pictures, network), folder, list(scores.images))
    means = scores.means()
    found = {"identity": identity, "split": split, "pictures": len(scores.files), "means": means}
    write_json(facts, {**found, "absent": scores.absent})
    if logger is not None:
        logger.table(split, *as_table(scores, folder / "pictures"))
    return means


def run_folder(place: Path) -> Path:
    """Return the folder of a run that is named by it or by its checkpoint; one that trained nothing has none."""
    return place if (place / "config.yaml").is_file() else checkpoint.find_checkpoint(place).parents[1]


def own_config(cfg: DictConfig) -> DictConfig:
    """Return the config of the trained run that `run` names."""
    path = run_folder(Path(cfg.run)) / "config.yaml"
    if not path.is_file():
        raise UserError(f"there is no run in {cfg.run}: {path} is missing")
    config = OmegaConf.load(path)
    assert isinstance(config, DictConfig)
    return config


def with_overrides(trained: DictConfig, cfg: DictConfig) -> DictConfig:
    """Return a run's config with what was given beside `run=`: a key's value, or all of a group that was chosen."""
    config = trained.copy()
    for override in task_overrides():
        key = override.lstrip("+~").partition("=")[0]
        key = key.partition("@")[2] or key
        if key not in ("run", "experiment"):
            OmegaConf.update(config, key, OmegaConf.select(cfg, key), merge=False, force_add=True)
    return config


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


def score(config: Mapping[str, Any], pictures: Pictures, network: nn.Module, folder: Path) -> Scores:
    """Score a generator on the configured split, and keep some of its pictures in `folder`."""
    settings, config = config["evaluation"], scored(config)
    transform = build_transform(config)
    data = evaluation_set(config, pictures, settings["split"], settings["framing"])
    shown = selection(len(data), settings["kept"])
    kept: list[str] = []

    def keep(index: int, sample: Sample) -> None:
        if index in shown:
            number = shown.index(index)
            kept.append(sample["name"][0])
            panels = transform.task.panels(sample)
            if "postprocessed" in sample:
                panels["postprocessed"] = sample["postprocessed"]
            for name, image in panels.items():
                save_picture(image[0], folder / "pictures" / f"{number:02d}_{name}.png")

    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    postprocess = None if config.get("postprocess") is None else build(config["postprocess"])
    evaluator = Evaluator(config["metric"], settings["batch"], postprocess=postprocess)
    scores = evaluator.evaluate(transform, network.to(device_for(config)), data, settings["pictures"], keep)
    write_json(folder / "pictures" / "index.json", kept)
    return scores


# Null is a value of a setting, too.
MISSING = object()


def along(config: Mapping[str, Any], pictures: Pictures, network: nn.Module) -> pd.DataFrame | None:
    """Score a generator at several values of one setting of the degradation: a row a value and picture.

    Columns: the setting, `file`, and the metrics of single pictures. None where `evaluation.curve` asks for nothing.
    """
    settings = config["evaluation"]
    curve = settings.get("curve")
    if curve is None:
        return None
    if not isinstance(curve, dict) or not isinstance(curve.get("values"), list) or "setting" not in curve:
        raise UserError("evaluation.curve is a setting and its values, as in {setting: count, values: [0, 1, 10]}")
    config = scored(config)
    setting, tables = str(curve["setting"]), []
    degradation = OmegaConf.create(config["degradation"])
    if OmegaConf.select(degradation, setting, default=MISSING) is MISSING:
        known = ", ".join(str(name) for name in degradation if name != "_target_")
        raise UserError(f"evaluation.curve.setting={setting}: the degradation has no such setting; it has {known}")
    for value in curve["values"]:
        OmegaConf.update(degradation, setting, value)
        here = {**config, "degradation": OmegaConf.to_container(degradation)}
        data = evaluation_set(here, pictures, settings["split"], settings["framing"])
        evaluator = Evaluator(config["metric"], settings["batch"], sets=False)
        scores = evaluator.evaluate(build_transform(here), network, data, settings["pictures"])
        tables.append(pd.DataFrame({setting: value, "file": scores.files, **scores.images}))
    return pd.concat(tables)


def write_curve(table: pd.DataFrame | None, folder: Path, metrics: Sequence[str]) -> None:
    """Write what `along` has found, and draw its means."""
    for name in ("curve.csv", "curve.png"):
        (folder / name).unlink(missing_ok=True)
    if table is None:
        return
    from henkan.report.along import draw, lines

    with replaced(folder / "curve.csv") as partial:
        table.to_csv(partial, index=False, float_format="%.6g")
    with replaced(folder / "curve.png") as partial:
        draw(lines({"": [table]}, metrics)).savefig(partial, format="png", dpi=120)


def scored(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the config with the degradation that scored pictures have, where it is another one."""
    own = config["evaluation"].get("degradation")
    return config if own is None else {**config, "degradation": own}


def evaluation_set(
    config: Mapping[str, Any], pictures: Pictures, split: Split, framing: Mapping[str, Any] | None
) -> EvaluationSet:
    """Return the pictures of a split, framed (null: whole) and degraded the same way in every run."""
    frame = None if framing is None else build(framing)
    degradation = build(never_clean(config["degradation"]))
    return EvaluationSet(pictures, split, frame, degradation, config["evaluation"]["seed"])


def write_scores(scores: Scores, folder: Path, edges: Sequence[float] | None) -> None:
    """Write what an evaluation found: scores a picture, by area, of the set, and what could not be scored."""
    with replaced(folder / "scores.csv") as partial, partial.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", *scores.images])
        writer.writerows(zip(scores.files, *scores.images.values(), strict=True))
    if scores.facts:
        with replaced(folder / "samples.csv") as partial:
            pd.DataFrame({"file": scores.files, **scores.facts}).to_csv(partial, index=False)
    # Scored again without areas, a folder must not show those of before.
    (folder / "areas.csv").unlink(missing_ok=True)
    if edges is not None and "area" in scores.facts:
        table = pd.DataFrame({"area": scores.facts["area"], **scores.images})
        with replaced(folder / "areas.csv") as partial:
            by_area(table, edges).to_csv(partial, index=False)
    write_json(folder / "set_scores.json", scores.sets)
    write_json(folder / "absent_scores.json", scores.absent)


def by_area(scores: pd.DataFrame, edges: Sequence[float]) -> pd.DataFrame:
    """Return the means of `scores` by their column `area`: rows `area` ("10-20 %"), `pictures`, and the metrics.

    A bin holds its upper edge; bins without a picture are left out.
    """
    bins = pd.cut(scores["area"], list(edges), include_lowest=True)
    grouped = scores.drop(columns="area").groupby(bins, observed=True)
    means = grouped.mean().rename_axis(None)
    names = [f"{100 * max(0.0, bin.left):.0f}-{100 * bin.right:.0f} %" for bin in means.index]
    means.insert(0, "pictures", grouped.size())
    means.insert(0, "area", names)
    return means


def check_edges(edges: Sequence[float] | None) -> None:
    """Raise `UserError` for edges of areas that do not rise from 0 to 1: some picture would be in no bin."""
    if edges is None:
        return
    rising = all(low < high for low, high in pairwise(edges))
    if len(edges) < 2 or not rising or edges[0] != 0 or edges[-1] != 1:
        raise UserError(f"evaluation.areas={list(edges)} must rise from 0 to 1, as in [0.0, 0.2, 0.5, 1.0]")


def save_picture(image: Tensor, path: Path) -> None:
    """Write a (3, H, W) picture in [0, 1] as PNG."""
    pixels = image.detach().clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).cpu().numpy()
    if not cv2.imwrite(str(path), np.ascontiguousarray(pixels[..., ::-1])):
        raise UserError(f"cannot write the picture {path}")


def print_scores(folder: Path) -> None:
    """Print what an evaluation has found, on stderr."""
    found = json.loads((folder / "evaluation.json").read_text())
    table = Table("score", "mean", title=f"{found['pictures']} pictures of {found['split']}")
    for name, value in found["means"].items():
        table.add_row(name, f"{value:.4f}")
    for name, reason in found["absent"].items():
        table.add_row(name, f"absent: {reason}")
    console = Console(stderr=True)
    console.print(table)
    areas = pd.read_csv(folder / "areas.csv") if (folder / "areas.csv").is_file() else pd.DataFrame()
    if len(areas) > 1:
        parts = Table("missing", *map(str, areas["area"]), title="by the share of the picture that is missing")
        parts.add_row("pictures", *map(str, areas["pictures"]))
        for name in areas.columns[2:]:
            parts.add_row(name, *(f"{value:.4f}" for value in areas[name]))
        console.print(parts)
