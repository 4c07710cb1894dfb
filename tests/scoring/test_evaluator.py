"""The evaluation loop: which pictures, in which batches, scored how."""

from __future__ import annotations

import math
from types import SimpleNamespace

import torch
from torch import nn

from henkan.metrics.set_metric import SetMetric
from henkan.scoring.evaluator import Evaluator, same_shapes, selection


def test_a_set_is_scored_apart_after_post_processing() -> None:
    """What collects a set must not be shown both outputs."""
    node = {"_target_": "henkan.metrics.lite0.KIDLite0", "reads": {"output": "output", "target": "target"}}
    evaluator = Evaluator({"kid": node}, postprocess=lambda output, mask: output)
    assert evaluator.functions["kid"] is not evaluator.functions["kid_post"]


class Undefined(SetMetric):
    """A score of the set that no set has."""

    minimum = 0

    def reset(self) -> None:
        pass

    def update(self, output: torch.Tensor) -> None:
        pass

    def compute(self) -> float:
        return math.nan


def test_a_score_that_the_set_does_not_define_is_absent() -> None:
    evaluator = Evaluator({"undefined": {"_target_": f"{__name__}.Undefined"}})
    scores = evaluator.evaluate(SimpleNamespace(), nn.Identity(), [])  # type: ignore[arg-type]
    assert scores.sets == {"undefined": None}
    assert scores.absent == {"undefined": "these pictures do not define it"} and "undefined" not in scores.means()


def test_a_limit_keeps_the_same_pictures_everywhere() -> None:
    assert selection(100, 12) == selection(100, 12)
    assert selection(100, 12) == sorted(set(selection(100, 12)))
    assert selection(5, None) == selection(5, 9) == [0, 1, 2, 3, 4]


def test_neighbors_of_one_shape_are_batched() -> None:
    shapes = [(3, 4, 4)] * 3 + [(3, 5, 4)] + [(3, 4, 4)]
    batches = list(same_shapes(({"target": torch.zeros(shape)} for shape in shapes), 2))
    assert [len(batch) for batch in batches] == [2, 1, 1, 1]
