"""Pulls, measured at what the generator answered; and weights that hold a term at a share of the others'."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn

from henkan.config.composition import compose_root
from henkan.config.overrides import check_balance
from henkan.errors import UserError
from henkan.launching.execute import execute
from henkan.losses.adversarial import Hinge
from henkan.losses.mse import MSE
from henkan.runs.plan import plan_run
from henkan.sample import PAIRED
from henkan.terms.function import Function
from henkan.terms.term import Term
from henkan.training.balance import LARGEST, OTHERS, Balance, answers, gradients_at, pulls, through


def balance(share: float = 0.5) -> Balance:
    found = Balance([Term("mse", Function("mse", MSE())), Term("adversarial", Hinge(), balance=share)])
    found.begin("joint")
    return found


def measured(found: Balance, others: float, own: float) -> None:
    """One update in which the others pull with `others` at each of four values, and the term with `own`."""
    raw = torch.zeros(1, 1, 2, 2, requires_grad=True)
    found.measure({"adversarial": own * raw.sum()}, others * raw.sum(), [raw], nn.Linear(1, 1))
    found.close()


def weight(found: Balance) -> float:
    return float(found.weight("adversarial", torch.device("cpu")))


def test_the_weighted_term_pulls_with_its_share_of_the_others() -> None:
    found = balance(0.5)
    assert weight(found) == 0.0
    measured(found, others=3.0, own=2.0)
    assert weight(found) == pytest.approx(0.5 * 3.0 / 2.0)
    # Root mean squares over updates: sqrt((9 + 36) / 2) and 2, nearly equally weighed after two.
    measured(found, others=6.0, own=2.0)
    expected = 0.5 * ((0.99 * 9 + 36) / 1.99) ** 0.5 / 2.0
    assert weight(found) == pytest.approx(expected)


def test_the_weight_is_clamped_and_another_phase_begins_without_a_past() -> None:
    found = balance()
    measured(found, others=3.0, own=1e-9)
    assert weight(found) == LARGEST
    found.begin("joint")
    assert weight(found) == LARGEST
    found.begin("more")
    assert weight(found) == 0.0


def test_batches_summed_into_one_update_count_as_one() -> None:
    whole, parts = balance(), balance()
    raw = torch.randn(4, 1, 2, 2, requires_grad=True)
    ours, theirs = torch.randn(4, 1, 2, 2), torch.randn(4, 1, 2, 2)
    network = nn.Linear(1, 1)
    whole.measure({"adversarial": (raw * ours).mean(0).sum()}, (raw * theirs).mean(0).sum(), [raw], network)
    whole.close()
    for half in (slice(0, 2), slice(2, 4)):
        own = raw[half].detach().requires_grad_()
        values = [(own * pull[half]).mean(0).sum() for pull in (ours, theirs)]
        parts.measure({"adversarial": values[0]}, values[1], [own], network)
    parts.close()
    assert weight(parts) == pytest.approx(weight(whole), rel=1e-6)
    torch.testing.assert_close(parts.means, whole.means)


def test_where_no_answer_is_shared_the_last_shared_parameters_are_compared() -> None:
    network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    hidden = network[0](torch.ones(1, 2))
    first, second = hidden.sum(), network[1](hidden).sum()
    found = balance(1.0)
    # The one reads an answer that the other does not depend on; both depend on the first layer alone.
    found.measure({"adversarial": second}, 2.0 * first, [hidden + 0.0], network)
    found.close()
    # d first / d W = 1 at all four; d second / d W = column sums of the second layer.
    columns = network[1].weight.detach().sum(0)
    assert weight(found) == pytest.approx(2.0 * 4**0.5 / float((2 * columns.square().sum()).sqrt()), rel=1e-5)


def test_the_state_goes_on_where_it_was() -> None:
    straight, first = balance(), balance()
    for found in (straight, first):
        measured(found, 3.0, 2.0)
        measured(found, 1.0, 2.0)
    second = balance()
    second.restore(first.state(), torch.device("cpu"))
    for found in (straight, second):
        measured(found, 5.0, 1.0)
    assert weight(second) == weight(straight)


def test_pulls_are_norms_at_all_answers() -> None:
    raw = torch.zeros(1, 1, 2, 2, requires_grad=True)
    bins = torch.zeros(1, 3, 2, 2, requires_grad=True)
    sample = {"target": torch.zeros(1), "raw": raw, "aux.bins": bins, "output": raw * 2}
    places = answers({"paired": sample})
    assert [place.shape for place in places] == [raw.shape, bins.shape]
    found = pulls({"picture": (raw * 3).sum(), "classes": bins.sum(), "both": raw.sum() + bins.sum()}, places)
    assert [float(found[name]) for name in ("picture", "classes", "both")] == pytest.approx([6.0, 12**0.5, 4.0])


def test_what_lies_behind_the_answers_is_gone_back_through_once_and_the_gradient_is_that_of_the_sum() -> None:
    weight_of_generator = torch.randn(3, requires_grad=True)
    raw, aux = weight_of_generator * 2, weight_of_generator.square()
    passes: list[int] = []
    behind = (raw * aux).sum()
    behind.register_hook(lambda _: passes.append(1))
    others, share = raw.square().sum(), torch.tensor(0.7)
    places = [raw, aux]
    found = {OTHERS: gradients_at(others, places), "adversarial": gradients_at(behind, places)}
    total = through(places, found, {"adversarial": share}, others + share * behind)
    assert float(total.detach()) == pytest.approx(float((others + share * behind).detach()))
    (ours,) = torch.autograd.grad(total, weight_of_generator, retain_graph=True)
    assert passes == [1]
    (expected,) = torch.autograd.grad(others + share * behind, weight_of_generator)
    torch.testing.assert_close(ours, expected)


def test_answers_that_were_computed_from_each_other_are_told_apart() -> None:
    aux = torch.randn(3, requires_grad=True) * 1.0
    assert balance().separate([aux, torch.ones(3, requires_grad=True)])
    assert not balance().separate([aux.square(), aux])


def test_a_state_of_other_balanced_terms_begins_anew() -> None:
    other = Balance([Term("style", Function("style", MSE()), balance=0.5)])
    found = balance()
    measured(found, 3.0, 2.0)
    other.restore(found.state(), torch.device("cpu"))
    assert float(other.weight("style", torch.device("cpu"))) == 0.0


def test_a_weight_and_a_balance_are_refused_together() -> None:
    check_balance(["balance.adversarial=0.5", "weights.mse=2", "weights.adversarial=null"])
    with pytest.raises(UserError, match=r"balance.adversarial and weights.adversarial both say how strong"):
        check_balance(["weights.adversarial=1", "balance.adversarial=0.5"])
    assert execute("train", ["experiment=glcic", "weights.adversarial=1", "balance.adversarial=0.5"]).code == 2


def columns(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "metrics.csv")


def test_a_balanced_run_holds_its_ratio(tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        *tiny,
        "loss=[mse,adversarial]",
        "balance.adversarial=0.5",
        "trainer.log_every=1",
        "optimizer.accumulate=2",
    ]
    assert execute("train", words).code == 0
    folder = Path(capsys.readouterr().out.splitlines()[-1])
    joint = columns(folder).query("phase == 'joint'")
    # Weighted by what has been seen before: about a half from the second update on.
    assert joint["balance/adversarial"].iloc[0] == 0 and (joint["balance/adversarial"].iloc[2:] > 0).all()
    assert joint["gradient/ratio"].iloc[4:].between(0.2, 1.0).all()
    ratio = joint["weighted/adversarial"] / joint["loss/adversarial"]
    pd.testing.assert_series_equal(ratio, joint["balance/adversarial"], check_names=False, rtol=1e-4)


def test_two_balances_share_everything_before_they_are_felt(tiny: list[str]) -> None:
    plans = [plan_run(compose_root("train", [*tiny, f"balance.adversarial={share}"])) for share in (0.1, 0.5)]
    weighed = plan_run(compose_root("train", [*tiny, "weights.adversarial=0.1"]))
    assert plans[0].identity != plans[1].identity
    assert plans[0].prefixes == plans[1].prefixes == weighed.prefixes


def test_answers_in_lists_and_mappings_count() -> None:
    one, two, three = (torch.ones(2, requires_grad=True) for _ in range(3))
    found = answers({PAIRED: {"raw": one, "aux.sides": [two, {"deep": three}], "aux.name": "x", "source": one}})
    assert [id(each) for each in found] == [id(one), id(two), id(three)]
