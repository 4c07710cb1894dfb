"""The whole training loop at a tiny size: what is counted, what terms of weight 0 change, what is updated when."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from tiny_translator import adversarial, fit, make, make_batches, mse, same
from torch import Tensor, nn

from henkan.errors import UserError
from henkan.losses.adversarial import Hinge, NonSaturating, RelativisticAverage
from henkan.losses.penalty import R1
from henkan.sample import PAIRED
from henkan.terms.term import Term


def test_every_iteration_is_counted_once_whatever_it_updates() -> None:
    translator = make([mse(), adversarial(0.1)])
    fit(translator)
    assert translator.iteration == len(translator.schedule) == 9
    assert translator.trainer.global_step == 3 + 2 + 8


def test_weight_0_equals_mse_bit_for_bit() -> None:
    batches = make_batches(9)
    with_discriminator = make([mse(), adversarial(0.0)])
    fit(with_discriminator, batches)
    alone = make([mse()])
    # The same generator batches: what the discriminator's own phase took is left out.
    fit(alone, batches[:3] + batches[5:])
    assert same(alone.generator.state_dict(), with_discriminator.generator.state_dict())


def unpaired(weight: float) -> Term:
    return Term("unpaired", NonSaturating(), weight, stream="unpaired_source", against="unpaired_target")


STREAMS = (PAIRED, "unpaired_source", "unpaired_target")


def in_streams(batches: list[dict[str, Any]]) -> list[dict[str, dict[str, Any]]]:
    """Beside the pairs, other pictures in both unpaired streams."""
    others = make_batches(3 * len(batches), size=2)[len(batches) :]
    return [
        {PAIRED: batch, "unpaired_source": others[2 * k], "unpaired_target": others[2 * k + 1]}
        for k, batch in enumerate(batches)
    ]


def test_alpha_0_and_beta_0_equal_mse_bit_for_bit_buffers_included() -> None:
    batches = make_batches(9)
    augmented = make([mse(), adversarial(0.0), unpaired(0.0)], streams=STREAMS)
    fit(augmented, in_streams(batches))
    alone = make([mse()])
    fit(alone, batches[:3] + batches[5:])
    assert same(alone.generator.state_dict(), augmented.generator.state_dict())


def test_an_unpaired_term_pulls_at_the_generator_and_leaves_its_trace() -> None:
    batches = make_batches(9)
    states = []
    for weight in (0.0, 0.5):
        translator = make([mse(), unpaired(weight)], streams=STREAMS)
        watch = fit(translator, in_streams(batches))
        states.append(watch.generators)
    # The same until it is judged, and after the first joint iteration not even the running means agree.
    assert same(states[0][4], states[1][4])
    assert not torch.equal(states[0][5]["layers.1.running_mean"], states[1][5]["layers.1.running_mean"])
    row = watch.rows[-1]
    assert row["gradient/unpaired"] > 0
    assert 0 <= row["discriminator/accuracy_fake_unpaired_source"] <= 1


def test_the_discriminator_is_shown_every_pair_of_streams_of_an_objective() -> None:
    translator = make([mse(), adversarial(0.1), unpaired(0.1)], streams=STREAMS)
    row = fit(translator, in_streams(make_batches(9))).rows[-1]
    assert row["discriminator/adversarial"] != row["discriminator/unpaired"]
    # With weight 1 each: the weights are the generator's.
    assert row["discriminator/adversarial"] == pytest.approx(1.39, abs=0.5)


def test_a_huge_weight_wrecks_the_result() -> None:
    losses = {}
    for weight in (0.0, 1000.0):
        watch = fit(make([mse(), adversarial(weight)]))
        losses[weight] = watch.rows[-1]["loss/mse"]
    assert losses[1000.0] > 1.5 * losses[0.0]


def test_the_discriminators_own_phase_leaves_the_generator_alone_buffers_included() -> None:
    watch = fit(make([mse(), adversarial(0.1)]))
    assert same(watch.generators[2], watch.generators[4])
    assert not same(watch.generators[4], watch.generators[5])


def test_gradient_norms_and_their_ratio_are_logged_at_the_output() -> None:
    row = fit(make([mse(), adversarial(0.5)])).rows[-1]
    assert row["gradient/ratio"] == pytest.approx(0.5 * row["gradient/adversarial"] / row["gradient/mse"], rel=1e-5)
    assert row["weighted/adversarial"] == pytest.approx(0.5 * row["loss/adversarial"], rel=1e-6)
    assert 0 <= row["discriminator/accuracy_real"] <= 1


def test_the_gradient_of_the_hole_loss_is_that_of_the_formula() -> None:
    batches = make_batches(1)
    translator = make([mse()], phases={"joint": {"iterations": 1, "update": ["generator"]}})
    with torch.no_grad():
        sample = translator.transform.prepare(batches[0])
        translator.generator.train()
        raw = translator.generator(sample["source"], sample["mask"])["raw"]
        difference = (raw - sample["target"]) * sample["mask"]
        expected = torch.linalg.vector_norm(2 * difference / (8 * 8 * 3) / 4)
    translator = make([mse()], phases={"joint": {"iterations": 1, "update": ["generator"]}})
    assert fit(translator, batches).rows[0]["gradient/mse"] == pytest.approx(float(expected), rel=1e-5)


def test_a_penalty_refuses_batch_statistics() -> None:
    with pytest.raises(UserError, match="batch normalization"):
        make([mse(), adversarial(0.1), Term("r1", R1())])


@pytest.mark.parametrize("objective", [Hinge(), RelativisticAverage()])
def test_objectives_and_penalties_train(objective: Any) -> None:
    translator = make([mse(), Term("adversarial", objective, 0.1), Term("r1", R1(gamma=0.01, every=2))], norm=False)
    rows = fit(translator).rows
    assert "discriminator/r1" in rows[3]
    assert "discriminator/r1" not in rows[4]
    assert all(np.isfinite(list(row.values())).all() for row in rows)


def test_a_discriminator_that_is_updated_second_sees_what_the_generator_makes_then() -> None:
    seen: dict[str, list[Tensor]] = {}
    for order in (["discriminator", "generator"], ["generator", "discriminator"]):
        translator = make([mse(), adversarial(0.1)], phases={"joint": {"iterations": 1, "update": order}}, norm=False)
        assert translator.discriminator is not None
        fakes = seen[order[0]] = []
        translator.discriminator.register_forward_pre_hook(
            lambda _, args, given, fakes=fakes: fakes.append(given["image"].detach()), with_kwargs=True
        )
        fit(translator, make_batches(1))
    # Both are shown pairs in D's own step (8 pictures), and fakes alone in G's (4).
    first, second = seen["discriminator"], seen["generator"]
    assert [len(shown) for shown in first] == [8, 4] and [len(shown) for shown in second] == [4, 8]
    assert torch.equal(first[0][4:], first[1])
    assert not torch.equal(second[1][4:], second[0])
    assert torch.equal(second[0], first[1])


def test_two_seeds_differ_and_one_seed_repeats() -> None:
    batches = make_batches(9)

    def result(seed: int) -> dict[str, Tensor]:
        translator = make([mse(), adversarial(0.1)])
        translator.generator.layers.append(nn.Dropout(0.5))
        translator.seed = seed
        fit(translator, batches)
        return translator.generator.state_dict()

    assert same(result(0), result(0))
    assert not same(result(0), result(1))
