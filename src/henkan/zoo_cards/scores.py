"""How a network of the zoo scores beside its baseline, and whether it still does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from henkan.config.composition import compose_root
from henkan.config.resolved import Config
from henkan.errors import UserError
from henkan.evaluation.score import score
from henkan.report.statistics import Interval, over_images
from henkan.runs.settle import settle
from henkan.runs.trained import own_config, with_overrides
from henkan.training import checkpoint
from henkan.training.assemble import build_network
from henkan.zoo.cards import Card, Compared, Spread

# So many of the pictures that are scored are kept, to be drawn.
KEPT = 12


def scored(model: Path, words: Sequence[str], folder: Path, instead: Sequence[str] = ()) -> tuple[pd.DataFrame, Config]:
    """Return the scores of a model file, a row a picture, under overrides of `henkan evaluate`, and keep pictures.

    With `instead`, those of the generator that these overrides name, on the same pictures. Beside them their config.
    """
    given = [*words, *instead]
    cfg = compose_root("evaluate", [f"run={model}", f"evaluation.kept={KEPT}", *given])
    own = with_overrides(own_config(cfg), cfg, [*given, "evaluation.kept"])
    config, pictures = settle(own)
    split = config["evaluation"]["split"]
    if split is None:
        raise UserError(f"{model}: evaluation.split=null scores nothing: give test, val or train")
    network = build_network(config, "generator")
    if not instead:
        checkpoint.load_weights(network, checkpoint.generator(checkpoint.load(model)), model)
    found = score(config, pictures, network, folder, split)
    return pd.DataFrame(found.images, index=pd.Index(found.files, name="file")), config


def compared(model: pd.DataFrame, baseline: pd.DataFrame, better: Mapping[str, str]) -> list[Compared]:
    """Return, a score each, both means with the model's interval, and the paired difference with its own.

    Intervals are of the bootstrap over pictures, at 95 %. `beats`: the whole interval lies on the better side.
    """
    rows: list[Compared] = []
    for name, direction in better.items():
        interval = over_images({0: model[name].reset_index(drop=True)})
        difference = over_images({0: (model[name] - baseline[name]).reset_index(drop=True)})
        beats = difference.excludes_zero and (difference.mean > 0) == (direction == "higher")
        rows.append(
            {
                "name": name,
                "better": direction,
                "model": spread(interval),
                "baseline": round(float(baseline[name].mean()), 4),
                "difference": spread(difference),
                "beats": beats,
            }
        )
    return rows


def spread(interval: Interval) -> Spread:
    low, high = (None if end is None else round(end, 4) for end in (interval.low, interval.high))
    return {"mean": round(interval.mean, 4), "low": low, "high": high}


def matches(card: Card, model: pd.DataFrame, baseline: pd.DataFrame, within: float) -> list[str]:
    """Return how scores of some of its pictures differ from a card by more than `within` of a score's size."""
    known = {row["file"]: row for row in card["pictures"]}
    wrong = []
    for who, table in (("model", model), ("baseline", baseline)):
        for file, row in table.iterrows():
            on_card = known[str(file)]["model" if who == "model" else "baseline"]
            for key, value in row.items():
                told = on_card[str(key)]
                if not np.isclose(value, told, rtol=within, atol=within, equal_nan=True):
                    wrong.append(f"{file}: {key} of the {who} is {value:.5g}, and {told:.5g} on the card")
    return wrong
