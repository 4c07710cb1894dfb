"""How recipes state the paper's numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from henkan.config.composition import compose_root
from henkan.config.resolvers import total


def test_milestones_are_iterations_however_many_make_an_update() -> None:
    words = ["experiment=glcic", "scheduler=step", "scheduler.milestones=[40,80]"]
    assert compose_root("train", words).scheduler.generator.milestones == [40, 80]
    assert compose_root("train", [*words, "optimizer.accumulate=4"]).scheduler.generator.milestones == [10, 20]


def test_a_critic_has_as_many_updates_as_its_objective_asks_for() -> None:
    words = ["experiment=glcic", "scheduler=cosine", "schedule=single", "schedule.joint.iterations=30"]
    for loss, updates in (("adversarial", 30), ("wasserstein", 150)):
        config = compose_root("train", [*words, f"loss=[mse,{loss}]"])
        assert (config.scheduler.generator.T_max, config.scheduler.discriminator.T_max) == (30, updates)
    config = compose_root("train", [*words, "loss=[mse,wasserstein]", "+schedule.joint.discriminator_updates=2"])
    assert config.scheduler.discriminator.T_max == 60


MINE = """
from henkan.terms.term import Loss

class Eager(Loss):
    judges = True
    discriminator_updates = 3
"""


def test_an_objective_that_a_config_does_not_ask_is_asked_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "eager.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    words = ["experiment=glcic", "scheduler=cosine", "schedule=single", "schedule.joint.iterations=30"]

    def of_discriminator(*more: str) -> int:
        updates: int = compose_root("train", [*words, *more]).scheduler.discriminator.T_max
        return updates

    assert of_discriminator("loss=[mse,wasserstein]", "~loss.adversarial.discriminator_updates") == 150
    own = "loss.adversarial._target_=eager.Eager"
    assert of_discriminator("loss=[mse,adversarial]", own) == 90
    # It is asked in the phases alone that it takes part in.
    assert of_discriminator("loss=[mse,adversarial]", own, "+schedule.joint.terms=[mse]") == 30


def test_a_total_of_what_is_left_open_is_open() -> None:
    assert total(3, 1) == 4 and total(3, None) is None
    # Pairs are written in as many channels as the data have.
    degrade = compose_root("degrade", ["discriminator=patchgan"])
    assert degrade.channels is None and degrade.discriminator.in_channels is None
