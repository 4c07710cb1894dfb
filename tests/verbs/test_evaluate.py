"""`henkan evaluate`: the scores of a trained run again, others beside them, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from omegaconf import DictConfig, OmegaConf

from henkan.errors import UserError
from henkan.evaluation.written import by_area, check_edges, write_scores
from henkan.launching.execute import execute
from henkan.runs.record import read_record, write_record
from henkan.scoring.evaluator import Evaluator, Scores, same_shapes, selection
from henkan.verbs import train

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
    assert (other / "scores.csv").read_text().splitlines()[0] == "file,l1_hole"
    assert (other / "samples.csv").read_text().splitlines()[0] == "file,area,kind"
    assert len((other / "scores.csv").read_text().splitlines()) == 1 + 4


def test_the_post_processed_output_is_scored_beside_the_other(
    tiny: list[str], composed: Compose, tmp_path: Path
) -> None:
    train.main(composed([*tiny, "loss=[mse]"]))
    folder = only_run(tmp_path / "runs")
    identity = json.loads((folder / "run.json").read_text())["identity"]
    assert execute("evaluate", [f"run={folder}", "postprocess=poisson", "metric=[psnr_hole,gradient_hole]"]).code == 0
    (other,) = (folder / "evaluations").iterdir()
    scores = pd.read_csv(other / "scores.csv")
    assert list(scores) == [
        *("file", "psnr_hole", "psnr_hole_post", "gradient_hole", "gradient_hole_post"),
    ]
    assert (scores["psnr_hole"] != scores["psnr_hole_post"]).all()
    plain = pd.read_csv(folder / "scores.csv")
    assert scores["psnr_hole"].tolist() == plain["psnr_hole"].tolist()
    shown = {path.name.partition("_")[2] for path in (other / "pictures").glob("*.png")}
    assert shown == {"source.png", "output.png", "postprocessed.png", "target.png"}
    # How it is scored does not make it another run.
    train.main(composed([*tiny, "loss=[mse]", "postprocess=poisson"]))
    assert json.loads((only_run(tmp_path / "runs") / "run.json").read_text())["identity"] == identity
    assert "psnr_hole_post" in pd.read_csv(folder / "scores.csv")


def test_a_run_of_before_there_were_areas(tiny: list[str], composed: Compose, tmp_path: Path) -> None:
    train.main(composed([*tiny, "loss=[mse]"]))
    folder = only_run(tmp_path / "runs")
    assert (folder / "areas.csv").is_file()
    config = OmegaConf.load(folder / "config.yaml")
    del config.evaluation["areas"]
    OmegaConf.save(config, folder / "config.yaml")
    (folder / "areas.csv").unlink()
    # Runs of then have no digests either.
    record = read_record(folder) or {}
    write_record(folder, {name: value for name, value in record.items() if name != "digests"})
    assert execute("evaluate", [f"run={folder}"]).code == 0
    assert not (folder / "areas.csv").exists()


@pytest.mark.parametrize("generator", ["telea", "navier_stokes", "biharmonic", "patchmatch", "criminisi"])
def test_what_learns_nothing_is_scored_without_training(tiny: list[str], tmp_path: Path, generator: str) -> None:
    assert execute("evaluate", [*tiny, f"generator={generator}"]).code == 0
    folder = only_run(tmp_path / "runs")
    scores = pd.read_csv(folder / "scores.csv")
    assert scores["psnr_hole"].notna().all() and scores["psnr"].between(5, 100).all()
    assert folder.name.startswith(f"glcic-{generator}-")


def test_means_by_area() -> None:
    scores = pd.DataFrame({"area": [0.0, 0.05, 0.1, 0.11, 0.5], "psnr": [1.0, 2.0, 3.0, 4.0, 5.0]})
    table = by_area(scores, [0.0, 0.1, 0.3, 0.4, 1.0])
    assert table.to_dict("list") == {
        "area": ["0-10 %", "10-30 %", "40-100 %"],
        "pictures": [3, 1, 1],
        "psnr": [2.0, 4.0, 5.0],
    }


@pytest.mark.parametrize("edges", [[0.0, 0.5, 0.2, 1.0], [0.0], [], [0.0, 0.5], [0.1, 1.0], [0.0, 0.0, 1.0]])
def test_edges_that_leave_a_picture_out(edges: list[float]) -> None:
    with pytest.raises(UserError, match="must rise from 0 to 1"):
        check_edges(edges)


def test_edges_that_hold_every_picture() -> None:
    check_edges(None)
    check_edges([0.0, 1.0])


def test_areas_of_before_do_not_stay(tmp_path: Path) -> None:
    scores = Scores(files=["a"], facts={"area": [0.1], "kind": ["drawn"]}, images={"psnr": [1.0]})
    write_scores(scores, tmp_path, [0.0, 1.0])
    assert (tmp_path / "areas.csv").is_file()
    write_scores(scores, tmp_path, None)
    assert not (tmp_path / "areas.csv").exists()


def test_a_set_is_scored_apart_after_post_processing() -> None:
    """What collects a set must not be shown both outputs."""
    node = {"_target_": "henkan.metrics.lite0.KIDLite0", "reads": {"output": "output", "target": "target"}}
    evaluator = Evaluator({"kid": node}, postprocess=lambda output, mask: output)
    assert evaluator.functions["kid"] is not evaluator.functions["kid_post"]


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
