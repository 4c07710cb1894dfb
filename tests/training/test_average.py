from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from henkan.errors import UserError
from henkan.training.average import Average


def share_of_the_start(decay: float, updates: int) -> float:
    """Return how much of its start is left in an average after so many updates."""
    network = nn.Linear(1, 1).double()
    nn.init.ones_(network.weight)
    average = Average(network, decay)
    nn.init.zeros_(network.weight)
    for update in range(updates):
        average.update(network, update)
    return float(average.network.weight)


def test_it_warms_up_in_closed_form() -> None:
    # (1/10)(2/11)...(N/(N + 9)) = N! 9! / (N + 9)!
    expected = math.factorial(50) * math.factorial(9) / math.factorial(59)
    assert share_of_the_start(0.999, 50) == pytest.approx(expected, rel=1e-9)
    # The decay takes over once (1 + n) / (10 + n) has reached it: 0.5 from n = 8 on.
    expected = math.factorial(8) * math.factorial(9) / math.factorial(17) * 0.5**12
    assert share_of_the_start(0.5, 20) == pytest.approx(expected, rel=1e-9)


def test_the_random_start_is_gone_at_the_first_validation() -> None:
    assert pytest.approx(0.61, abs=0.005) == 0.999**500, "what would be left without the warm-up"
    assert share_of_the_start(0.999, 500) < 1e-15


def test_late_on_it_follows_at_its_decay() -> None:
    average = Average(nn.Linear(1, 1), decay=0.999)
    assert average.decay_after(8989) < 0.999
    assert [average.decay_after(updates) for updates in (8990, 500_000)] == [0.999, 0.999]


def test_buffers_follow_and_counters_are_copied() -> None:
    network = nn.BatchNorm2d(3)
    average = Average(network, decay=0.5)
    network(torch.randn(4, 3, 5, 5) + 2)
    average.update(network, 100)
    torch.testing.assert_close(average.network.running_mean, network.running_mean / 2)
    assert average.network.num_batches_tracked == 1


def test_it_is_never_in_training_mode() -> None:
    average = Average(nn.Dropout(), decay=0.9)
    average.train()
    assert not average.network.training


@pytest.mark.parametrize("decay", [1.0, -0.1])
def test_a_decay_out_of_range_is_refused(decay: float) -> None:
    with pytest.raises(UserError, match="must lie in"):
        Average(nn.Linear(1, 1), decay)
