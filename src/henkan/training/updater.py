"""Optimizer steps of the networks: accumulation, clipping, rates, and what of them must be saved."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from henkan.config.resolved import Config
from henkan.errors import UserError
from henkan.training.schedule import NETWORKS
from henkan.training.state import UpdaterState
from henkan.training.tally import Tally

OptimizerFactory = Callable[..., Optimizer]
SchedulerFactory = Callable[[Optimizer], LRScheduler]
Made = TypeVar("Made")


def check_closures(config: Config) -> None:
    """Raise `UserError` for what does not go with an optimizer that asks for a loss several times in a step (L-BFGS).

    Its steps are only comparable at one batch, and in full precision, and what it returns is no walk to average.
    """
    if not any(str(config["optimizer"][name].get("_target_")).endswith(".LBFGS") for name in NETWORKS):
        return
    settings: dict[str, tuple[Any, Any]] = {
        "optimizer.accumulate": (config["optimizer"]["accumulate"], 1),
        "average.decay": (config["average"]["decay"], None),
        "trainer.precision": (config["trainer"]["precision"], "32-true"),
        "optimizer.rates": (config["optimizer"].get("rates"), None),
    }
    for name, (value, needed) in settings.items():
        if value != needed:
            way_out = "null" if needed is None else needed
            raise UserError(f"L-BFGS does not go with {name}={value}: set {name}={way_out}, or take optimizer=adam")


class Updater:
    """Takes the optimizer steps of some networks, by name.

    Gradients of `accumulate` batches are summed into one step. `clip` bounds the norm of each network's gradient (None:
    not); the share of steps in which it had to is logged as `clipped/<network>`. `rates` tells how many times
    faster those weights of a network learn whose names begin so; raises `UserError` where there are none.
    """

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        optimizers: Mapping[str, OptimizerFactory],
        schedulers: Mapping[str, SchedulerFactory | None],
        tally: Tally,
        accumulate: int = 1,
        clip: Mapping[str, float | None] | None = None,
        rates: Mapping[str, Mapping[str, float]] | None = None,
    ) -> None:
        self.networks = dict(networks)
        self.factories, self.scheduler_factories = optimizers, schedulers
        self.tally, self.accumulate, self.limits = tally, accumulate, dict(clip or {})
        self.factors = {name: {"": 1.0, **(rates or {}).get(name, {})} for name in self.networks}
        for name, network in self.networks.items():
            grouped(name, network, self.factors[name])
        self.optimizers: dict[str, Optimizer] = {}
        self.schedulers: dict[str, LRScheduler] = {}

    def configure(self) -> list[Optimizer]:
        """Make the optimizers and their schedulers. Raises `UserError` for settings that one of them refuses."""
        for name, network in self.networks.items():
            groups = [{"params": weights} for weights in grouped(name, network, self.factors[name])]
            self.optimizers[name] = made(f"optimizer.{name}", self.factories[name], groups)
            for group, factor in zip(self.optimizers[name].param_groups, self.factors[name].values(), strict=True):
                group["lr"] *= factor
            factory = self.scheduler_factories.get(name)
            if factory is not None:
                self.schedulers[name] = made(f"scheduler.{name}", factory, self.optimizers[name])
        return list(self.optimizers.values())

    def forget(self, name: str) -> None:
        """Let a network's optimizer begin anew: what it remembers was of other weights."""
        self.optimizers[name].state.clear()

    def is_due(self, before: int) -> bool:
        """Whether the batch after `before` others of a network completes a step."""
        return (before + 1) % self.accumulate == 0

    def step(self, module: pl.LightningModule, name: str, before: int, loss: Callable[[], Tensor]) -> bool:
        """Take one step through a closure; only sum gradients where it is not due. Returns whether it was taken."""
        optimizers = module.optimizers()
        number = list(self.networks).index(name)
        optimizer: Any = optimizers[number] if isinstance(optimizers, list) else optimizers

        def closure() -> Tensor:
            if before % self.accumulate == 0:
                optimizer.zero_grad(set_to_none=True)
            value = loss()
            module.manual_backward(value / self.accumulate)
            return value

        if not self.is_due(before):
            closure()
            return False
        optimizer.step(closure=closure)
        if name in self.schedulers:
            self.schedulers[name].step()
        return True

    def clip(self, optimizer: Optimizer) -> None:
        """Clip the gradient that an optimizer is about to use."""
        name = next(name for name, own in self.optimizers.items() if own is optimizer)
        limit = self.limits.get(name)
        if limit is not None:
            weights = [weight for group in optimizer.param_groups for weight in group["params"]]
            norm = torch.nn.utils.clip_grad_norm_(weights, limit)
            self.tally.add(f"clipped/{name}", (norm > limit).float())

    def rates(self) -> dict[str, float]:
        """Return the present learning rates."""
        return {name: optimizer.param_groups[0]["lr"] for name, optimizer in self.optimizers.items()}

    def state(self) -> UpdaterState:
        """Return what the next step depends on, beside the weights."""
        return {
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "schedulers": {name: scheduler.state_dict() for name, scheduler in self.schedulers.items()},
            # What a batch that is summed into the next step has left.
            "gradients": {name: gradients(own) for name, own in self.networks.items()} if self.accumulate > 1 else {},
        }

    def restore(self, state: UpdaterState) -> None:
        """Take up a state, also one that knows fewer networks: that of a shared prefix has no discriminator yet."""
        for name in self.networks:
            if name in state["optimizers"]:
                self.optimizers[name].load_state_dict(state["optimizers"][name])
            if name in state["schedulers"]:
                self.schedulers[name].load_state_dict(state["schedulers"][name])
            for weight_name, weight in self.networks[name].named_parameters():
                gradient = state["gradients"].get(name, {}).get(weight_name)
                weight.grad = None if gradient is None else gradient.to(weight.device)


def made(name: str, factory: Callable[..., Made], *given: Any) -> Made:
    """Return what a factory of a library makes; what it says against its settings is one line."""
    try:
        return factory(*given)
    except (TypeError, ValueError) as error:
        raise UserError(f"{name} cannot be made with these settings: {str(error).partition(chr(10))[0]}") from error


def grouped(network: str, module: nn.Module, beginnings: Collection[str]) -> list[list[nn.Parameter]]:
    """Return a network's weights by how their names begin, each where most of it agrees."""
    found: dict[str, list[nn.Parameter]] = {beginning: [] for beginning in beginnings}
    for name, weight in module.named_parameters():
        found[max(filter(name.startswith, found), key=len)].append(weight)
    for beginning, weights in found.items():
        if beginning and not weights:
            names = ", ".join(dict.fromkeys(name.rpartition(".")[0] for name, _ in module.named_parameters()))
            raise UserError(f"optimizer.rates.{network}: no weights are called {beginning}...; there are {names}")
    return list(found.values())


def gradients(network: nn.Module) -> dict[str, Tensor | None]:
    """Return a copy of a network's gradients."""
    return {name: None if weight.grad is None else weight.grad.clone() for name, weight in network.named_parameters()}
