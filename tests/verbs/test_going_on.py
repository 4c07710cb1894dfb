"""Checkpoints that stay, and runs that go on from one: `checkpoint.keep`, `iteration`, `resume_from`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from omegaconf import DictConfig

from henkan.errors import UserError
from henkan.launching.execute import execute
from henkan.runs.curves import MEASURED, read_rows
from henkan.runs.plan import plan_run
from henkan.training import checkpoint
from henkan.verbs import train

Compose = Callable[..., DictConfig]
LONGER = "schedule.joint.iterations=14"


@pytest.fixture
def tiny(tiny: list[str]) -> list[str]:
    """On the processor, where the bits are promised: kernels of a GPU add up in an order of their own."""
    return [*tiny, "trainer.accelerator=cpu"]


@pytest.fixture
def trained(tiny: list[str], composed: Compose, tmp_path: Path) -> Callable[..., Path]:
    """Train a tiny run in a folder of its own; returns its folder."""

    def run(name: str, *words: str) -> Path:
        runs = tmp_path / name
        train.main(composed([*tiny, "scheduler=constant", "scheduler.warmup=4", *words, f"paths.runs={runs}"]))
        (folder,) = (path.parent for path in runs.glob("*/run.json"))
        return folder

    return run


def state(folder: Path) -> dict[str, Any]:
    # What a run took is not what it is.
    found = checkpoint.load(checkpoint.last(folder))
    return {name: value for name, value in found.items() if name not in ("seconds", "curves")}


def equal(first: Any, second: Any) -> bool:
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(
            equal(first[key], second[key]) for key in first if key != "identity"
        )
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(equal, first, second))
    return bool(first == second)


def curves(folder: Path) -> list[dict[str, Any]]:
    rows = read_rows(folder / "metrics.csv")
    return [{name: value for name, value in row.items() if not name.startswith(MEASURED)} for row in rows]


def rate(folder: Path, network: str = "generator") -> float:
    return float(state(folder)["optimizers"][network]["param_groups"][0]["lr"])


def test_with_nothing_but_more_iterations_it_is_the_longer_run_to_the_bit(
    trained: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    straight = trained("straight", LONGER)
    short = trained("short")
    capsys.readouterr()
    longer = trained("longer", LONGER, f"resume_from={short}")
    assert f"goes on from {checkpoint.last(short)} at iteration 18" in capsys.readouterr().err
    assert equal(state(straight), state(longer))
    assert curves(straight) == curves(longer)
    assert (straight / "scores.csv").read_text() == (longer / "scores.csv").read_text()
    # It is another run all the same, and says from where it came.
    records = [json.loads((folder / "run.json").read_text()) for folder in (straight, short, longer)]
    assert len({record["identity"] for record in records}) == 3
    origin = records[2]["resumed_from"]
    assert origin["iteration"] == 18 and origin["identity"] == records[1]["identity"]


def test_it_goes_on_from_a_checkpoint_that_stayed_through_a_rate_that_falls(trained: Callable[..., Path]) -> None:
    # Of 12 updates of the generator 5 and 10 lower the rate; iteration 12 is after 8 of them.
    falling = ["scheduler=step", "scheduler.milestones=[5,10]", "scheduler.warmup=3"]
    straight = trained("straight", *falling, "checkpoint.keep.every=12")
    again = trained("again", *falling, f"resume_from={checkpoint.of_iteration(straight, 12)}")
    assert rate(straight) == pytest.approx(2e-6)
    assert equal(state(straight), state(again))
    assert curves(straight) == curves(again)


def test_a_cosine_over_the_whole_length_is_that_of_the_longer_run_from_there_on(trained: Callable[..., Path]) -> None:
    cosine = ["scheduler=cosine", "scheduler.generator.eta_min=1e-5"]
    straight = trained("straight", *cosine, LONGER)
    longer = trained("longer", *cosine, LONGER, f"resume_from={trained('short', *cosine)}")
    assert rate(longer) == rate(straight) == pytest.approx(1e-5)
    assert not equal(state(straight)["state_dict"], state(longer)["state_dict"]), "18 iterations had other rates"


def test_the_new_settings_win_and_what_was_learned_stays(trained: Callable[..., Path]) -> None:
    short = trained("short")
    slower = trained(
        "slower", LONGER, f"resume_from={short}", "optimizer.generator.lr=1e-6", "optimizer.generator.betas=[0.9,0.99]"
    )
    before, after = state(short), state(slower)
    (group,) = after["optimizers"]["generator"]["param_groups"]
    assert group["lr"] == pytest.approx(1e-6) and list(group["betas"]) == [0.9, 0.99]
    assert rate(slower, "discriminator") == rate(short, "discriminator")
    # 6 and 8 updates of the generator, and 6 more: Adam goes on counting.
    steps = [int(one["optimizers"]["generator"]["state"][0]["step"]) for one in (before, after)]
    assert steps == [14, 20]
    weights = [checkpoint.part(one, "generator") for one in (before, after)]
    moved = max(float((weights[0][name] - weights[1][name]).abs().max()) for name in weights[0] if "weight" in name)
    assert 0 < moved <= 6 * 1.1e-6 * 10, "it starts where the other ended, and moves at the lower rate"


def test_an_average_may_begin_and_end_there(trained: Callable[..., Path]) -> None:
    plain = trained("plain", "average.decay=null")
    begun = trained("begun", LONGER, f"resume_from={plain}")
    assert checkpoint.part(state(begun), "average")
    ended = trained("ended", "schedule.joint.iterations=20", f"resume_from={begun}", "average.decay=null")
    assert not checkpoint.part(state(ended), "average")


def test_what_cannot_go_on_from_there_is_refused(
    tiny: list[str], composed: Compose, trained: Callable[..., Path], tmp_path: Path
) -> None:
    short = trained("short")

    def refused(said: str, *words: str) -> None:
        with pytest.raises(UserError, match=said):
            train.main(composed([*tiny, f"resume_from={short}", f"paths.runs={tmp_path / 'no'}", *words]))

    refused("is at iteration 18, and this schedule ends at 18")
    refused(
        r"other phases \(6 x reconstruction: generator, 4 x discriminator: discriminator, .*init=", LONGER, "loss=[mse]"
    )
    refused(
        r"up to iteration 18 \(7 x reconstruction: generator, .*, 7 x joint: discriminator and generator\)",
        LONGER,
        "schedule.reconstruction.iterations=7",
    )
    refused("another kind of optimizer for the generator", LONGER, "optimizer=adadelta")
    refused("name one of the two", LONGER, f"init={short}")
    refused("no weights to learn", "generator=telea")
    refused("of another architecture", LONGER, "generator.width=0.0625")


def test_the_identity_knows_what_it_goes_on_from_and_no_prefix_is_shared_before(
    tiny: list[str], composed: Compose, trained: Callable[..., Path]
) -> None:
    first, second = trained("first", "checkpoint.keep.every=8"), trained("second", "seed=1", "checkpoint.keep.every=8")
    plans = [
        plan_run(composed([*tiny, *words]))
        for words in ([], *([f"resume_from={checkpoint.of_iteration(folder, 8)}"] for folder in (first, second)))
    ]
    assert len({plan.identity for plan in plans}) == 3
    assert [list(plan.prefixes) for plan in plans] == [[6, 10], [10], [10]]
    assert len({plan.prefixes[10] for plan in plans}) == 3
    # What is kept, and how often it is saved, makes no other run.
    assert plan_run(composed([*tiny, "checkpoint.keep.best=3", "checkpoint.minutes=1"])).identity == plans[0].identity


def test_another_iteration_is_scored_beside_and_predicts(
    trained: Callable[..., Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = trained("run", "checkpoint.keep.every=12", "checkpoint.keep.best=1")
    best = max((row for row in curves(folder) if "val/psnr" in row), key=lambda row: row["val/psnr"])["iteration"]
    assert set(checkpoint.kept(folder)) == {12, best}
    before = (folder / "scores.csv").read_text()
    assert execute("evaluate", [f"run={folder}", "iteration=12"]).code == 0
    assert execute("evaluate", [f"run={checkpoint.of_iteration(folder, 12)}", "evaluation.split=val"]).code == 0
    # The last one is itself, whatever it is called.
    assert execute("evaluate", [f"run={folder}", "iteration=18"]).code == 0
    names = sorted(path.name for path in (folder / "evaluations").iterdir())
    assert names[0] == "iteration_0000012" and names[1].startswith("iteration_0000012-") and len(names) == 2
    assert json.loads((folder / "evaluations" / names[0] / "evaluation.json").read_text())["iteration"] == 12
    assert (folder / "scores.csv").read_text() == before
    assert (folder / "evaluations" / names[0] / "scores.csv").read_text() != before

    cv2.imwrite(str(tmp_path / "a.png"), np.full((32, 32, 3), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "a_mask.png"), np.pad(np.full((8, 8), 255, np.uint8), 12))
    results = []
    for words in ([], ["iteration=12"]):
        output = tmp_path / f"out{len(results)}"
        words = [f"run={folder}", f"input={tmp_path / 'a.png'}", f"output={output}", *words]
        assert execute("predict", words).code == 0
        results.append(cv2.imread(str(output / "a.png")))
    assert (results[0] != results[1]).any()

    capfd.readouterr()
    there = ", ".join(map(str, sorted({12, best, 18})))
    assert execute("evaluate", [f"run={folder}", "iteration=13"]).code == 2
    assert "iteration=13 was not kept" in (said := capfd.readouterr().err) and there in said
    assert execute("evaluate", ["experiment=glcic", "generator=telea", "iteration=13"]).code == 2
    assert "name the run with run=FOLDER" in capfd.readouterr().err


def test_a_run_ends_with_its_scores(trained: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    folder = trained("run", "loss=[mse]")
    said = capsys.readouterr()
    assert f"{folder.name}: 6 pictures of test at iteration 14" in said.err and "psnr_hole" in said.err
    assert said.out.splitlines()[-1] == str(folder)
    assert {"time/iteration", "time/data"} <= set(read_rows(folder / "metrics.csv")[0])
