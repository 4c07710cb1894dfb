"""What is asked of any network, and its temporary modes: statistics without a trace, weights without a gradient."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrizations import _SpectralNorm

from henkan.sample import named_arguments


def learns(network: nn.Module) -> bool:
    """Whether a network has weights to learn; what an exported program does is `learned`, too."""
    return getattr(network, "learned", False) is True or any(weight.requires_grad for weight in network.parameters())


def heeds(network: nn.Module) -> set[str]:
    """Return which arguments a network makes something of: those of its `forward` that it does not say it `ignores`."""
    return named_arguments(network.forward).keys() - getattr(network, "ignores", frozenset())


def device_of(network: nn.Module) -> torch.device:
    """Return where a network is; what has neither weights nor statistics is on the CPU."""
    return next((tensor.device for tensor in network.state_dict().values()), torch.device("cpu"))


def stand_in_for(network: nn.Module, wrapper: nn.Module) -> None:
    """Let what wraps a generator answer what others ask of one: what it makes, how it enlarges, pads, and sees."""
    for name in ("answers", "scale", "multiple", "context", "padding"):
        if hasattr(network, name):
            setattr(wrapper, name, getattr(network, name))


def has_batch_statistics(network: nn.Module) -> bool:
    """Whether a picture's result depends on the pictures beside it."""
    return any(isinstance(module, _BatchNorm) for module in network.modules())


@contextmanager
def without_trace(network: nn.Module) -> Iterator[None]:
    """Run `network` in training mode, but leave its running statistics and power iterations untouched."""
    tracking = [m for m in network.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    iterating = [m for m in network.modules() if isinstance(m, _SpectralNorm) and m.training]
    for norm in tracking:
        norm.track_running_stats = False
    for power in iterating:
        power.training = False
    try:
        yield
    finally:
        for norm in tracking:
            norm.track_running_stats = True
        for power in iterating:
            power.training = True


@contextmanager
def without_gradient(network: nn.Module) -> Iterator[None]:
    """Let gradients flow through `network` but not into its weights."""
    weights = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for weight in weights:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in weights:
            weight.requires_grad_(True)
