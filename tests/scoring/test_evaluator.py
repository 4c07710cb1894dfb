"""The evaluation loop: which pictures, in which batches, scored how."""

from __future__ import annotations

import torch

from henkan.scoring.evaluator import Evaluator, same_shapes, selection


def test_a_set_is_scored_apart_after_post_processing() -> None:
    """What collects a set must not be shown both outputs."""
    node = {"_target_": "henkan.metrics.lite0.KIDLite0", "reads": {"output": "output", "target": "target"}}
    evaluator = Evaluator({"kid": node}, postprocess=lambda output, mask: output)
    assert evaluator.functions["kid"] is not evaluator.functions["kid_post"]


def test_a_limit_keeps_the_same_pictures_everywhere() -> None:
    assert selection(100, 12) == selection(100, 12)
    assert selection(100, 12) == sorted(set(selection(100, 12)))
    assert selection(5, None) == selection(5, 9) == [0, 1, 2, 3, 4]


def test_neighbors_of_one_shape_are_batched() -> None:
    shapes = [(3, 4, 4)] * 3 + [(3, 5, 4)] + [(3, 4, 4)]
    batches = list(same_shapes(({"target": torch.zeros(shape)} for shape in shapes), 2))
    assert [len(batch) for batch in batches] == [2, 1, 1, 1]
