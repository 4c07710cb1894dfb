"""A run's rows and panels as loggers are given them, and what W&B's offline files hold of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

Record = dict[str, Any]
# Record, config and folder.
LoggedRun = tuple[Record, dict[str, Any], Path]


def rows(first: int, last: int) -> list[dict[str, float | int | str]]:
    return [{"iteration": number, "phase": "joint", "loss/mse": 1.0 / number} for number in range(first, last + 1)]


def panels() -> list[dict[str, torch.Tensor]]:
    return [{"source": torch.zeros(1, 3, 8, 8), "target": torch.ones(1, 3, 8, 8)} for _ in range(3)]


def offline_file(folder: Path) -> Path:
    (file,) = (folder / "wandb").glob("offline-run-*/*.wandb")
    return file


def inspect(folder: Path, *flags: str) -> str:
    """Ask W&B's own reader."""
    command = [
        str(Path(sys.executable).with_name("wandb")),
        "leet",
        "inspect",
        *flags,
        "--json",
        str(offline_file(folder)),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def records(folder: Path, kind: str) -> list[dict[str, Any]]:
    """Return the records of a kind that an offline run holds, as W&B's own reader gives them."""
    lines = [json.loads(line) for line in inspect(folder).splitlines()]
    return [line[kind] for line in lines if line["type"] == kind]


def history(folder: Path) -> list[dict[str, Any]]:
    return [record["item"] for record in records(folder, "history")]


def agent(monkeypatch: pytest.MonkeyPatch, name: str | None) -> None:
    """Be in the environment that an agent of a W&B sweep gives to what it starts, or in none."""
    for variable, value in (("WANDB_SWEEP_ID", "sweep1"), ("WANDB_RUN_ID", name)):
        if name is None:
            monkeypatch.delenv(variable, raising=False)
        else:
            monkeypatch.setenv(variable, str(value))
    import wandb

    # A process reads its environment once.
    wandb.teardown()
