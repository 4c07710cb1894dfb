"""Scores along one setting of the degradation."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pandas as pd
from omegaconf import OmegaConf
from torch import nn

from henkan.config.resolved import Config, Node
from henkan.data.pictures import Pictures
from henkan.data.splits import Split
from henkan.errors import UserError
from henkan.files import replaced
from henkan.progress import followed
from henkan.scoring.evaluation_set import evaluation_set, scored
from henkan.scoring.evaluator import Evaluator, selection
from henkan.training.assemble import build_transform

# Null is a value of a setting, too.
MISSING = object()


def along(config: Config, pictures: Pictures, network: nn.Module, split: Split) -> pd.DataFrame | None:
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
    degradation = OmegaConf.create(dict(config["degradation"]))
    # What is built is chosen by the degradation alone: a run of somebody else is checked for what it builds.
    if "_target_" in setting or OmegaConf.select(degradation, setting, default=MISSING) is MISSING:
        known = ", ".join(str(name) for name in degradation if name != "_target_")
        raise UserError(f"evaluation.curve.setting={setting}: the degradation has no such setting; it has {known}")
    for value in curve["values"]:
        OmegaConf.update(degradation, setting, value)
        here: Config = {**config, "degradation": cast(Node, OmegaConf.to_container(degradation))}
        data = evaluation_set(here, pictures, split, settings["framing"])
        evaluator = Evaluator(config["metric"], settings["batch"], sets=False)
        count = len(selection(len(data), settings["pictures"]))
        with followed(f"scores at {setting}={value}", count, "picture") as advance:
            scores = evaluator.evaluate(
                build_transform(here), network, data, settings["pictures"], lambda *_, told=advance: told()
            )
        tables.append(pd.DataFrame({setting: value, "file": scores.files, **scores.images}))
    return pd.concat(tables)


def write_curve(table: pd.DataFrame | None, folder: Path) -> None:
    """Write what `along` has found; without, a folder must not show that of before."""
    for name in ("curve.csv", "curve.png"):
        (folder / name).unlink(missing_ok=True)
    if table is None:
        return
    with replaced(folder / "curve.csv") as partial:
        table.to_csv(partial, index=False, float_format="%.6g")
