"""Pairs and unpaired drawings in one run: exact under interruption, workers, shared prefixes and several processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig
from test_distributed import TWO, assert_same_curves, run
from test_resume import assert_same_result, kill_at, train

from henkan.launching.launcher import WarmProcesses
from henkan.runs.plan import plan_run
from henkan.scoring.evaluation_set import evaluation_set
from henkan.training.assemble import build_translator, training_streams
from henkan.verbs import preview

Compose = Callable[..., DictConfig]


@pytest.fixture
def augmented(drawn: list[str], unpaired: list[str]) -> list[str]:
    """Overrides of the whole of adversarial augmentation, in three phases."""
    return [
        "experiment=adversarial_augmentation_2018",
        *drawn,
        *unpaired,
        "schedule=glcic",
        "schedule.reconstruction.iterations=4",
        "schedule.discriminator.iterations=4",
        "schedule.joint.iterations=10",
        "trainer.precision=32-true",
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("iteration", "workers"), [(6, 0), (10, 2)])
def test_a_killed_run_ends_as_if_it_had_not_been(
    augmented: list[str], tmp_path: Path, processes: WarmProcesses, iteration: int, workers: int
) -> None:
    words = [*augmented, "checkpoint.every=1", "schedule.joint.iterations=40"]
    straight = train(processes, words, tmp_path / "straight", tmp_path / "straight.txt")
    overrides = [*words, f"trainer.workers={workers}"]
    reached = kill_at(processes, overrides, tmp_path / "killed", iteration)
    assert iteration <= reached < 48
    resumed = train(processes, overrides, tmp_path / "killed", tmp_path / "resumed.txt")
    assert "resumed at iteration" in (tmp_path / "resumed.txt").read_text()
    assert_same_result(straight, resumed)


def test_supervised_and_augmented_runs_share_their_supervised_phase(
    augmented: list[str], tmp_path: Path, processes: WarmProcesses
) -> None:
    alone = train(processes, augmented, tmp_path / "alone", tmp_path / "alone.txt")
    train(processes, [*augmented, "loss=[mse]"], tmp_path / "shared", tmp_path / "mse.txt")
    log = tmp_path / "augmented.txt"
    process = processes.start(["train", *augmented, f"paths.runs={tmp_path / 'shared'}"], log=log)
    assert process.wait() == 0, log.read_text()
    assert "starts at iteration 4, from a shared prefix" in log.read_text()
    assert_same_result(alone, tmp_path / "shared" / alone.name)


def test_two_processes_give_the_curve_of_one(augmented: list[str], tmp_path: Path, processes: WarmProcesses) -> None:
    # Without batch statistics, and without dropout, which each process draws for itself.
    words = [*augmented, "generator.normalization=null", "discriminator.dropout=0.0", "schedule.joint.iterations=6"]
    words += ["streams.unpaired_source.share=1.0", "streams.unpaired_target.share=1.0", "validation.every=1000"]
    # The first steps of Adadelta and Adam are of one size whatever the gradient: rounding decides a small one's sign.
    sgd = "{_target_: torch.optim.SGD, _partial_: true, lr: 0.1}"
    for name in ("generator", "discriminator"):
        words += [f"~optimizer.{name}", f"+optimizer.{name}={sgd}"]
    (one,) = run(processes, [*words, "trainer.log_every=2"], tmp_path / "one")
    (two,) = run(processes, [*words, *TWO], tmp_path / "two")
    assert_same_curves(one, two, rows=7)


def test_preview_shows_every_stream(augmented: list[str], composed: Callable[..., DictConfig], tmp_path: Path) -> None:
    cfg = composed([*augmented, f"output={tmp_path / 'preview.png'}", "samples=2"], "preview")
    preview.main(cfg)
    plan = plan_run(cfg)
    columns = preview.pictures(plan, build_translator(plan), 2, 0)
    assert [name for name in columns if name.startswith("unpaired")] == [
        *("unpaired_source: source", "unpaired_source: target"),
        *("unpaired_target: source", "unpaired_target: target"),
    ]
    # The clean ones are shown as they are, the rough ones are not.
    assert torch.equal(columns["unpaired_target: source"], columns["unpaired_target: target"])
    assert not torch.equal(columns["unpaired_source: source"], columns["unpaired_source: target"])


def test_clean_samples_are_of_the_pairs_alone(drawn: list[str], unpaired: list[str], composed: Compose) -> None:
    words = ["experiment=adversarial_augmentation_2018", *drawn, *unpaired, "clean=1.0", "average.decay=null"]
    plan = plan_run(composed(words))
    for name, stream in training_streams(plan).items():
        kept = [stream["generator", k].get("parameters", [0.0])[-1] for k in range(4)]
        assert kept == [float(name == "paired")] * 4
    scored = evaluation_set(plan.config, plan.pictures, "test", plan.config["validation"]["framing"])
    assert [scored[k]["parameters"][-1] for k in range(len(scored))] == [0.0] * len(scored)
