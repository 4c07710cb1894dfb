"""The card of a trained network: what it was trained on, how it scores against its baseline, what it cannot do.

What a command cannot know is said in `experiments/zoo/NAME.yaml` (`Sheet` has its keys); all else is found out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import yaml
from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont

from henkan.config.composition import compose_root
from henkan.config.resolved import Config
from henkan.errors import UserError
from henkan.evaluation.score import score
from henkan.exporting.source import without_places
from henkan.files import read_text
from henkan.report.contact import GAP, LINE, SIDE, fitted
from henkan.report.figures import INK
from henkan.report.statistics import Interval, over_images
from henkan.runs.plan import settle
from henkan.runs.record import read_record
from henkan.runs.trained import own_config, run_folder, with_overrides
from henkan.training import checkpoint, model_file
from henkan.training.assemble import build_network

# So many test pictures are drawn, in so many columns of rows.
DRAWN, COLUMNS = 12, 2
# Settings of a command that say where things lie and how it is watched, and nothing of what is learned.
APART = ("paths.", "logger", "validation.", "trainer.", "checkpoint.", "metric", "evaluation.")
OF_LEARNING = ("trainer.precision",)


@dataclass(frozen=True)
class Sheet:
    """What is said of a network, all of which no command could find out.

    `train`: the overrides that train it. `test`: those under which `scores` are taken, of which the first decides.
    `baseline` is what it has to beat, in words, and `instead` the overrides that make it. `cannot`: what it cannot do.
    """

    title: str
    train: list[str]
    data: str
    licence: str
    test: list[str]
    scores: list[str]
    baseline: str
    instead: list[str]
    cannot: str

    @classmethod
    def read(cls, path: Path) -> Sheet:
        """Read a sheet. Raises `UserError` for one that lacks a key, or has one of another name."""
        found = yaml.safe_load(read_text(path, "name a network that has one"))
        names = [field.name for field in fields(cls)]
        if not isinstance(found, dict) or sorted(found) != sorted(names):
            raise UserError(f"{path} is to say {', '.join(names)}, and nothing else")
        return cls(**found)


def scored(model: Path, words: Sequence[str], folder: Path, instead: Sequence[str] = ()) -> tuple[pd.DataFrame, Config]:
    """Return the scores of a model file, a row a picture, under overrides of `henkan evaluate`, and keep pictures.

    With `instead`, those of the generator that these overrides name, on the same pictures. Beside them their config.
    """
    given = [*words, *instead]
    cfg = compose_root("evaluate", [f"run={model}", f"evaluation.kept={DRAWN}", *given])
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


def compared(model: pd.DataFrame, baseline: pd.DataFrame, better: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return, a score each, both means with the model's interval, and the paired difference with its own.

    Intervals are of the bootstrap over pictures, at 95 %. `beats`: the whole interval lies on the better side.
    """
    rows = []
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


def spread(interval: Interval) -> dict[str, float | None]:
    low, high = (None if end is None else round(end, 4) for end in (interval.low, interval.high))
    return {"mean": round(interval.mean, 4), "low": low, "high": high}


def card_of(name: str, sheet: Sheet, model: Path, run: Path | None) -> tuple[dict[str, Any], bytes]:
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
        "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
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
        if key.lstrip("+~").startswith(APART) and key not in OF_LEARNING:
            continue
        elsewhere = without_places(value)
        found.append(word if elsewhere == value else known.get(key, f"{key}={elsewhere}"))
    return found


def draw(ours: Path, theirs: Path, name: str, baseline: str) -> bytes:
    """Return the test pictures as a JPEG: source, baseline, the network's, and the target where there is one."""
    rows = []
    for path in sorted(ours.glob("*_source.png")):
        index = path.stem.partition("_")[0]
        target = ours / f"{index}_target.png"
        rows.append([path, theirs / f"{index}_output.png", ours / f"{index}_output.png", target])
    heads = ["source", baseline, name, "target"]
    if not all(row[3].is_file() for row in rows):
        rows, heads = [row[:3] for row in rows], heads[:3]
    step = SIDE + GAP
    across, down = len(heads) * step + GAP, -(-len(rows) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * across - 2 * GAP, LINE + GAP + down * step - GAP), "white")
    pencil, font = ImageDraw.Draw(sheet), ImageFont.truetype(findfont("DejaVu Sans"), 11)
    for column in range(COLUMNS):
        for place, head in enumerate(heads):
            pencil.text((column * across + place * step, 2), head, INK, font)
    for number, row in enumerate(rows):
        for place, path in enumerate(row):
            left, top = number // down * across + place * step, LINE + GAP + number % down * step
            with Image.open(path) as picture:
                sheet.paste(fitted(picture.convert("RGB")), (left, top))
    content = BytesIO()
    sheet.save(content, "JPEG", quality=85, optimize=True)
    return content.getvalue()


def markdown(card: Mapping[str, Any], picture: str | None = None) -> str:
    """Return a card as Markdown, with the picture of that name if there is one."""
    command = " ".join(f"'{word}'" if set(word) & set("[]{}$ ") else word for word in card["train"])
    decisive = card["scores"][0]
    verdict = "beats" if decisive["beats"] else "does **not** beat"
    lines = [
        f"# {card['name']}: {card['title']}",
        "",
        f"A network for {card['task'].replace('_', ' ')} with {card['parameters']:,} weights, "
        f"{card['bytes'] / 1e6:.2f} MB. It {verdict} {card['baseline']} in {decisive['name']}, on "
        f"{len(card['pictures'])} pictures that it was not trained on.",
        "",
        *([f"![Test pictures: source, {card['baseline']}, {card['name']}, target]({picture})", ""] if picture else []),
        f"| score | {card['name']} (95 %) | {card['baseline']} | difference (95 %) |",
        "| --- | --- | --- | --- |",
        *(
            f"| {row['name']} ({row['better']} is better) | {ranged(row['model'])} | {row['baseline']:.4g} | "
            f"{ranged(row['difference'], '+')} |"
            for row in card["scores"]
        ),
        "",
        "Intervals are of the bootstrap over these pictures; another seed would give other ones.",
        "",
        f"**What it cannot do.** {card['cannot'].strip()}",
        "",
        f"**Data.** {card['data'].strip()} Licence of the network: {card['licence']}.",
        "",
        f"**Trained** in {card['iterations']:,} iterations, {card['seconds'] / 60:.0f} minutes, by",
        "",
        f"    henkan train {command}",
        "",
        "**Scored** by",
        "",
        f"    henkan evaluate model={card['name']} " + " ".join(f"'{word}'" for word in card["test"]),
        "",
    ]
    return "\n".join(lines)


def ranged(found: Mapping[str, float | None], sign: str = "") -> str:
    if found["low"] is None or found["high"] is None:
        return f"{found['mean']:{sign}.4g}"
    return f"{found['mean']:{sign}.4g} [{found['low']:{sign}.4g}, {found['high']:{sign}.4g}]"


def matches(card: Mapping[str, Any], model: pd.DataFrame, baseline: pd.DataFrame, within: float) -> list[str]:
    """Return how scores of some of its pictures differ from a card by more than `within` of a score's size."""
    known = {row["file"]: row for row in card["pictures"]}
    wrong = []
    for who, table in (("model", model), ("baseline", baseline)):
        for file, row in table.iterrows():
            for key, value in row.items():
                told = known[str(file)][who][str(key)]
                if not np.isclose(value, told, rtol=within, atol=within, equal_nan=True):
                    wrong.append(f"{file}: {key} of the {who} is {value:.5g}, and {told:.5g} on the card")
    return wrong
