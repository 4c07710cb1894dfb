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
