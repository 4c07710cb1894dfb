"""The recipes of dehazing: at scale=paper what is known of the papers; they train with and without a discriminator."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import DictConfig
from PIL import Image

from henkan.launching.execute import execute

Compose = Callable[..., DictConfig]


def test_aod_net_states_what_is_known(composed: Compose) -> None:
    cfg = composed(["experiment=aod_net", "scale=paper"])
    optimizer = cfg.optimizer.generator
    assert optimizer._target_ == "torch.optim.SGD" and list(cfg.loss) == ["mse"]
    assert (optimizer.lr, optimizer.momentum, optimizer.weight_decay) == (1e-3, 0.9, 1e-4)
    assert cfg.optimizer.clip == {"generator": 0.1, "discriminator": None}
    assert (cfg.batch_size, cfg.size) == (8, 480)
    assert cfg.schedule.joint.iterations == round(10 * 27_256 / 8)
    assert (cfg.degradation.levels, cfg.degradation.tinted) == (7, True)


def test_dehazenet_states_what_is_known(composed: Compose) -> None:
    cfg = composed(["experiment=dehazenet", "scale=paper"])
    assert (cfg.size, cfg.batch_size, cfg.optimizer.generator.lr) == (16, 128, 0.005)
    assert cfg.degradation.transmission == [0.0, 1.0] and cfg.degradation.airlight == [1.0, 1.0]
    assert cfg.evaluation.degradation._target_.endswith("Haze") and cfg.augmentation.resize is None
    assert (cfg.scheduler.milestones[0], cfg.scheduler.generator.gamma) == (100_000, 0.5)
    assert (cfg.generator.radius, cfg.generator.epsilon, cfg.generator.share) == (50, 1e-3, 0.01)


def test_ffa_net_states_the_paper(composed: Compose) -> None:
    cfg = composed(["experiment=ffa_net", "scale=paper"])
    optimizer = cfg.optimizer.generator
    assert (cfg.size, cfg.batch_size, cfg.schedule.joint.iterations) == (240, 2, 500_000)
    assert (optimizer._target_, optimizer.lr, list(optimizer.betas)) == ("torch.optim.Adam", 1e-4, [0.9, 0.999])
    assert (cfg.scheduler.generator.T_max, cfg.scheduler.generator.eta_min) == (500_000, 0.0)
    assert cfg.augmentation._target_ == "henkan.data.patches.Patches" and cfg.augmentation.turn
    assert list(cfg.loss) == ["l1"] and cfg.generator.blocks == 19 and cfg.generator.width == 1.0
    assert list(cfg.generator.mean) == [0.64, 0.6, 0.58] and list(cfg.generator.deviation) == [0.14, 0.15, 0.152]


def test_the_dark_channel_is_the_paper_s(composed: Compose) -> None:
    chosen = composed(["experiment=aod_net", "generator=dark_channel"]).generator
    assert (chosen.side, chosen.share, chosen.omega, chosen.radius, chosen.epsilon) == (15, 0.001, 0.95, 30, 1e-4)


@pytest.mark.parametrize("recipe", ["aod_net", "dehazenet", "ffa_net"])
def test_no_less_than_a_tenth_is_divided_by(composed: Compose, recipe: str) -> None:
    assert composed([f"experiment={recipe}", "scale=paper"]).task.least_transmission == 0.1


@pytest.mark.parametrize(
    ("recipe", "terms"),
    [
        ("aod_net", "mse"),
        ("aod_net", "mse,adversarial"),
        ("dehazenet", "mse_transmission,adversarial"),
        ("dehazenet", "mse,adversarial"),
        ("ffa_net", "l1,adversarial"),
    ],
)
def test_recipes_train(pictures: Path, tmp_path: Path, recipe: str, terms: str) -> None:
    words = [f"experiment={recipe}", "scale=smoke", "data=image_folder", f"data.path={pictures}", "logger=csv"]
    words += [f"paths.runs={tmp_path / 'runs'}", f"paths.cache={tmp_path / 'cache'}", f"loss=[{terms}]"]
    words += ["metric=[psnr]", "schedule.joint.iterations=2", "trainer.log_every=1", "validation.every=2"]
    if recipe == "ffa_net":
        words.append("generator.blocks=1")
    assert execute("train", [*words, "trainer.threads=1", "trainer.precision=32-true"]).code == 0
    (run,) = (tmp_path / "runs").glob(f"{recipe}*")
    with (run / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    for term in terms.split(","):
        assert all(float(row[f"loss/{term}"]) > 0 for row in rows if row[f"loss/{term}"])
        assert any(float(row[f"gradient/{term}"]) > 0 for row in rows if row[f"gradient/{term}"])
    Image.new("RGB", (50, 34), (200, 210, 220)).save(tmp_path / "hazy.png")
    assert execute("predict", [f"run={run}", f"input={tmp_path / 'hazy.png'}", f"output={tmp_path / 'out'}"]).code == 0
    assert Image.open(tmp_path / "out" / "hazy.png").size == (50, 34)


def test_baseline_and_transmission_are_scored(pictures: Path, tmp_path: Path) -> None:
    words = ["experiment=dehazenet", "generator=dark_channel", "scale=smoke", "data=image_folder", "logger=none"]
    words += [f"data.path={pictures}", f"paths.runs={tmp_path / 'runs'}", f"paths.cache={tmp_path / 'cache'}"]
    assert execute("evaluate", [*words, "metric=[psnr,transmission_error]"]).code == 0
    (scores,) = (tmp_path / "runs").glob("*/scores.csv")
    with scores.open() as file:
        rows = list(csv.DictReader(file))
    assert rows and all(0 < float(row["transmission_error"]) < 100 and float(row["psnr"]) > 5 for row in rows)
