from __future__ import annotations

from henkan.launching.swept import swept, table

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
