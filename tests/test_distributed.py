"""Two CPU processes under DDP train as one process does at the same global batch."""

from __future__ import annotations

from pathlib import Path

import pytest

from henkan.launching.launcher import WarmProcesses
from henkan.runs.curves import read_rows
from henkan.runs.record import read_record

WITHOUT_BATCH_STATISTICS = ["generator.normalization=null", "discriminator.normalization=null"]
TWO = ["trainer.accelerator=cpu", "trainer.devices=2"]


def run(processes: WarmProcesses, words: list[str], runs: Path) -> list[Path]:
    log = runs.parent / f"{runs.name}.txt"
    process = processes.start(["train", *words, f"paths.runs={runs}"], log=log)
    assert process.wait(240) == 0, log.read_text()
    folders = sorted(path.parent for path in runs.glob("*/run.json"))
    for folder in folders:
        record = read_record(folder)
        assert record is not None
        assert record["status"] == "done"
    return folders


LOGITS = ("discriminator/logit_real", "discriminator/logit_fake")


def assert_same_curves(one: Path, two: Path, rows: int = 9, shift: bool = False) -> None:
    """Compare two runs' curves; with `shift`, of the mean logits how far apart they are, and not where they lie."""
    first, second = read_rows(one / "metrics.csv"), read_rows(two / "metrics.csv")
    if shift:
        for row in (*first, *second):
            if LOGITS[0] in row:
                real, fake = (float(row.pop(name)) for name in LOGITS)
                row["discriminator/logit_gap"] = real - fake
    assert len(first) == len(second) == rows
    for row, other in zip(first, second, strict=True):
        assert row.keys() == other.keys()
        for name, value in row.items():
            if name.startswith(("loss/", "weighted/", "gradient/", "balance/", "discriminator/", "val/")):
                # Pulls at a saturated discriminator grow what rounding there is.
                near = 2e-2 if name.startswith("gradient/") else 1e-3
                assert other[name] == pytest.approx(value, rel=near, abs=1e-5), (name, row["iteration"])


@pytest.mark.parametrize("objective", ["adversarial", "relativistic"])
def test_two_processes_give_the_curve_of_one(
    tiny: list[str], tmp_path: Path, processes: WarmProcesses, objective: str
) -> None:
    words = [*tiny, *WITHOUT_BATCH_STATISTICS, f"loss=[mse,{objective}]", "weights.adversarial=0.1"]
    (one,) = run(processes, words, tmp_path / "one")
    (two,) = run(processes, [*words, *TWO], tmp_path / "two")
    assert one.name == two.name, "devices do not belong to the identity"
    # A relativistic objective does not change with a shift of all logits: what moves their common part is rounding,
    # which Adam makes as large as any step, on one processor more than on another.
    assert_same_curves(one, two, shift=objective == "relativistic")


def test_a_balance_does_not_see_how_many_processes_there_are(
    tiny: list[str], tmp_path: Path, processes: WarmProcesses
) -> None:
    words = [*tiny, *WITHOUT_BATCH_STATISTICS, "loss=[mse,adversarial]", "balance.adversarial=0.5"]
    (one,) = run(processes, words, tmp_path / "one")
    (two,) = run(processes, [*words, *TWO], tmp_path / "two")
    assert_same_curves(one, two)


@pytest.mark.slow
def test_inside_a_multirun_rank_1_starts_its_own_run_and_not_the_sweep(
    tiny: list[str], tmp_path: Path, processes: WarmProcesses
) -> None:
    words = [*tiny, *WITHOUT_BATCH_STATISTICS]
    swept = run(processes, ["-m", *words, *TWO, "seed=0,1"], tmp_path / "swept")
    assert len(swept) == 2
    (one,) = run(processes, [*words, "seed=1"], tmp_path / "one")
    assert_same_curves(one, next(folder for folder in swept if folder.name == one.name))


def test_with_batch_norm_it_trains(tiny: list[str], tmp_path: Path, processes: WarmProcesses) -> None:
    (folder,) = run(processes, [*tiny, *TWO], tmp_path / "norm")
    assert (folder / "scores.csv").is_file()
