from __future__ import annotations

from pathlib import Path

from henkan.runs.curves import Curves, read_rows


def test_rows_are_on_disk_at_once_and_new_columns_are_taken_up(tmp_path: Path) -> None:
    curves = Curves(tmp_path / "metrics.csv")
    curves.add({"iteration": 10, "phase": "a", "loss": 0.1})
    curves.add({"iteration": 20, "phase": "a", "loss": 0.2, "extra": 1.5})
    curves.add({"iteration": 20, "phase": "a", "val/psnr": 30.25})
    assert read_rows(tmp_path / "metrics.csv") == [
        {"iteration": 10, "phase": "a", "loss": 0.1},
        {"iteration": 20, "phase": "a", "loss": 0.2, "extra": 1.5, "val/psnr": 30.25},
    ]


def test_rows_beyond_the_checkpoint_and_a_line_cut_short_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    curves = Curves(path)
    for iteration in (10, 20, 30):
        curves.add({"iteration": iteration, "phase": "a", "loss": iteration / 7})
    path.write_text(path.read_text()[:-3] + "\n40,a")
    resumed = Curves(path)
    resumed.load(until=20)
    resumed.add({"iteration": 30, "phase": "a", "loss": 30 / 7})
    assert [row["iteration"] for row in read_rows(path)] == [10, 20, 30]
    assert read_rows(path)[-1]["loss"] == 30 / 7


def test_numbers_survive_exactly(tmp_path: Path) -> None:
    value = 0.1 + 0.2
    Curves(tmp_path / "metrics.csv").add({"iteration": 1, "phase": "a", "loss": value})
    assert read_rows(tmp_path / "metrics.csv")[0]["loss"] == value
