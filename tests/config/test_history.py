"""Configs of before: read as they would be written today, and known by one identity."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest
from omegaconf import OmegaConf

from henkan.config import history
from henkan.config.history import MOVED, OF_CLASSES, WITHDRAWN, timeless, up_to_date
from henkan.config.signatures import bind
from henkan.errors import UserError


@pytest.mark.parametrize(("old", "new"), MOVED.items())
def test_what_has_moved_is_where_the_table_says(old: str, new: str) -> None:
    assert find_spec(new) is not None
    assert find_spec(old) is None


def test_a_config_of_before_is_read_as_it_would_be_written_today() -> None:
    before = {
        "task": {"_target_": "henkan.tasks.line_drawing.LineDrawing", "window": "${window}"},
        "window": 16,
        "loss": {"perceptual": {"features": {"_target_": "henkan.features.Lite0", "_partial_": True}}},
        "parts": [{"_target_": "henkan.layers.Conv"}, {"_target_": "henkan.featureless.Mine"}],
    }
    now = up_to_date(OmegaConf.create(before))
    assert now.loss.perceptual.features == {"_target_": "henkan.pretrained.features.Lite0", "_partial_": True}
    assert [part["_target_"] for part in now.parts] == ["henkan.networks.layers.Conv", "henkan.featureless.Mine"]
    assert now.predictor == {"_target_": "henkan.prediction.line_drawing.RedrawPages", "_partial_": True}
    assert now.task.window == 16
    assert (now.balance, now.judged_augmentation) == ({}, None)


def test_what_a_config_says_itself_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "INTRODUCED", {"average.warmup": False, "absent.option": 1})
    mine = {"task": {"_target_": "mine.Task"}, "predictor": {"_target_": "mine.Predict"}, "average": {"decay": 0.9}}
    assert up_to_date(OmegaConf.create(mine)) == {**mine, "average": {"decay": 0.9, "warmup": False}}
    mine["average"] = {"decay": 0.9, "warmup": True}
    assert up_to_date(OmegaConf.create(mine)) == mine
    del mine["predictor"]
    assert up_to_date(OmegaConf.create(mine)).predictor is None


def test_an_identity_knows_no_time_and_no_spelling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "INTRODUCED", {"balance": {}, "average.warmup": 0.0})
    before = {"features": {"_target_": "henkan.features.Lite0"}, "average": {"decay": 1}, "sides": [1.0, 0.5, True]}
    now = {
        "features": {"_target_": "henkan.pretrained.features.Lite0"},
        "average": {"decay": 1.0, "warmup": 0},
        "sides": [1, 0.5, True],
        "balance": {},
    }
    assert timeless(now) == timeless(before) == before
    assert [type(value) for value in timeless(now)["sides"]] == [int, float, bool]
    for other in ({"balance": {"adversarial": 0.5}}, {"average": {"decay": 1, "warmup": 1}}, {"sides": [1, 0.5, 1.5]}):
        assert timeless({**now, **other}) != timeless(now)
    assert now["balance"] == {}, "it was to be left as it is"


def test_an_option_of_a_class_makes_no_other_run_at_the_value_it_came_with() -> None:
    before = {"generator": {"_target_": "henkan.generators.srresnet.MSRResNet", "scale": 4}}
    now = {"generator": {**before["generator"], "upsampling": "shuffle"}}
    other = {"generator": {**before["generator"], "upsampling": "nearest"}}
    assert timeless(now) == timeless(before) != timeless(other)
    # Of another class it is another thing.
    mine = {"generator": {"_target_": "mine.Network", "upsampling": "shuffle"}}
    assert timeless(mine) == mine


def test_what_a_class_no_longer_has_is_dropped_from_runs_of_before() -> None:
    screen = {"_target_": "henkan.data.near_grey.NearGrey", "least": 4.0, "side": 128}
    found = up_to_date(OmegaConf.create({"screen": {**screen, "cache": "/x"}, "data": {"cache": "/y"}}))
    assert found.screen == screen and found.data == {"cache": "/y"}
    for target, options in WITHDRAWN.items():
        for option in options:
            with pytest.raises(UserError, match="no such setting"):
                bind("", {"_target_": target, option: "/x"}, ())


@pytest.mark.parametrize(("target", "options"), OF_CLASSES.items())
def test_options_of_classes_are_known_to_them_and_to_no_identity_of_before(
    target: str, options: dict[str, Any]
) -> None:
    bind("data", {"_target_": target, "_partial_": True, **options}, ())
    before = {"data": {"_target_": target, "other": 1}}
    assert timeless({"data": {**before["data"], **options}}) == before
    for option in options:
        assert timeless({"data": {**before["data"], option: "another"}}) != before
