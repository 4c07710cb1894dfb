from __future__ import annotations

import pytest
import torch

from henkan.errors import TrainingFailed
from henkan.training.tally import Tally


def test_means_over_what_was_added_since_the_last_reading() -> None:
    tally = Tally()
    for value in (1.0, 2.0, 6.0):
        tally.add("a", torch.tensor(value))
    tally.add("b", torch.tensor(5.0))
    assert tally.read() == {"a": 3.0, "b": 5.0}
    assert tally.read() == {}


def test_a_saved_state_gives_the_same_row() -> None:
    straight, first, second = Tally(), Tally(), Tally()
    for value in (0.1, 0.7):
        straight.add("a", torch.tensor(value))
        first.add("a", torch.tensor(value))
    second.restore(first.state(), torch.device("cpu"))
    for value in (0.3, 0.9):
        straight.add("a", torch.tensor(value))
        second.add("a", torch.tensor(value))
    assert straight.read() == second.read()


def test_the_first_bad_iteration_and_its_term_are_named() -> None:
    tally = Tally()
    for iteration, value in enumerate((1.0, float("inf"), float("nan"))):
        tally.watch("loss term mse", torch.tensor(value), iteration)
    with pytest.raises(TrainingFailed, match="loss term mse was NaN or infinite at iteration 1"):
        tally.check()
