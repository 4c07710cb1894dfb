"""What an optimizer that asks for a loss several times in a step does not go with, and what optimizers refuse."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from omegaconf import DictConfig

from henkan.config.resolved import resolved
from henkan.errors import UserError
from henkan.training.tally import Tally
from henkan.training.updater import Updater, check_closures

Compose = Callable[..., DictConfig]
FITTING = ["optimizer=lbfgs", "average.decay=null", "trainer.precision=32-true", "statistics.mean=[0.5,0.5,0.5]"]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("optimizer.accumulate=2", "optimizer.accumulate=2: set optimizer.accumulate=1, or take optimizer=adam"),
        ("average.decay=0.9", "average.decay=0.9: set average.decay=null"),
        ("optimizer.rates={generator: {image: 0.1}}", "optimizer.rates=.*: set optimizer.rates=null"),
        ("trainer.precision=bf16-mixed", "trainer.precision=bf16-mixed: set trainer.precision=32-true"),
    ],
)
def test_lbfgs_refuses(composed: Compose, word: str, message: str) -> None:
    check_closures(resolved(composed(FITTING)))
    with pytest.raises(UserError, match=f"L-BFGS does not go with {message}"):
        check_closures(resolved(composed([*FITTING, word])))
    check_closures(resolved(composed([*FITTING, word, "optimizer=adam"])))


@pytest.mark.parametrize("rate", [-1.0, None])
def test_what_an_optimizer_refuses_is_one_line(rate: float | None) -> None:
    updater = Updater(
        {"generator": torch.nn.Linear(1, 1)}, {"generator": partial(torch.optim.Adam, lr=rate)}, {}, Tally()
    )
    with pytest.raises(UserError, match=r"optimizer\.generator cannot be made with these settings: "):
        updater.configure()
