"""Who waits for the networks: in order, boundedly, and not for those who left."""

from __future__ import annotations

import threading
import time

import pytest
import torch
from torch import nn

from henkan.serve.line import Busy, Gone, Line, stopping


def here() -> bool:
    return False


def test_one_at_a_time_in_the_order_of_coming() -> None:
    line, inside, order = Line(8), [], []

    def serve(number: int) -> None:
        with line.turn(here):
            inside.append(number)
            assert inside == [number]
            order.append(number)
            time.sleep(0.002)
            inside.clear()

    threads = []
    with line.turn(here):
        for number in range(6):
            threads.append(threading.Thread(target=serve, args=(number,)))
            threads[-1].start()
            while len(line) < number + 2:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert order == list(range(6)) and len(line) == 0


def test_a_full_line_says_so_and_who_leaves_makes_room() -> None:
    line = Line(2)
    left = threading.Event()

    def leave() -> None:
        with pytest.raises(Gone), line.turn(left.is_set):
            raise AssertionError("served after leaving")

    with line.turn(here):
        thread = threading.Thread(target=leave)
        thread.start()
        while len(line) < 2:
            time.sleep(0.001)
        with pytest.raises(Busy), line.turn(here):
            pass
        left.set()
        thread.join()
        assert len(line) == 1
    with pytest.raises(ZeroDivisionError), line.turn(here):
        _ = 1 / 0
    assert len(line) == 0


def test_a_network_stops_between_layers_and_works_again() -> None:
    seen: list[int] = []

    class Count(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(1)
            return x + 1

    network = nn.Sequential(*(Count() for _ in range(10)))
    with pytest.raises(Gone), stopping(network, lambda: len(seen) >= 3):
        network(torch.zeros(1))
    assert len(seen) == 3
    assert network(torch.zeros(1)) == 10 and not network[0]._forward_pre_hooks
