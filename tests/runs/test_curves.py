from __future__ import annotations

from pathlib import Path

import pytest

from henkan.files import Damaged
from henkan.runs.curves import Curves, last_iteration, parse_rows, read_rows


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
    resumed.take_up(read_rows(path), until=20)
    resumed.add({"iteration": 30, "phase": "a", "loss": 30 / 7})
    assert [row["iteration"] for row in read_rows(path)] == [10, 20, 30]
    assert read_rows(path)[-1]["loss"] == 30 / 7


def test_numbers_survive_exactly(tmp_path: Path) -> None:
    value = 0.1 + 0.2
    Curves(tmp_path / "metrics.csv").add({"iteration": 1, "phase": "a", "loss": value})
    assert read_rows(tmp_path / "metrics.csv")[0]["loss"] == value


TABLE = "iteration,phase,loss\r\n10,a,0.5\r\n20,a,0.25\r\n30,b,\r\n"


@pytest.mark.parametrize(
    ("damaged", "told"),
    [
        ("", "is empty"),
        (TABLE.partition("\n")[2], "does not name the columns"),
        (TABLE.replace("0.25", "0.2w"), "could not convert"),
        (TABLE.replace("0.25", "0.2\0"), "a NUL"),
        (TABLE.replace("20,a", "20a"), "line 3 has 2 cells for 3 columns"),
        (TABLE.replace("20,a", "60,a"), "line 4 goes back to iteration 30"),
        (TABLE.replace("phase", "phasf"), "does not name the columns"),
    ],
)
def test_damaged_rows_are_one_line_that_names_the_file(damaged: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_bytes(damaged.encode())
    with pytest.raises(Damaged, match=told) as error:
        read_rows(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)
    path.write_bytes(b"\xff" + TABLE.encode())
    with pytest.raises(Damaged, match="no text at byte 0"):
        read_rows(path)


def test_half_a_number_is_no_number() -> None:
    assert [row["iteration"] for row in parse_rows(TABLE)] == [10, 20, 30]
    assert parse_rows(TABLE)[-1] == {"iteration": 30, "phase": "b"}
    assert [row["iteration"] for row in parse_rows(TABLE.replace("30,b,\r\n", "30,b,0.1"))] == [10, 20]


def test_a_checkpoint_keeps_what_the_file_has_lost(tmp_path: Path) -> None:
    curves = Curves(tmp_path / "metrics.csv")
    for iteration in (10, 20, 30):
        curves.add({"iteration": iteration, "phase": "a", "loss": iteration / 7})
    kept, before = curves.text, curves.path.read_bytes()
    curves.path.write_text("")
    resumed = Curves(curves.path)
    resumed.take_up(parse_rows(kept), until=30)
    assert curves.path.read_bytes() == before


def test_the_last_iteration_is_that_of_a_row_of_any_length(tmp_path: Path) -> None:
    curves = Curves(tmp_path / "metrics.csv")
    assert last_iteration(curves.path) == 0
    for iteration in (50, 100):
        curves.add({"iteration": iteration, "phase": "joint", **{f"gradient/{n}": 1 / 3 + n for n in range(400)}})
    assert curves.path.stat().st_size > 10_000 and last_iteration(curves.path) == 100
