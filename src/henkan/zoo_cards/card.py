"""The card of a network of the zoo: what it was trained on, how it scores against its baseline, what it cannot do.

What a command cannot know is said in `experiments/zoo/NAME.yaml` (`Sheet` has its keys); all else is found out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from henkan.exporting.source import without_places
from henkan.files import digest_of
from henkan.runs.record import read_record
from henkan.runs.trained import run_folder
from henkan.training import checkpoint, model_file
from henkan.zoo.cards import Card
from henkan.zoo_cards.drawn import draw
from henkan.zoo_cards.scores import compared, scored
from henkan.zoo_cards.sheet import Sheet

# Settings of a command that say where things lie and how it is watched, and nothing of what is learned.
APART = ("paths.", "logger", "validation.", "trainer.", "checkpoint.", "metric", "evaluation.")
OF_LEARNING = ("trainer.precision",)


def card_of(name: str, sheet: Sheet, model: Path, run: Path | None) -> tuple[Card, bytes]:
    """Return the card of a model file and the picture of its test pictures, as JPEG; `run` is where it comes from."""
    facts = model_file.said(model)
    words = [*sheet.test, f"metric=[{','.join(sheet.scores)}]"]
    with TemporaryDirectory() as place:
        ours, theirs = Path(place) / "model", Path(place) / "baseline"
        scores, config = scored(model, words, ours)
        base, _ = scored(model, words, theirs, sheet.instead)
        drawn = draw(ours / "pictures", theirs / "pictures", name, sheet.baseline)
    better = {key: str(config["metric"][key]["better"]) for key in sheet.scores}
    record: Mapping[str, Any] = {} if run is None else read_record(run_folder(run)) or {}
    weights = checkpoint.generator(checkpoint.load(model))
    return {
        "name": name,
        "title": sheet.title,
        "task": str(config["task"]["_target_"]).split(".")[-2],
        "train": portable(record.get("overrides") or sheet.train, sheet.train),
        "iterations": int(facts.get("iterations") or 0),
        "seconds": round(float(record.get("seconds", 0.0))),
        "data": sheet.data,
        "licence": sheet.licence,
        "cannot": sheet.cannot,
        "parameters": sum(value.numel() for value in weights.values() if value.ndim > 0),
        "bytes": model.stat().st_size,
        "sha256": digest_of(model),
        "identity": facts.get("identity"),
        "henkan": facts.get("henkan"),
        "test": words,
        "baseline": sheet.baseline,
        "instead": sheet.instead,
        "scores": compared(scores, base, better),
        "pictures": [
            {"file": file, "model": rounded(scores.loc[file]), "baseline": rounded(base.loc[file])}
            for file in scores.index
        ],
    }, drawn


def rounded(row: pd.Series[float]) -> dict[str, float]:
    return {str(key): round(float(value), 5) for key, value in row.items()}


def portable(overrides: Sequence[str], told: Sequence[str]) -> list[str]:
    """Return the overrides that say what was learned; where one names a place of this machine, the one that is told."""
    known = {word.partition("=")[0]: word for word in told}
    found = []
    for word in overrides:
        key, _, value = word.partition("=")
        name = key.lstrip("+~")
        if name.startswith(APART) and name not in OF_LEARNING:
            continue
        elsewhere = without_places(value)
        found.append(word if elsewhere == value else known.get(key, f"{key}={elsewhere}"))
    return found
