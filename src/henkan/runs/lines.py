"""How wide lines are in the drawings that a run is trained on, measured as in a person's own, and what differs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch

from henkan.data.paper import evened, line_width
from henkan.data.stream import collate
from henkan.runs.plan import Plan
from henkan.runs.record import read_record
from henkan.runs.trained import run_folder
from henkan.sample import PAIRED
from henkan.training.assemble import build_transform, training_stream
from henkan.training.model_file import is_model, said
from henkan.training.program_file import is_program
from henkan.training.program_file import said as said_of_program

# So many samples are measured.
SAMPLES = 32
# What most of them are like: the range without so much at either end.
TAIL = 0.05
# Pixels that a width may be off by.
TOLERANCE = 0.5


@torch.no_grad()
def measured(plan: Plan) -> dict[str, float] | None:
    """Return low, median and high width of lines, in pixels, in what the generator is shown; None without lines.

    Of samples as they are trained on, framed and degraded, by the function that `henkan predict` measures pages with.
    They are the same in every run of a seed, and no others for it.
    """
    transform = build_transform(plan.config)
    if transform.task.drawn_in is None:
        return None
    stream = training_stream(plan.config, plan.streams[PAIRED])
    found = []
    for number in range(SAMPLES):
        sample = transform.prepare(collate([stream["lines", number]]))
        drawing = np.asarray(sample[transform.task.drawn_in][0].mean(0).numpy(), np.float32)
        width = line_width(evened(drawing)[0])
        found += [] if width is None else [width]
    if not found:
        return None
    low, median, high = np.quantile(found, (TAIL, 0.5, 1 - TAIL))
    return {"low": round(float(low), 2), "median": round(float(median), 2), "high": round(float(high), 2)}


def recorded(place: Path) -> dict[str, float] | None:
    """Return what a run, named by its folder or checkpoint, has measured; None for one of before it was recorded."""
    alone = is_model(place) or is_program(place)
    record: Any = said_of_lines(place) if alone else read_record(run_folder(place)) or {}
    found = record.get("lines")
    if not isinstance(found, dict):
        return None
    known = {name: found[name] for name in ("low", "median", "high") if isinstance(found.get(name), int | float)}
    return known if len(known) == 3 and all(0 < value < math.inf for value in known.values()) else None


def said_of_lines(place: Path) -> dict[str, Any]:
    """Return what a model file, or the card of a program, says of lines, as a record does."""
    facts = said(place) if is_model(place) else said_of_program(place)
    try:
        return {"lines": json.loads(facts.get("lines", "null"))}
    except (ValueError, TypeError):
        return {}


def advice(width: float | None, known: dict[str, float] | None, resized: float) -> str | None:
    """Return what to say of lines, `width` pixels wide after `resize=resized`, that are unlike all that was trained."""
    if width is None or known is None or known["low"] - TOLERANCE <= width <= known["high"] + TOLERANCE:
        return None
    trained = f"{known['low']:.2g} to {known['high']:.2g}"
    return (
        f"its lines are about {width:.2g} pixels wide, and those that the network was trained on {trained}: "
        f"resize={resized * known['median'] / width:.2g} fits"
    )
