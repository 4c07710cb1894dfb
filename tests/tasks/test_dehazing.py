"""Dehazing: the answer is a picture, or what haze did to it."""

from __future__ import annotations

import pytest
import torch

from henkan.degradations.haze import scattered
from henkan.errors import UserError
from henkan.sample import Composed, Sample
from henkan.tasks.dehazing import Dehazing


def make_sample() -> Sample:
    torch.manual_seed(0)
    clear, t = torch.rand(2, 3, 16, 16), torch.rand(2, 1, 16, 16) * 0.9 + 0.1
    airlight = torch.rand(2, 3, 1, 1)
    return {
        "target": clear,
        "source": scattered(clear, t, airlight),
        "transmission": t,
        "airlight": airlight,
        "window": torch.tensor([[6, 8], [6, 8]]),
        "window_real": torch.tensor([[4, 4], [12, 12]]),
    }


def test_a_picture_is_the_answer() -> None:
    sample, raw = make_sample(), torch.rand(2, 3, 16, 16)
    task = Dehazing(window=8)
    assert list(task.condition(sample)) == ["image"] and task.condition(sample)["image"] is sample["source"]
    composed = task.compose(raw, sample)
    assert composed["prediction"] is raw and composed["output"] is raw


def test_the_true_transmission_and_airlight_give_the_clear_picture() -> None:
    sample = make_sample()
    answered = {**sample, "aux.transmission": sample["transmission"], "aux.airlight": sample["airlight"]}
    composed = Composed({**answered, **Dehazing(window=8).compose(sample["transmission"], answered)})
    assert (composed["output"] - sample["target"]).abs().max() <= 1e-6
    assert composed["output"] is composed["prediction"]


def test_the_gradient_reaches_the_transmission_above_the_bound_alone() -> None:
    sample = make_sample()
    t = torch.tensor([0.05, 0.5]).view(2, 1, 1, 1).expand(2, 1, 16, 16).clone().requires_grad_()
    answered = {**sample, "aux.transmission": t, "aux.airlight": sample["airlight"]}
    composed = Composed({**answered, **Dehazing(window=8).compose(t, answered)})
    composed["output"].sum().backward()
    assert t.grad is not None and not t.grad[0].any() and t.grad[1].abs().min() > 0


@pytest.mark.parametrize("aux", [False, True])
def test_what_is_judged_and_shown(aux: bool) -> None:
    sample, task = {**make_sample(), "output": torch.rand(2, 3, 16, 16)}, Dehazing(window=8)
    if aux:
        sample["aux.transmission"] = sample["transmission"]
    for side, top in (("real", 0), ("fake", 2)):
        judged = task.judged("target", sample, side)  # type: ignore[arg-type]
        assert judged["condition"] is sample["source"] and judged["image"] is sample["target"]
        assert torch.equal(judged["window"][0], sample["target"][0, :, top : top + 8, 2 * top : 2 * top + 8])
    panels = task.panels(sample)
    assert list(panels) == ["source", *(["transmission"] if aux else []), "output", "target"]
    assert {panel.shape for panel in panels.values()} == {(2, 3, 16, 16)}


@pytest.mark.parametrize("least", [0.0, -0.1, 1.1])
def test_a_bound_out_of_range(least: float) -> None:
    with pytest.raises(UserError, match="least_transmission="):
        Dehazing(window=8, least_transmission=least)
