from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from henkan.networks.modes import has_batch_statistics, without_gradient, without_trace


def test_a_forward_without_trace_changes_no_buffer_and_no_result() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), spectral_norm(nn.Conv2d(4, 2, 1)))
    images = torch.randn(2, 3, 8, 8)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with without_trace(network):
        inside = network(images)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name
    network[2].eval()  # one power iteration is the only difference of the forward that follows
    assert torch.equal(inside, network(images))
    assert network[1].num_batches_tracked == 1


def test_gradients_pass_through_but_not_into_the_weights() -> None:
    network = nn.Linear(3, 1)
    values = torch.randn(2, 3, requires_grad=True)
    with without_gradient(network):
        network(values).sum().backward()
    assert values.grad is not None
    assert network.weight.grad is None
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_batch_statistics_are_found() -> None:
    assert has_batch_statistics(nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1)))
    assert not has_batch_statistics(nn.Sequential(nn.InstanceNorm2d(3), nn.GroupNorm(1, 3)))
