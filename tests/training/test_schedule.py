from __future__ import annotations

import pytest

from henkan.errors import UserError
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
    # As with an adversarial term alone: nothing tells the generator anything before the discriminator is trained too.
    pulled = {"reconstruction": (), "discriminator": ("discriminator",), "joint": ("discriminator", "generator")}
    kept = schedule.without_idle(lambda phase: pulled[phase.name])
    assert [phase.name for phase in kept.phases] == ["discriminator", "joint"]
    with pytest.raises(UserError, match="no phase that updates anything"):
        schedule.without_idle(lambda phase: ())


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
