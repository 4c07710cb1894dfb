"""One run has one identity and one folder, however it is spelled; what gives other weights has another."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from omegaconf import DictConfig

from henkan.config import history
from henkan.runs import identity
from henkan.runs.plan import Plan, plan_run
from henkan.training import checkpoint

Compose = Callable[..., DictConfig]


@pytest.fixture
def plan(tiny: list[str], composed: Compose) -> Callable[..., Plan]:
    return lambda *words: plan_run(composed([*tiny, *words]))


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    (tmp_path / "masks").mkdir()
    hole = np.zeros((40, 48), np.uint8)
    hole[10:20, 10:20] = 255
    cv2.imwrite(str(tmp_path / "masks" / "one.png"), hole)
    return tmp_path / "masks"


def test_spellings_of_one_run(plan: Callable[..., Plan]) -> None:
    plain = plan("weights.adversarial=1")
    for words in (
        ["weights.adversarial=1.0"],
        ["weights.adversarial=1", "loss=[adversarial,mse]"],
        ["weights.adversarial=1", "recipe=mine", "study=mine"],
    ):
        other = plan(*words)
        assert (other.identity, other.prefixes) == (plain.identity, plain.prefixes)
    assert plan("weights.adversarial=1.5").identity != plain.identity


def test_a_run_is_found_whatever_it_was_called(plan: Callable[..., Plan]) -> None:
    assert plan("loss=[adversarial,mse]").folder.name == plan().folder.name
    assert plan().folder.name.startswith("glcic-adversarial+mse-seed0-")
    mine = plan("recipe=mine")
    assert mine.folder.name == f"mine-adversarial+mse-seed0-{mine.identity[:10]}"
    plan().folder.mkdir(parents=True)
    assert mine.folder == plan().folder
    assert plan("recipe=mine", "seed=1").folder.name.startswith("mine-")


def test_the_version_counts(plan: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    def identities() -> set[str]:
        found = plan()
        return {found.identity, found.evaluation, *found.prefixes.values()}

    before = identities()
    assert len(before) == 4
    monkeypatch.setattr(identity, "VERSION", identity.VERSION + 1)
    assert not before & identities()


def test_a_new_option_makes_no_other_run(plan: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    before = plan().identity
    monkeypatch.setattr(history, "INTRODUCED", {**history.INTRODUCED, "scheduler.hold": False, "pace": 1.0})
    assert plan("+scheduler.hold=false", "+pace=1").identity == before
    assert plan("+scheduler.hold=true").identity != before
    assert plan("+pace=2").identity != before


def test_masks_are_known_by_their_contents(plan: Callable[..., Plan], masks: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(masks, moved)
    words = ["degradation=mask_folder", f"degradation.path={masks}"]
    one, other = plan(*words), plan(words[0], f"degradation.path={moved}")
    assert (one.identity, one.evaluation) == (other.identity, other.evaluation)
    assert plan(*words, "degradation.fill=[0,0,0]").identity != one.identity
    scored = ["degradation@evaluation.degradation=mask_folder", f"evaluation.degradation.path={masks}"]
    elsewhere = plan(scored[0], f"evaluation.degradation.path={moved}")
    assert plan(*scored).evaluation == elsewhere.evaluation != plan().evaluation
    cv2.imwrite(str(moved / "one.png"), np.full((40, 48), 255, np.uint8) * np.eye(40, 48, dtype=np.uint8))
    assert plan(words[0], f"degradation.path={moved}").identity != one.identity
    assert plan(scored[0], f"evaluation.degradation.path={moved}").evaluation != elsewhere.evaluation


def test_two_devices_count_where_batches_have_statistics(plan: Callable[..., Plan]) -> None:
    without = ["generator.normalization=null", "discriminator.normalization=null"]
    assert plan("trainer.devices=2").identity != plan().identity
    assert plan("trainer.devices=2").identity != plan("trainer.devices=3").identity
    assert plan("trainer.devices=2", *without).identity == plan(*without).identity
    # Before a discriminator is trained its statistics are nobody's.
    one, two = (plan(f"trainer.devices={count}", without[0]).prefixes for count in (1, 2))
    assert (one[6] == two[6], one[10] == two[10]) == (True, False)


def test_other_weights_to_start_from_are_known_by_themselves(
    plan: Callable[..., Plan], tmp_path: Path, composed: Compose
) -> None:
    state = {"state_dict": {"generator.a": torch.ones(2, 3), "generator.b": torch.tensor(1.0, dtype=torch.bfloat16)}}
    paths = [tmp_path / f"{name}.ckpt" for name in "xyz"]
    checkpoint.save({**state, "seconds": 1.0}, paths[0])
    checkpoint.save({**state, "seconds": 2.0}, paths[1])
    state["state_dict"]["generator.a"][1, 2] = 2.0
    checkpoint.save({**state, "seconds": 1.0}, paths[2])
    first, second, third = (plan(f"init={path}").identity for path in paths)
    assert first == second != third
