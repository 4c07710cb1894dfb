"""How wide lines are in what a run is trained on, and when a person's own are told to be of another scale."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from omegaconf import DictConfig

from henkan.runs.lines import advice, measured
from henkan.runs.plan import plan_run

KNOWN = {"low": 1.0, "median": 1.8, "high": 3.0}


@pytest.mark.parametrize(
    ("width", "resized", "fits"),
    [(0.4, 1.0, "resize=4.5"), (3.6, 1.0, "resize=0.5"), (18.0, 2.0, "resize=0.2")],
)
def test_lines_outside_of_the_range_are_told_with_what_makes_them_as_wide_as_most(
    width: float, resized: float, fits: str
) -> None:
    said = advice(width, KNOWN, resized)
    assert said is not None and f"about {width:.2g} pixels" in said and "1 to 3" in said and f"{fits} fits" in said


@pytest.mark.parametrize("width", [0.5, 1.0, 2.0, 3.5, None])
def test_lines_within_the_range_and_pages_without_any_are_not(width: float | None) -> None:
    assert advice(width, KNOWN, 1.0) is None
    assert advice(9.0, None, 1.0) is None


def lines(folder: Path, pen: int) -> Path:
    for split in ("train", "val", "test"):
        (folder / split).mkdir(parents=True)
        for number in range(3):
            drawing = np.full((64, 64), 255, np.uint8)
            cv2.line(drawing, (0, 10 + 20 * number), (63, 30 + 10 * number), 0, pen)
            cv2.imwrite(str(folder / split / f"{number}.png"), drawing)
    return folder


@pytest.mark.parametrize("pen", [1, 5])
def test_what_is_shown_is_measured_by_the_seed_alone(
    pen: int, composed: Callable[..., DictConfig], tmp_path: Path
) -> None:
    words = ["experiment=sketch_simplification_2016", "scale=smoke", "data=line_folder", "degradation=none"]
    plan = plan_run(composed([*words, f"data.path={lines(tmp_path / 'lines', pen)}"]))
    found = measured(plan)
    assert found is not None and found == measured(plan)
    assert found["low"] <= found["median"] <= found["high"] and found["median"] == pytest.approx(pen, abs=1)


def test_where_nothing_is_drawn_nothing_is_measured(composed: Callable[..., DictConfig], tiny: list[str]) -> None:
    assert measured(plan_run(composed(tiny))) is None
