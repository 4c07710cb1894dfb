"""Scores along one setting of the degradation."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pandas as pd
from omegaconf import OmegaConf
from torch import nn

from henkan.config.resolved import Config, Node
from henkan.data.pictures import Pictures
from henkan.data.splits import Split
from henkan.files import replaced
from henkan.progress import followed
from henkan.scoring.asked import curve_of
from henkan.scoring.evaluation_set import evaluation_set, scored
from henkan.scoring.evaluator import Evaluator, selection
from henkan.training.assemble import build_transform


def along(config: Config, pictures: Pictures, network: nn.Module, split: Split) -> pd.DataFrame | None:
    """Score a generator at several values of one setting of the degradation: a row a value and picture.

    Columns: the setting (null and ranges in words), `file`, and the metrics of single pictures. None where
    `evaluation.curve` asks for nothing.
    """
    curve, settings = curve_of(config), config["evaluation"]
    if curve is None:
        return None
    config, setting, tables = scored(config), curve.setting, []
    degradation = OmegaConf.create(dict(config["degradation"]))
    for value in curve.values:
        OmegaConf.update(degradation, setting, value)
        here: Config = {**config, "degradation": cast(Node, OmegaConf.to_container(degradation))}
        data = evaluation_set(here, pictures, split, settings["framing"])
        evaluator = Evaluator(config["metric"], settings["batch"], sets=False)
        count = len(selection(len(data), settings["pictures"]))
        with followed(f"scores at {setting}={value}", count, "picture") as advance:
            scores = evaluator.evaluate(
                build_transform(here), network, data, settings["pictures"], lambda *_, told=advance: told()
            )
        values = [label(value)] * len(scores.files)
        tables.append(pd.DataFrame({setting: values, "file": scores.files, **scores.images}))
    return pd.concat(tables)


def label(value: Any) -> float | str:
    """Return what a table calls a value: a number or a word is itself, null and ranges are spelled."""
    return value if isinstance(value, int | float | str) else "null" if value is None else str(value)


def write_curve(table: pd.DataFrame | None, folder: Path) -> None:
    """Write what `along` has found; without, a folder must not show that of before."""
    for name in ("curve.csv", "curve.png"):
        (folder / name).unlink(missing_ok=True)
    if table is None:
        return
    with replaced(folder / "curve.csv") as partial:
        table.to_csv(partial, index=False, float_format="%.6g")
