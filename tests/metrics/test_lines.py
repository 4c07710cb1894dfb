"""Scores of line drawings."""

from __future__ import annotations

import pytest
import torch

from henkan.errors import UserError
from henkan.metrics.lines import GreyGap, GreyShare, LineF, LinePrecision, LineRecall
from henkan.metrics.mse import MSE


def lines(*rows: int) -> torch.Tensor:
    page = torch.ones(1, 1, 32, 32)
    page[..., list(rows), :] = 0.0
    return page


def test_the_same_lines_and_lines_within_the_tolerance() -> None:
    for metric in (LinePrecision(), LineRecall(), LineF()):
        assert metric(output=lines(10), target=lines(10)).tolist() == [1.0]
        assert metric(output=lines(11), target=lines(10)).tolist() == [1.0]
        assert metric(output=lines(12), target=lines(10)).tolist() == [0.0]
        assert type(metric)(tolerance=2.0)(output=lines(12), target=lines(10)).tolist() == [1.0]


def test_what_is_too_much_costs_precision_and_what_is_missing_recall() -> None:
    much, little = lines(4, 10, 20, 26), lines(10)
    assert LinePrecision()(output=much, target=lines(10)).item() == 0.25
    assert LineRecall()(output=much, target=lines(10)).item() == 1.0
    assert LineRecall()(output=little, target=lines(10, 20)).item() == 0.5
    assert LineF()(output=much, target=lines(10)).item() == pytest.approx(2 * 0.25 / 1.25)


def test_empty_pages() -> None:
    empty = torch.ones(1, 1, 32, 32)
    assert LineF()(output=empty, target=empty).item() == 1.0
    assert LineF()(output=empty, target=lines(3)).item() == 0.0
    assert LinePrecision()(output=empty, target=lines(3)).item() == 1.0


def test_grey_is_what_is_neither_ink_nor_paper() -> None:
    blurred = lines(10)
    blurred[..., 9, :] = blurred[..., 11, :] = 0.5
    assert GreyShare()(output=blurred).item() == pytest.approx(2 / 32)
    assert GreyGap()(output=blurred, target=lines(10)).item() == pytest.approx(2 / 32)


def test_mse() -> None:
    assert MSE()(output=lines(10), target=lines(11)).item() == pytest.approx(2 / 32)


def test_shapes_that_differ() -> None:
    with pytest.raises(UserError, match="one shape"):
        LineF()(output=torch.ones(1, 1, 8, 8), target=torch.ones(1, 1, 8, 9))


def test_lines_are_not_sought_in_the_red_channel_alone() -> None:
    with pytest.raises(UserError, match="of one channel, not of 3: leave it out"):
        LinePrecision()(torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8))
