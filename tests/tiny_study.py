"""A study of three tiny runs for each of two seeds."""

from __future__ import annotations

from pathlib import Path

import yaml

from henkan.runs.record import read_record

STUDY = """
title: Tiny
question: Does it run?
recipe: glcic
scale: smoke
overrides: []
variants:
  mse: ["loss=[mse]"]
  weak: ["loss=[mse,adversarial]", weights.adversarial=0.01]
  strong: ["loss=[mse,adversarial]", weights.adversarial=0.1]
baseline: mse
seeds: [0, 1]
jobs: 2
headline: [psnr_hole]
plane: {x: psnr_hole, y: psnr}
"""


def own(tiny: list[str]) -> list[str]:
    """What a study adds itself is left out."""
    return [word for word in tiny if not word.startswith(("experiment=", "scale="))]


def done(runs: Path) -> list[str]:
    records = {path.parent.name: read_record(path.parent) for path in runs.glob("*/run.json")}
    return sorted(name for name, record in records.items() if record is not None and record["status"] == "done")


def in_study(folder: Path, **entries: object) -> None:
    content = yaml.safe_load((folder / "study.yaml").read_text()) | entries
    (folder / "study.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
