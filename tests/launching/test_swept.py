from __future__ import annotations

import os
from pathlib import Path

from henkan.launching.swept import SWEEP, note, noted, sweeping, swept, table

JOBS = [
    ["experiment=glcic", "weights.adversarial=0.001", "seed=0"],
    ["experiment=glcic", "weights.adversarial=0.01", "seed=0"],
    ["experiment=glcic", "weights.adversarial=0.01", "seed=1"],
]


def test_what_differs_is_swept() -> None:
    assert swept(JOBS) == ["weights.adversarial", "seed"]
    assert swept(JOBS[:1]) == []
    assert swept([["a=1"], ["a=1", "b=2"]]) == ["b"]


def test_a_row_a_run_with_its_values_and_how_it_ended() -> None:
    assert table(["val/psnr"], JOBS, [21.5, "ended by SIGKILL", None]) == [
        "weights.adversarial  seed  val/psnr",
        "0.001                0     21.5000",
        "0.01                 0     ended by SIGKILL",
        "0.01                 1",
    ]


def test_several_objectives_have_a_column_each() -> None:
    assert table(["val/psnr", "val/l1"], JOBS[:2], [[21.5, 0.25], "failed"]) == [
        "weights.adversarial  val/psnr  val/l1",
        "0.001                21.5000   0.2500",
        "0.01                 failed",
    ]


def test_runs_are_named_in_their_sweep_each_once(tmp_path: Path) -> None:
    runs = [tmp_path / "runs" / name for name in ("a", "b", "a")]
    swept_in = tmp_path / "runs" / "sweeps" / "today"
    swept_in.mkdir(parents=True)
    note(runs[0])
    assert noted(swept_in) == []
    with sweeping(swept_in):
        for run in runs:
            note(run)
    assert SWEEP not in os.environ
    assert [path.resolve() for path in noted(swept_in)] == runs[:2]
    # They may be moved together.
    (tmp_path / "runs").rename(tmp_path / "moved")
    found = noted(tmp_path / "moved" / "sweeps" / "today")
    assert [path.resolve() for path in found] == [tmp_path / "moved" / "a", tmp_path / "moved" / "b"]
