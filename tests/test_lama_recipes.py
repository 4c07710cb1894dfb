"""The recipes `lama` and `lama_big` at scale=paper are what the paper says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from omegaconf import DictConfig, OmegaConf

from henkan.errors import UserError
from henkan.terms.chosen import build_terms, check_terms
from henkan.training.assemble import build_network
from henkan.verbs import train

Compose = Callable[..., DictConfig]


@pytest.mark.parametrize(("recipe", "parameters"), [("lama", 27_048_835), ("lama_big", 50_975_875)])
def test_the_paper(composed: Compose, recipe: str, parameters: int) -> None:
    cfg = composed([f"experiment={recipe}", "scale=paper", "statistics.mean=[0.5,0.5,0.5]"])
    assert (cfg.size, cfg.batch_size, cfg.validation.framing.resize) == (256, 30, None)
    assert cfg.schedule.joint.iterations == 1_000_000
    weights = {name: cfg.weights[name] for name in cfg.loss}
    assert weights == {"l1_known": 10, "adversarial": 10, "feature_matching": 100, "batch_slope": 1}
    assert (cfg.loss.batch_slope.gamma / 2, cfg.loss.batch_slope.every) == (0.001, 1)
    assert (cfg.optimizer.generator.lr, cfg.optimizer.discriminator.lr) == (1e-3, 1e-4)
    assert cfg.optimizer.clip == 1.0
    masks, strokes = cfg.degradation, cfg.degradation.strokes
    assert (masks.share, strokes.segments, strokes.angles) == (0.5, 5, 4)
    assert (strokes.count, strokes.length, strokes.width) == ([1, 6], [10, 209], [5, 104])
    assert (masks.boxes.count, masks.boxes.low, masks.boxes.high, masks.boxes.margin) == (4, 30, 150, 10)
    config = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(config, dict)
    with torch.device("meta"):
        generator = build_network(config, "generator")  # type: ignore[arg-type]
        discriminator = build_network(config, "discriminator")  # type: ignore[arg-type]
    assert sum(weight.numel() for weight in generator.parameters()) == parameters
    logits, maps = discriminator(torch.zeros(1, 3, 256, 256, device="meta"))
    assert [tuple(one.shape[1:]) for one in maps] == [
        (64, 129, 129),
        (128, 65, 65),
        (256, 33, 33),
        (512, 17, 17),
        (512, 18, 18),
    ]
    assert tuple(logits.shape) == (1, 1, 19, 19)


def test_the_distortions_of_the_release(composed: Compose) -> None:
    """Constants of its transform_variant `distortions`, in its order."""
    distortions = OmegaConf.to_container(composed(["experiment=lama", "scale=paper"]).augmentation)
    assert isinstance(distortions, dict)
    chances, names = set(), []
    for group in ("warps", "tones"):
        for operator in distortions[group].values():
            names.append(operator.pop("_target_").rpartition(".")[2])
            chances.add(operator.pop("chance"))
    assert names == ["Perspective", "Affine", "Lens", "LocalContrast", "Contrast", "Hue"]
    assert chances == {0.5} and distortions["flip"] == 0.5
    assert list(distortions["warps"].values()) == [
        {"deviation": [0.0, 0.06]},
        {
            "scale_x": [0.7, 1.3],
            "scale_y": [0.7, 1.3],
            "turn": [-40.0, 40.0],
            "lean_x": [-0.1, 0.1],
            "lean_y": [-0.1, 0.1],
        },
        {"strength": [-0.05, 0.05]},
    ]
    assert list(distortions["tones"].values()) == [
        {"clip": [1.0, 4.0]},
        {"contrast": [-0.2, 0.2], "brightness": [-0.2, 0.2]},
        {"hue": [-10.0, 10.0], "saturation": [-30.0, 30.0], "value": [-5.0, 5.0]},
    ]


@pytest.mark.parametrize("scale", ["smoke", "laptop", "paper"])
def test_every_scale_distorts(composed: Compose, scale: str) -> None:
    cfg = composed(["experiment=lama", f"scale={scale}"])
    assert cfg.augmentation._target_ == "henkan.data.distortions.Distortions" and cfg.augmentation.size == cfg.size


def test_it_trains_and_completes(tiny: list[str], composed: Compose, tmp_path: Path) -> None:
    words = [word for word in tiny if not word.startswith(("experiment=", "schedule."))]
    train.main(composed(["experiment=lama", "schedule.joint.iterations=6", *words]))
    (run,) = (path.parent for path in (tmp_path / "runs").glob("*/run.json"))
    curves = pd.read_csv(run / "metrics.csv")
    for name in ("loss/l1_known", "loss/feature_matching", "loss/adversarial", "discriminator/batch_slope"):
        assert curves[name].dropna().gt(0).all() and curves[name].notna().any()
    assert curves["gradient/feature_matching"].dropna().gt(0).all()


def test_terms_that_cannot_stand_alone(composed: Compose) -> None:
    def terms(*names: str) -> None:
        cfg = composed(["experiment=lama", f"loss=[{','.join(names)}]"])
        loss = OmegaConf.to_container(cfg.loss, resolve=True)
        check_terms(build_terms(loss))  # type: ignore[arg-type]

    with pytest.raises(UserError, match="feature_matching needs a discriminator"):
        terms("l1_known", "feature_matching")
    with pytest.raises(UserError, match="batch_slope needs a discriminator"):
        terms("l1_known", "batch_slope")
    terms("l1_known", "feature_matching", "hinge")
