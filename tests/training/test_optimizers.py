"""Optimizers in the training loop: batches summed, gradients clipped, closures, generators that change, autocast."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from tiny_translator import Discriminator, Generator, adversarial, fit, make, make_batches, mse, same
from torch import Tensor

from henkan.errors import TrainingFailed, UserError
from henkan.losses.mse import MSE
from henkan.terms.function import Function
from henkan.terms.term import Term
from henkan.training.translator import Translator


def test_batches_summed_into_one_update_equal_one_large_batch() -> None:
    phases = {"joint": {"iterations": 2, "update": ["generator"]}}
    small = make_batches(2, size=4)
    large = {name: value + small[1][name] if isinstance(value, list) else torch.cat((value, small[1][name]))
             for name, value in small[0].items()}  # fmt: skip
    summed = make([mse()], phases=phases, norm=False, accumulate=2)
    fit(summed, small)
    whole = make([mse()], phases={"joint": {"iterations": 1, "update": ["generator"]}}, norm=False)
    fit(whole, [large])
    for name, value in whole.generator.state_dict().items():
        torch.testing.assert_close(summed.generator.state_dict()[name], value)


def test_gradients_are_clipped() -> None:
    phases = {"joint": {"iterations": 1, "update": ["generator"]}}
    translator = make([mse(1000.0)], phases=phases, clip={"generator": 0.01})
    before = [parameter.clone() for parameter in translator.generator.parameters()]
    fit(translator)
    moved = torch.stack([(a - b).norm() for a, b in zip(translator.generator.parameters(), before, strict=True)]).norm()
    assert float(moved) == pytest.approx(0.1 * 0.01, rel=1e-3)


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_an_optimizer_that_evaluates_its_closure_often_fits_in(search: str | None) -> None:
    def optimizer(parameters: Any) -> torch.optim.Optimizer:
        return torch.optim.LBFGS(parameters, max_iter=5, line_search_fn=search)

    phases = {"joint": {"iterations": 3, "update": ["generator"]}}
    translator = make([mse()], phases=phases, norm=False, optimizer=optimizer)
    (batch,) = make_batches(1)
    alone = copy.deepcopy(translator.generator)
    rows = fit(translator, [batch] * 3).rows
    assert translator.iteration == 3

    # The same steps, taken by hand.
    sample = translator.transform.prepare(batch)
    by_hand, losses = optimizer(alone.parameters()), []

    def closure() -> Tensor:
        by_hand.zero_grad()
        loss = MSE()(translator.transform.generate(alone, sample)["output"], sample["target"], sample["mask"]).mean()
        loss.backward()
        losses.append(loss.item())
        return loss

    starts = []
    for _ in range(3):
        starts.append(len(losses))
        by_hand.step(closure)
    assert same(translator.generator.state_dict(), alone.state_dict())
    # What is logged is the loss that a step started from, and not a mean over what it tried.
    firsts = [losses[start] for start in starts]
    assert len(losses) > 3 and [row["loss/mse"] for row in rows] == pytest.approx(firsts, rel=1e-6)
    assert [row["loss/generator"] for row in rows] == pytest.approx(firsts, rel=1e-6)
    assert firsts[-1] < firsts[0]


class Changing(Generator):
    """A generator that is told the phase, and becomes another one when the second begins."""

    def __init__(self) -> None:
        super().__init__(norm=False)
        self.heard: list[str] = []

    def begin(self, phase: str) -> bool:
        self.heard.append(phase)
        return self.heard[-2:] == ["one", "two"]


def test_a_generator_that_changes_with_the_phase_has_an_optimizer_that_begins_anew() -> None:
    phases = {name: {"iterations": 2, "update": ["generator"]} for name in ("one", "two")}
    translator = make([mse()], phases=phases, optimizer=lambda p: torch.optim.Adam(p, lr=0.01))
    translator.generator = Changing()
    translator.updater.networks["generator"] = translator.generator
    fit(translator)
    assert translator.generator.heard == ["one", "one", "two", "two"]
    states = translator.updater.optimizers["generator"].state.values()
    assert states and all(state["step"] == 2 for state in states)


def test_a_generator_that_changes_with_the_phase_has_no_average() -> None:
    parts = {name: getattr(make([mse()]), name) for name in ("transforms", "terms", "schedule")}
    with pytest.raises(UserError, match="average.decay=0.99: a generator that changes .* set it to null"):
        Translator(generator=Changing(), discriminator=None, optimizers={}, schedulers={}, seed=0, decay=0.99, **parts)


def test_autocast_does_not_hand_out_stale_weights() -> None:
    translator = make([mse(), adversarial(0.1)])
    fit(translator, precision="bf16-mixed")
    assert isinstance(translator.discriminator, Discriminator)
    assert translator.discriminator.cache
    assert not any(translator.discriminator.cache)


def test_a_loss_that_is_not_finite_stops_the_run_and_is_named() -> None:
    class Broken:
        def __call__(self, input: Tensor) -> Tensor:
            return input.mean(dim=(1, 2, 3)) / 0.0

    with pytest.raises(TrainingFailed, match="loss term broken was NaN or infinite at iteration 0"):
        fit(make([mse(), Term("broken", Function("broken", Broken(), {"input": "output"}))]))
