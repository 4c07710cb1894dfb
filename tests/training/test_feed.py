from __future__ import annotations

import multiprocessing
from typing import Any

import pytest
from torch.utils.data import DataLoader, Dataset

from henkan.training.feed import LONGEST_STRETCH, Feed, Stretches, Waiting
from henkan.training.interruption import ignore_in_worker
from henkan.training.schedule import Phase, Schedule


def feed(start: int, pauses: tuple[int, ...], *phases: int) -> Feed:
    schedule = Schedule([Phase(str(k), length, ("generator",)) for k, length in enumerate(phases)])
    return Feed({}, schedule, sizes={}, workers=0, start=start, pauses=pauses)


def test_a_stretch_ends_where_something_is_due_and_at_a_phase_s_end() -> None:
    assert feed(0, (4, 1000), 6, 3).stretches() == [4, 2, 2, 1]


@pytest.mark.parametrize("start", [0, 7, 8, 24])
def test_stretches_cover_what_is_left_and_stay_short(start: int) -> None:
    lengths = feed(start, (12,), 25).stretches()
    assert sum(lengths) == 25 - start
    assert all(0 < length <= LONGEST_STRETCH for length in lengths)
    ends = [start + sum(lengths[: k + 1]) for k in range(len(lengths))]
    assert {end for end in (12, 24, 25) if end > start} <= set(ends)


def test_stretches_part_the_batches_without_reading_ahead() -> None:
    read = []

    def batches() -> Any:
        for number in range(5):
            read.append(number)
            yield {"number": number}

    parted = []
    for stretch in Stretches(batches(), [2, 3]):
        assert len(read) == sum(map(len, parted))
        parted.append([batch["number"] for batch in stretch])
    assert parted == [[0, 1], [2, 3, 4]]


class Broken(Dataset[int]):
    def __getitem__(self, index: int) -> int:
        raise ValueError(f"no sample {index}")

    def __len__(self) -> int:
        return 4


def test_workers_end_with_their_error_whoever_keeps_it() -> None:
    """They ignore SIGTERM: one that is left is waited for, forever, when the interpreter ends."""
    before = set(multiprocessing.active_children())
    loader = DataLoader(Broken(), num_workers=1, worker_init_fn=ignore_in_worker)
    with pytest.raises(ValueError, match="no sample") as kept:
        next(iter(Waiting()(loader)))
    assert set(multiprocessing.active_children()) == before
    assert kept.tb is not None
