"""Sketch and strokes to picture: what the networks see, and that the recipe trains in its two stages."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import torch
from omegaconf import DictConfig

from henkan.launching.execute import execute
from henkan.sample import Sample
from henkan.tasks.sketch_to_picture import SketchToPicture

Compose = Callable[..., DictConfig]


def make_sample() -> Sample:
    torch.manual_seed(0)
    return {
        "target": torch.rand(2, 3, 16, 16),
        "source": torch.rand(2, 1, 16, 16),
        "strokes": torch.rand(2, 3, 16, 16),
        "window": torch.tensor([[6, 8], [6, 8]]),
        "window_real": torch.tensor([[4, 4], [12, 12]]),
    }


def test_the_networks_see_sketch_and_strokes_as_one_picture() -> None:
    sample, task = make_sample(), SketchToPicture(window=8)
    image = task.condition(sample)["image"]
    assert torch.equal(image[:, :1], sample["source"]) and torch.equal(image[:, 1:], sample["strokes"])
    raw = torch.rand(2, 3, 16, 16)
    composed = task.compose(raw, sample)
    assert composed["prediction"] is raw and composed["output"] is raw
    for side, top in (("real", 0), ("fake", 2)):
        judged = task.judged("target", sample, side)  # type: ignore[arg-type]
        assert torch.equal(judged["condition"], image)
        assert torch.equal(judged["window"][0], sample["target"][0, :, top : top + 8, 2 * top : 2 * top + 8])


def test_panels_are_of_one_shape() -> None:
    sample = {**make_sample(), "output": torch.rand(2, 3, 16, 16)}
    panels = SketchToPicture(window=8).panels(sample)
    assert list(panels) == ["source", "strokes", "output", "target"]
    assert {panel.shape for panel in panels.values()} == {(2, 3, 16, 16)}


def test_the_recipe_states_what_is_known(composed: Compose) -> None:
    cfg = composed(["experiment=scribbler", "scale=paper", "statistics.mean=[0.5,0.5,0.5]"])
    assert (cfg.size, cfg.weights.mse, cfg.weights.total_variation) == (128, 1.0, 1e-5)
    assert list(cfg.schedule) == ["reconstruction", "joint"]
    assert list(cfg.schedule.reconstruction["update"]) == ["generator"]
    # Three epochs of 200,000 pictures.
    assert (cfg.batch_size, cfg.schedule.reconstruction.iterations) == (16, 3 * 200_000 / 16)
    assert list(cfg.degradation.strokes.count) == [1, 50]
    assert (cfg.generator.in_channels, cfg.generator.base, cfg.discriminator.base) == (4, 32, 32)


def test_the_recipe_trains_without_and_then_with_the_discriminator(pictures: Path, tmp_path: Path) -> None:
    words = ["experiment=scribbler", "scale=smoke", "data=image_folder", f"data.path={pictures}", "logger=csv"]
    words += [f"paths.runs={tmp_path / 'runs'}", f"paths.cache={tmp_path / 'cache'}", "metric=[psnr,ab_error]"]
    words += ["schedule.reconstruction.iterations=2", "schedule.joint.iterations=2", "trainer.log_every=2"]
    words += ["validation.every=4", "trainer.threads=1", "trainer.precision=32-true"]
    assert execute("train", words).code == 0
    (run,) = (tmp_path / "runs").glob("scribbler*")
    with (run / "metrics.csv").open() as file:
        rows = {row["phase"]: row for row in csv.DictReader(file)}
    assert all(float(rows[phase]["loss/mse"]) > 0 for phase in ("reconstruction", "joint"))
    assert rows["reconstruction"]["loss/adversarial"] == "" and float(rows["joint"]["loss/adversarial"]) > 0
    assert (run / "pictures" / "00_strokes.png").is_file()
    assert list((run / "panels").glob("*.png"))
