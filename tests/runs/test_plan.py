"""What decides which run it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from omegaconf import DictConfig

from henkan.errors import UserError
from henkan.runs.plan import Plan, plan_run

Compose = Callable[..., DictConfig]


@pytest.mark.usefixtures("white")
def test_nothing_of_training_makes_another_run_of_what_trains_nothing(tiny: list[str], composed: Compose) -> None:
    def plan(*words: str) -> Plan:
        return plan_run(composed([*tiny, "generator=white", *words]))

    plain = plan()
    assert (len(plain.schedule), plain.prefixes, plain.terms) == (0, {}, [])
    for words in ("seed=1", "loss=[mse]", "weights.adversarial=3", "optimizer=adadelta", "discriminator=patchgan"):
        assert plan(words).folder == plain.folder
    for words in ("degradation=free_form", "evaluation.seed=1", "metric=[psnr]"):
        assert plan(words).identity != plain.identity
    with pytest.raises(UserError, match="overfit=.*: this generator has no weights to learn"):
        plan("overfit=0.5")


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("evaluation.pictures=-1", "evaluation.pictures=-1 must be 1 or more; null switches it off"),
        ("validation.pictures=0", "validation.pictures=0 must be 1 or more; null switches it off"),
        (
            "checkpoint.every=null",
            "checkpoint.every=null must be 1 or more; a number larger than the run switches it off",
        ),
        ("validation.every=null", "validation.every=null must be 1 or more"),
        ("trainer.log_every=null", "trainer.log_every=null must be 1 or more"),
        ("checkpoint.keep.best=-1", "checkpoint.keep.best=-1 must be 0 or more"),
        ("trainer.threads=0", "trainer.threads=0 must be 1 or more; null switches it off"),
        ("optimizer.accumulate=1000", "optimizer.accumulate=1000: the generator is trained for .* never be updated"),
        ("+schedule.joint.terms=[mse_,adversarial]", "schedule.joint.terms names 'mse_', which is no term .*'mse'"),
        (
            "+schedule.joint.terms=[mse,hinge]",
            "names 'hinge', which is no term of a loss: its term is called adversarial",
        ),
        ("~augmentation", "there is no augmentation: choose one"),
        ("loss=[]", "there is no loss: choose one"),
        ("~discriminator", "there is no discriminator: choose one"),
        ("trainer.workers=-1", "trainer.workers=-1 must be 0 or more"),
        ("scheduler.warmup=-1", "scheduler.warmup=-1 must be 0 or more"),
        ("optimizer.clip=0", "optimizer.clip=0 must be above 0; null does not clip"),
        ("optimizer.clip=-1", "optimizer.clip=-1 must be above 0"),
        ("optimizer.clip=abc", "optimizer.clip=abc must be above 0"),
        ("optimizer.clip={generator: 0}", "optimizer.clip.generator=0 must be above 0"),
        ("optimizer.clip={generatr: 1}", "optimizer.clip.generatr: there is no such network.*generator"),
        ("optimizer.rates={generatr: {first: 0.1}}", "optimizer.rates.generatr: there is no such network.*generator"),
    ],
)
def test_counts_and_limits_that_cannot_be_are_refused(tiny: list[str], composed: Compose, word: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        plan_run(composed([*tiny, word]))


def test_a_term_that_no_phase_names_is_idle(tiny: list[str], composed: Compose) -> None:
    words = [*tiny, "loss=[mse,l1]"]
    assert plan_run(composed(words)).idle == []
    assert plan_run(composed([*words, "+schedule.reconstruction.terms=[mse]", "+schedule.joint.terms=[mse]"])).idle == [
        "l1"
    ]


def test_what_a_run_does_without_may_be_left_out(tiny: list[str], composed: Compose) -> None:
    plain = plan_run(composed([*tiny, "loss=[mse]"]))
    assert plan_run(composed([*tiny, "loss=[mse]", "~discriminator"])).identity == plain.identity
    assert not plan_run(composed([*tiny, "generator=telea", "loss=[]"])).trains
    # A phase may name the terms of a recipe that lies elsewhere.
    assert plan_run(composed([*tiny, "loss=[mse]", "+schedule.joint.terms=[mse,mine_alone]"])).trains
