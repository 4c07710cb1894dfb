"""Scores of maps: closed forms, chance, and pictures where nothing is there."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from henkan.errors import UserError
from henkan.metrics.detection import AUROC, AveragePrecision, IoU

METRICS = pytest.mark.parametrize("metric", [IoU(), AveragePrecision(), AUROC()], ids=lambda one: type(one).__name__)


def maps(*rows: list[float]) -> torch.Tensor:
    return torch.tensor(rows).view(len(rows), 1, 1, -1)


def test_closed_forms() -> None:
    target = maps([1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0])
    output = maps([0.9, 0.5, 0.4, 0.0], [0.9, 0.2, 0.5, 0.1], [0.0, 0.1, 0.8, 0.9], [0.3, 0.3, 0.3, 0.3])
    assert IoU()(output, target).tolist() == pytest.approx([1, 1 / 3, 0, 0])
    # Second: found in the order there, not, there: 1/2 · 1 + 1/2 · 2/3. Third: ranks 3 and 4: 1/2 · 1/3 + 1/2 · 1/2.
    assert AveragePrecision()(output, target).tolist() == pytest.approx([1, 5 / 6, 5 / 12, 1 / 4])
    assert AUROC()(output, target).tolist() == pytest.approx([1, 0.75, 0, 0.5])


def test_chance_is_the_share_that_is_there() -> None:
    generator = torch.Generator().manual_seed(0)
    target = (torch.rand(4, 1, 64, 64, generator=generator) < 0.1).float()
    output = torch.rand(4, 1, 64, 64, generator=generator)
    share = target.mean((1, 2, 3))
    torch.testing.assert_close(AveragePrecision()(torch.full_like(target, 0.7), target), share)
    torch.testing.assert_close(AveragePrecision()(output, target), share, atol=0.03, rtol=0)
    torch.testing.assert_close(AUROC()(output, target), torch.full((4,), 0.5), atol=0.05, rtol=0)


def test_where_nothing_is_there() -> None:
    target = torch.zeros(2, 1, 4, 4)
    output = target.clone()
    output[1, 0, 0, 0] = 0.5
    assert IoU()(output, target).tolist() == [1, 0]
    for metric in (AveragePrecision(), AUROC()):
        assert metric(output, target).isnan().all() and metric(output, target + 1).isnan().all()


@METRICS
def test_one_score_a_picture_without_gradient(metric: Any) -> None:
    output = torch.rand(3, 1, 5, 6, requires_grad=True)
    score = metric(output, torch.eye(5, 6).expand(3, 1, 5, 6))
    assert score.shape == (3,) and score.dtype == torch.float32 and not score.requires_grad
    with pytest.raises(UserError, match="one shape"):
        metric(output, torch.zeros(3, 3, 5, 6))
