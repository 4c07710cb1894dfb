"""Terms that look through one network: it runs once for a picture, and takes no picture for another."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest
import torch
from torch import Tensor

from henkan.pretrained.shared import Remembered, View

RUNS: list[tuple[int, ...]] = []
BUILT: list[list[str]] = []


class Doubling:
    def __init__(self, layers: Sequence[str], factor: float = 2.0) -> None:
        BUILT.append(list(layers))
        self.layers, self.factor = layers, factor

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        RUNS.append(tuple(images.shape))
        return dict.fromkeys(self.layers, images * self.factor)


@pytest.fixture(autouse=True)
def clear() -> None:
    RUNS.clear()
    BUILT.clear()


def test_a_picture_goes_through_once_for_all_that_look() -> None:
    one, two = View(Doubling, ["a"]), View(Doubling, ["b", "a"])
    assert BUILT == [["a"], ["a", "b"]] and one.shared is two.shared
    weights = torch.ones(1, 3, 2, 2, requires_grad=True)
    picture = weights * 1.0
    assert list(one(picture)) == ["a"] and list(two(picture)) == ["b", "a"]
    assert one(picture)["a"] is two(picture)["a"] and len(RUNS) == 1
    two(picture)["b"].sum().backward()
    assert weights.grad is not None and (weights.grad == 2).all()


def test_what_may_have_changed_is_looked_at_anew() -> None:
    view = View(Doubling, ["a"])
    leaf = torch.zeros(1, 3, 2, 2, requires_grad=True)
    view(leaf)
    leaf.data.add_(1.0)  # which no version tells of
    assert (view(leaf)["a"] == 2).all()
    picture = leaf * 1.0
    view(picture)
    picture.add_(1.0)
    assert (view(picture)["a"] == 4).all()
    with torch.no_grad():
        assert not view(picture)["a"].requires_grad
    assert view(picture)["a"].requires_grad and len(RUNS) == 5


def test_nothing_is_kept_of_a_picture_that_is_gone() -> None:
    view = View(Doubling, ["a"])
    leaf = torch.ones(1, 3, 2, 2, requires_grad=True)
    picture = leaf * 1.0
    view(picture)
    assert view.shared._seen
    del picture
    assert not view.shared._seen


def test_other_settings_are_another_network() -> None:
    three = partial(Doubling, factor=3.0)
    views = [View(Doubling, ["a"]), View(three, ["a"]), View(partial(Doubling, factor=3.0), ["a"])]
    assert views[1].shared is views[2].shared is not views[0].shared
    assert (views[1](torch.ones(1, 3, 1, 1))["a"] == 3).all()


def test_remembered_compares_pixels() -> None:
    calls: list[Tensor] = []
    function = Remembered(lambda images: calls.append(images) or images.sum().item())
    picture = torch.rand(1, 3, 2, 2)
    values = [function(picture), function(picture.clone()), function(picture.double()), function(picture[..., :1])]
    assert values[0] == values[1] and len(calls) == 3
    first = function(picture)
    picture.add_(1.0)
    assert function(picture) == pytest.approx(first + 12)
