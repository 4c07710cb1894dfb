from __future__ import annotations

import pytest

from henkan.errors import UserError
from henkan.losses.adversarial import Hinge, Wasserstein
from henkan.losses.mse import MSE
from henkan.terms.function import Function
from henkan.terms.term import Term
from henkan.training.schedule import Phase, Schedule

GLCIC = {
    "reconstruction": {"iterations": 9, "update": ["generator"]},
    "discriminator": {"iterations": 4, "update": ["discriminator"]},
    "joint": {"iterations": 5, "update": ["discriminator", "generator"]},
}


def test_phases_follow_each_other() -> None:
    schedule = Schedule.from_config(GLCIC, discriminator=True)
    assert len(schedule) == 18
    assert schedule.ends == (9, 13, 18)
    assert [schedule.phase_at(i).name for i in (0, 8, 9, 12, 13, 17)] == [
        "reconstruction", "reconstruction", "discriminator", "discriminator", "joint", "joint",
    ]  # fmt: skip


def test_without_a_discriminator_its_phase_is_dropped() -> None:
    schedule = Schedule.from_config(GLCIC, discriminator=False)
    assert [(phase.name, phase.update) for phase in schedule.phases] == [
        ("reconstruction", ("generator",)),
        ("joint", ("generator",)),
    ]


def test_the_generator_sees_the_same_batches_with_and_without_a_discriminator() -> None:
    def seen(discriminator: bool) -> list[tuple[str, int]]:
        schedule = Schedule.from_config(GLCIC, discriminator)
        counters = (schedule.counter(iteration) for iteration in range(len(schedule)))
        return [counter for counter in counters if counter[0] == "generator"]

    assert seen(True) == seen(False) == [("generator", number) for number in range(14)]


def test_a_discriminator_only_phase_has_a_counter_of_its_own() -> None:
    schedule = Schedule.from_config(GLCIC, discriminator=True)
    assert [schedule.counter(iteration) for iteration in range(9, 13)] == [("discriminator", k) for k in range(4)]


def test_updates_are_counted_per_network() -> None:
    schedule = Schedule.from_config(GLCIC, discriminator=True)
    assert schedule.updates("generator") == 14
    assert schedule.updates("discriminator") == 9
    assert [schedule.updates("generator", i) for i in (0, 9, 13, 15)] == [0, 9, 9, 11]


def test_what_a_schedule_refuses() -> None:
    with pytest.raises(UserError, match=r"schedule.joint.update names \['critic'\]"):
        Schedule.from_config({"joint": {"iterations": 1, "update": ["critic"]}}, True)
    with pytest.raises(UserError, match="no phase that updates anything"):
        Schedule.from_config({"only": {"iterations": 3, "update": ["discriminator"]}}, False)
    with pytest.raises(UserError, match="negative"):
        Schedule.from_config({"joint": {"iterations": -1, "update": ["generator"]}}, False)


def test_a_phase_that_no_term_pulls_is_dropped() -> None:
    schedule = Schedule.from_config(GLCIC, discriminator=True)
    # Nothing tells the generator anything before the discriminator is trained too.
    kept = schedule.for_terms([Term("adversarial", Hinge())])
    assert [phase.name for phase in kept.phases] == ["discriminator", "joint"]
    with pytest.raises(UserError, match="no phase that updates anything"):
        schedule.for_terms([])


def test_a_critic_has_fresh_batches_and_the_generator_its_own() -> None:
    terms = [Term("mse", Function("mse", MSE())), Term("adversarial", Wasserstein())]
    schedule = Schedule.from_config(GLCIC, discriminator=True).for_terms(terms)
    # Five iterations for each update of the generator, where both are updated.
    assert schedule.ends == (9, 13, 13 + 25)
    assert schedule.updates("generator") == 14 and schedule.updates("discriminator") == 4 + 25
    joint = [schedule.updated(iteration) for iteration in range(13, 38)]
    assert joint[:5] == [("discriminator",)] * 4 + [("discriminator", "generator")] and joint[5:] == joint[:5] * 4
    counters = [schedule.counter(iteration) for iteration in range(38)]
    assert len(set(counters)) == 38
    assert [number for counter, number in counters if counter == "generator"] == list(range(14))
    # A phase's own number wins, and one means: both in every iteration.
    phases = {**GLCIC, "joint": {**GLCIC["joint"], "discriminator_updates": 1}}
    assert Schedule.from_config(phases, discriminator=True).for_terms(terms).ends == (9, 13, 18)
    with pytest.raises(UserError, match="discriminator_updates=0 must be 1 or more"):
        Schedule.from_config({"joint": {**GLCIC["joint"], "discriminator_updates": 0}}, True)


def test_what_was_trained_before_an_iteration() -> None:
    schedule = Schedule(
        [Phase("first", 6, ("generator",), ("mse",)), Phase("second", 4, ("discriminator", "generator"))]
    )
    first = ["first", 6, ["generator"], ["mse"]]
    assert schedule.until(0) == []
    assert schedule.until(2) == [["first", 2, ["generator"], ["mse"]]]
    assert schedule.until(6) == [first]
    assert schedule.until(9) == [first, ["second", 3, ["discriminator", "generator"], None]]
    assert schedule.until(100) == schedule.until(10)
