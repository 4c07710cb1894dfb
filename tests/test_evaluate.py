"""`henkan evaluate`: the scores of a trained run again, others beside them, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig

from henkan import train
from henkan.cli import execute
from henkan.metrics.evaluator import same_shapes, selection

Compose = Callable[..., DictConfig]


def only_run(runs: Path) -> Path:
    (folder,) = (path.parent for path in runs.glob("*/run.json"))
    return folder


def test_a_trained_run_scores_the_same_again(tiny: list[str], composed: Compose, tmp_path: Path) -> None:
    train.main(composed([*tiny, "loss=[mse]"]))
    folder = only_run(tmp_path / "runs")
    before = (folder / "scores.csv").read_text()
    (folder / "scores.csv").unlink()
    assert execute("evaluate", [f"run={folder}"]).code == 0
    assert (folder / "scores.csv").read_text() == before


def test_other_settings_do_not_overwrite_the_scores_of_test(tiny: list[str], composed: Compose, tmp_path: Path) -> None:
    train.main(composed([*tiny, "loss=[mse]"]))
    folder = only_run(tmp_path / "runs")
    before = (folder / "scores.csv").read_text()
    assert execute("evaluate", [f"run={folder}", "evaluation.split=val", "metric=[l1_hole]"]).code == 0
    assert (folder / "scores.csv").read_text() == before
    (other,) = (folder / "evaluations").iterdir()
    assert json.loads((other / "evaluation.json").read_text())["split"] == "val"
    assert (other / "scores.csv").read_text().splitlines()[0] == "file,area,kind,l1_hole"
    assert len((other / "scores.csv").read_text().splitlines()) == 1 + 4


def test_what_it_refuses(tiny: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert execute("evaluate", [f"run={tmp_path / 'nowhere'}"]).code == 2
    assert "there is no checkpoint" in capfd.readouterr().err
    assert execute("evaluate", tiny).code == 2
    assert "name a trained run with run=FOLDER" in capfd.readouterr().err


def test_a_limit_keeps_the_same_pictures_everywhere() -> None:
    assert selection(100, 12) == selection(100, 12)
    assert selection(100, 12) == sorted(set(selection(100, 12)))
    assert selection(5, None) == selection(5, 9) == [0, 1, 2, 3, 4]


def test_neighbors_of_one_shape_are_batched() -> None:
    shapes = [(3, 4, 4)] * 3 + [(3, 5, 4)] + [(3, 4, 4)]
    batches = list(same_shapes(({"target": torch.zeros(shape)} for shape in shapes), 2))
    assert [len(batch) for batch in batches] == [2, 1, 1, 1]
