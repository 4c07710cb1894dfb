"""The state of a checkpoint under other settings: what was learned stays, what is configured is the new config's."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from henkan.errors import UserError
from henkan.training.state import State
from henkan.training.translator import Translator

# What schedulers add to the settings of an optimizer's groups.
ADDED = {"initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum"}


def under_own_settings(translator: Translator, state: State, path: Path) -> State:
    """Return `state` with the translator's own learning rates, betas and schedulers instead of those it was saved with.

    An optimizer keeps what it has accumulated for each weight (moments, counts of steps). A scheduler is that of the
    new settings after as many updates, taken one by one: where nothing has changed it is the saved one to the bit.
    """
    optimizers, schedulers = {}, {}
    updater = translator.updater
    for name, optimizer in zip(updater.networks, updater.configure(), strict=True):
        if name not in state["optimizers"]:
            continue
        saved, own = state["optimizers"][name], optimizer.state_dict()["param_groups"]
        if settings(saved["param_groups"]) != settings(own):
            raise UserError(
                f"{path} holds the state of another kind of optimizer for the {name}: choose the one it was trained "
                "with (optimizer=...), or take the weights alone with init="
            )
        if name in updater.schedulers:
            rate = updater.schedulers[name]
            updates = translator.schedule.updates(name, int(state["iteration"])) // updater.accumulate
            with warnings.catch_warnings():
                # That no optimizer steps in between is what is meant.
                warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*")
                for _ in range(updates):
                    rate.step()
            schedulers[name] = rate.state_dict()
            own = optimizer.state_dict()["param_groups"]
        optimizers[name] = {"state": saved["state"], "param_groups": own}
    return {**state, "optimizers": optimizers, "schedulers": schedulers}


def settings(groups: list[dict[str, Any]]) -> list[set[str]]:
    """Return the names of the settings in each group, which tell kinds of optimizers apart; not what schedulers add."""
    return [set(group) - ADDED for group in groups]
