"""What an evaluation may be asked for: areas that hold every picture, a curve along a setting that there is."""

from __future__ import annotations

from typing import Any

import pytest

from henkan.errors import UserError
from henkan.scoring.asked import Curve, check_asked, check_edges, curve_of


@pytest.mark.parametrize("edges", [[0.0, 0.5, 0.2, 1.0], [0.0], [], [0.0, 0.5], [0.1, 1.0], [0.0, 0.0, 1.0]])
def test_edges_that_leave_a_picture_out(edges: list[float]) -> None:
    with pytest.raises(UserError, match="must rise from 0 to 1"):
        check_edges(edges)


def test_edges_that_hold_every_picture() -> None:
    check_edges(None)
    check_edges([0.0, 1.0])


def config(split: str | None = "test", **settings: Any) -> Any:
    degradation = {"_target_": "henkan.degradations.haze.Haze", "beta": [0.6, 1.8], "unit": None}
    return {"evaluation": {"split": split, **settings}, "degradation": degradation}


def test_a_curve_is_a_setting_and_its_values() -> None:
    assert curve_of(config()) is None
    asked = {"setting": "unit", "values": [None, 0.5]}
    assert curve_of(config(curve=asked)) == Curve("unit", [None, 0.5])
    # What is scored may be degraded otherwise.
    other = {"_target_": "henkan.degradations.bicubic.Bicubic", "scale": 4}
    assert curve_of(config(curve={"setting": "scale", "values": [2]}, degradation=other)) is not None


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"curve": {"setting": "gamma", "values": [1]}}, "no such setting; it has beta, unit"),
        ({"curve": {"setting": "_target_", "values": ["x"]}}, "no such setting"),
        ({"curve": {"setting": "beta", "values": []}}, "has no values of beta"),
        ({"curve": [1, 2]}, "is a setting and its values"),
        ({"curve": {"setting": "a", "values": [1]}, "degradation": {"_target_": "x.Y"}}, "it has none: .*curve=null"),
        ({"curve": {"setting": "beta.x", "values": [1]}}, "no such setting"),
        ({"curve": {"setting": "", "values": [1]}}, "no such setting"),
        ({"areas": [0.5, 1.0]}, "must rise from 0 to 1"),
    ],
)
def test_what_cannot_be_asked_for_is_one_line(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        check_asked(config(**settings))
    # Nothing is asked for where nothing is scored.
    check_asked(config(split=None, **settings))
