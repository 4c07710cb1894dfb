from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch
from torch import Tensor

from henkan.errors import TrainingFailed
from henkan.training import tally as module
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


def test_ranks_that_go_on_from_what_the_first_one_saved_write_the_row_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    met, said = Barrier(2, timeout=20), list[Tensor]()

    def summed(values: Tensor) -> Tensor:
        met.wait()
        said.append(values)
        met.wait()
        total = torch.stack(said).sum(0)
        met.wait()
        said.clear()
        return total

    monkeypatch.setattr(module, "summed", summed)
    monkeypatch.setattr(module, "world_size", lambda: 2)

    def rank(first: float, second: float, interrupted: bool, saved: list[Tally]) -> dict[str, float]:
        tally = Tally()
        tally.add("a", torch.tensor(first))
        if interrupted:
            tally.share()
            saved.append(tally) if first == 1.0 else None
            met.wait()
            tally = Tally()
            tally.restore(saved[0].state(), torch.device("cpu"))
        tally.add("a", torch.tensor(second))
        return tally.read()

    for interrupted in (False, True):
        saved = list[Tally]()
        with ThreadPoolExecutor(2) as threads:
            rows = threads.map(rank, (1.0, 5.0), (3.0, 11.0), [interrupted] * 2, [saved] * 2)
        assert list(rows) == [{"a": 5.0}] * 2


def test_the_first_bad_iteration_and_its_term_are_named() -> None:
    tally = Tally()
    for iteration, value in enumerate((1.0, float("inf"), float("nan"))):
        tally.watch("loss term mse", torch.tensor(value), iteration)
    with pytest.raises(TrainingFailed, match="loss term mse was NaN or infinite at iteration 1"):
        tally.check()
