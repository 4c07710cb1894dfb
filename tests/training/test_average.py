from __future__ import annotations

import pytest
import torch
from torch import nn

from henkan.errors import UserError
from henkan.training.average import Average


def test_it_follows_in_closed_form() -> None:
    network = nn.Linear(2, 2)
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    average = Average(network, decay=0.999)
    for parameter in network.parameters():
        nn.init.ones_(parameter)
    for _ in range(50):
        average.update(network)
    expected = torch.full((2, 2), 1 - 0.999**50)
    torch.testing.assert_close(average.network.weight, expected)


def test_buffers_follow_and_counters_are_copied() -> None:
    network = nn.BatchNorm2d(3)
    average = Average(network, decay=0.5)
    network(torch.randn(4, 3, 5, 5) + 2)
    average.update(network)
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
