"""Run folders as `henkan train` leaves them, with nothing trained."""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path
from typing import Any

import yaml

from henkan.runs.record import as_record, write_record

CONFIG: dict[str, Any] = {
    "seed": 0,
    "init": None,
    "loss": {"mse": {"_target_": "henkan.losses.mse.MSE", "weight": 1.0}},
    "weights": {"mse": 1.0},
    "generator": {"_target_": "henkan.generators.glcic.GLCIC", "width": 0.25},
    "metric": {
        "psnr": {"_target_": "henkan.metrics.psnr.PSNR", "better": "higher"},
        "l1": {"_target_": "henkan.metrics.l1.L1", "better": "lower"},
        "gradient": {"_target_": "henkan.metrics.gradient.Gradient", "better": None},
    },
    "optimizer": {"generator": {"lr": 1e-3}},
    "scale": {"name": "smoke"},
    "paths": {"runs": "outputs/runs"},
}
ADVERSARIAL = {"_target_": "henkan.losses.adversarial.Adversarial", "weight": 0.01}


def identity_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def write_run(
    runs: Path, name: str, seed: int = 0, alpha: float | None = None, config: Any = None, **record: Any
) -> Path:
    """Write a run called by a name; `alpha` is the weight of its adversarial term, if it has one."""
    identity = identity_of(name)
    content = copy.deepcopy(CONFIG) | {"seed": seed} | (config or {})
    if alpha is not None:
        content["loss"]["adversarial"] = {**ADVERSARIAL, "weight": alpha}
        content["weights"]["adversarial"] = alpha
    terms = "+".join(sorted(content["loss"]))
    folder = runs / f"glcic-{terms}-seed{seed}-{identity[:10]}"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    facts = {
        "identity": identity,
        "status": "done",
        "recipe": "glcic",
        "study": None,
        "seed": seed,
        "title": f"{name}-seed{seed}",
        "overrides": ["experiment=glcic", f"seed={seed}"],
        "iterations": 18,
        "seconds": 1.5,
        "created": f"2026-11-0{1 + seed}T00:00:00+00:00",
        "evaluation": "e" * 64,
    }
    write_record(folder, as_record(facts | record))
    return folder
