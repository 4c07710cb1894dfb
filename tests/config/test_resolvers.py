"""How recipes state the paper's numbers."""

from __future__ import annotations

from henkan.config.composition import compose_root


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
