"""The recipes of segmentation: what the paper says at scale=paper, minutes at laptop scale."""

from __future__ import annotations

from collections.abc import Callable

import torch
from omegaconf import DictConfig, OmegaConf

from henkan.training.assemble import build_network

Compose = Callable[..., DictConfig]
GIVEN = ["statistics.classes=21"]


def parameters(cfg: DictConfig) -> int:
    config = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(config, dict)
    with torch.device("meta"):
        network = build_network(config, "generator")  # type: ignore[arg-type]
    return sum(weight.numel() for weight in network.parameters())


def test_deconvnet_states_the_paper(composed: Compose) -> None:
    cfg = composed(["experiment=deconvnet", "scale=paper", *GIVEN])
    assert parameters(cfg) == 251_805_653
    assert (cfg.size, list(cfg.augmentation.resize), cfg.augmentation.flip) == (224, [250, 250], 0.5)
    own = cfg.optimizer.generator
    assert (own._target_, own.lr, own.momentum, own.weight_decay) == ("torch.optim.SGD", 0.01, 0.9, 5e-4)
    assert (cfg.batch_size, cfg.optimizer.accumulate) == (8, 8)
    # 40,000 updates, a tenth of the rate after every 10,000.
    assert cfg.schedule.joint.iterations == 8 * 40_000
    assert list(cfg.scheduler.generator.milestones) == [10_000, 20_000, 30_000]
    assert list(cfg.loss) == ["pixel_cross_entropy"]


def test_deconvnet_first_stage(composed: Compose) -> None:
    words = ["schedule.joint.iterations=160_000", "scheduler.milestones=[72_000,144_000]"]
    cfg = composed(["experiment=deconvnet", "scale=paper", *GIVEN, *words])
    assert cfg.schedule.joint.iterations == 8 * 20_000
    assert list(cfg.scheduler.generator.milestones) == [9_000, 18_000]


def test_laptop_scale_is_minutes(composed: Compose) -> None:
    cfg = composed(["experiment=deconvnet", "scale=laptop", *GIVEN])
    assert (cfg.size, cfg.optimizer.accumulate, cfg.schedule.joint.iterations) == (64, 1, 6_400)
    assert parameters(cfg) < 8e6
    small = composed(["experiment=fcn", "scale=laptop", *GIVEN])
    assert (small.size, small.schedule.joint.iterations) == (64, 2_000)
    assert parameters(small) < 1.5e6
