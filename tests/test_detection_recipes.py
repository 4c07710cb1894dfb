"""Finding edits from end to end: trained, scored filler by filler, applied; pairs on disk; trained fillers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from omegaconf import DictConfig
from PIL import Image

from henkan.config.build import build
from henkan.data.stream import collate
from henkan.errors import UserError
from henkan.launching.execute import execute
from henkan.prediction.trained_filling import TrainedFilling
from henkan.runs.plan import Plan, plan_run
from henkan.sample import Sample
from henkan.training.assemble import build_transform, training_stream
from henkan.verbs import train

Compose = Callable[..., DictConfig]


@pytest.fixture
def words(pictures: Path, tmp_path: Path) -> list[str]:
    """Overrides of a run on small pictures that takes a second."""
    return [
        *("experiment=detect_edits", "scale=smoke", "data=image_folder", f"data.path={pictures}"),
        *(f"paths.runs={tmp_path / 'runs'}", f"paths.cache={tmp_path / 'cache'}", "logger=csv"),
        *("trainer.threads=1", "trainer.log_every=2", "trainer.precision=32-true"),
        *("schedule.joint.iterations=4", "validation.every=4"),
    ]


def first_samples(plan: Plan, count: int = 4) -> Sample:
    stream = training_stream(plan.config, plan.pictures)
    return build_transform(plan.config).prepare(collate([stream["generator", k] for k in range(count)]))


@pytest.fixture
def run(words: list[str], composed: Compose, tmp_path: Path) -> Path:
    """A detector of four iterations, scored at two fillers, one of which it has not seen."""
    unseen = ["degradation.shares.paste=0.0", "evaluation.curve={setting: only, values: [telea, paste, nothing]}"]
    train.main(composed([*words, *unseen, "loss=[bce,mse,adversarial]"]))
    (found,) = (path.parent for path in (tmp_path / "runs").glob("*/run.json"))
    return found


def test_a_run_is_scored_filler_by_filler_and_finds_edits_in_photographs(run: Path, tmp_path: Path) -> None:
    curve = pd.read_csv(run / "curve.csv")
    assert curve["only"].unique().tolist() == ["telea", "paste", "nothing"]
    assert {"average_precision", "auroc", "iou", "mse"} <= set(curve) and len(curve) == 3 * 6
    assert (run / "curve.png").read_bytes().startswith(b"\x89PNG")
    # The same places of the same pictures, whoever edits; what nobody edited is no score of ranks.
    untouched = curve["auroc"].isna().to_numpy().reshape(3, 6)
    assert (untouched == untouched[0]).all()
    kinds = pd.read_csv(run / "samples.csv")["kind"]
    assert set(kinds) <= {"telea", "navier_stokes", "untouched"}
    losses = pd.read_csv(run / "metrics.csv").filter(regex="^loss/").dropna()
    assert {"loss/bce", "loss/mse", "loss/adversarial"} <= set(losses) and len(losses) == 2
    assert {path.name.partition("_")[2] for path in (run / "pictures").glob("0*.png")} == {
        *("source.png", "output.png", "target.png"),
    }
    pixels = np.random.default_rng(0).integers(0, 256, (45, 70, 4), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    words = [f"run={run}", f"input={tmp_path / 'a.png'}", f"output={tmp_path / 'out'}", "trainer.accelerator=cpu"]
    assert execute("predict", words).code == 0
    with Image.open(tmp_path / "out" / "a.png") as found:
        assert found.mode == "L" and found.size == (70, 45) and np.ptp(np.asarray(found)) > 0


def test_pairs_on_disk_are_those_made_on_the_fly(words: list[str], composed: Compose, tmp_path: Path) -> None:
    chosen = [*words, "degradation.shares.patchmatch=1"]
    assert execute("degrade", [*chosen, "count=8", "sheet=2", f"output={tmp_path / 'pairs'}", "workers=0"]).code == 0
    made = first_samples(plan_run(composed(chosen)), 8)
    data = ["data=degraded", f"data.path={tmp_path / 'pairs'}"]
    plan = plan_run(composed([word for word in [*words, *data] if word != words[2] and word != words[3]]))
    read = first_samples(plan, 8)
    for key in ("source", "target", "area", "window"):
        torch.testing.assert_close(read[key], made[key], atol=1e-7, rtol=0)
    assert read["kind"] == made["kind"] and "untouched" in made["kind"]
    # What a loss confines itself to is the whole picture.
    assert read["target"].shape[1] == 1 and read["mask"].min() == 1


def test_a_trained_run_fills_holes(
    run: Path, tiny: list[str], words: list[str], composed: Compose, tmp_path: Path
) -> None:
    train.main(composed([*tiny, "loss=[mse]", f"paths.runs={tmp_path / 'completion'}"]))
    (trained,) = (path.parent for path in (tmp_path / "completion").glob("*/run.json"))
    chosen = ["degradation.only=trained", "degradation.untouched=0.0"]
    plan = plan_run(composed([*words, *chosen, f"degradation.fillers.trained.by.path={trained}"]))
    sample = first_samples(plan)
    assert set(sample["kind"]) == {"trained"}
    plain = first_samples(plan_run(composed([*words, "degradation.only=nothing", "degradation.untouched=0.0"])))
    changed = (sample["source"] != plain["source"]).any(1, keepdim=True)
    assert torch.equal(sample["target"], plain["target"])
    assert changed[sample["target"] > 0].float().mean() > 0.5
    # A run is what is in it, wherever it lies.
    shutil.copytree(trained, tmp_path / "copy")
    moved = plan_run(composed([*words, *chosen, f"degradation.fillers.trained.by.path={tmp_path / 'copy'}"]))
    assert moved.identity == plan.identity
    detector = build({"_target_": "henkan.prediction.trained_filling.TrainedFilling", "path": str(run)})
    picture, hole = np.zeros((32, 32, 3), np.uint8), np.eye(32, dtype=bool)
    with pytest.raises(UserError, match="completes no pictures"):
        detector.fill(picture, hole)
    with pytest.raises(UserError, match="give path=FOLDER"):
        TrainedFilling(None).fill(picture, hole)
