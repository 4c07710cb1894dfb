"""What the recipes of super-resolution say of the papers' rates, and that training follows it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from henkan.config.build import build
from henkan.config.trust import check_foreign
from henkan.errors import UserError
from henkan.training.assemble import build_network, with_warmup
from henkan.training.tally import Tally
from henkan.training.updater import Updater

Compose = Callable[..., DictConfig]


def scheduled(cfg: DictConfig, network: str = "generator") -> tuple[Optimizer, LRScheduler]:
    optimizer = build(cfg.optimizer[network])([nn.Parameter(torch.zeros(2))])
    factory = with_warmup(cfg.scheduler[network], cfg.scheduler.warmup)
    assert factory is not None
    return optimizer, factory(optimizer)


def followed(optimizer: Optimizer, scheduler: LRScheduler, count: int) -> list[float]:
    rates = []
    for _ in range(count):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def cosine(step: int, period: int) -> float:
    return 1e-7 + (2e-4 - 1e-7) * (1 + math.cos(math.pi * (step % period) / period)) / 2


@pytest.mark.filterwarnings("error")
def test_esrgan_states_the_papers_rates(composed: Compose) -> None:
    paper = composed(["experiment=esrgan", "scale=paper"])
    restarts, steps = paper.scheduler.generator.schedulers
    assert (restarts.T_0, restarts.eta_min, list(paper.scheduler.generator.after)) == (250_000, 1e-7, [1_000_000])
    assert list(steps.milestones) == [0, 50_000, 100_000, 200_000, 300_000]
    assert list(paper.scheduler.discriminator.milestones) == list(steps.milestones)[1:]
    assert (paper.optimizer.generator.lr, paper.optimizer.discriminator.lr, steps.gamma) == (2e-4, 1e-4, 0.5)
    # The same with 20 iterations for the 1,000,000 of the first stage, whose milestones are after 2 at least.
    short = composed(["experiment=esrgan", "scale=paper", "scale.small.iterations=2e-5"])
    milestones = [2, 2, 4, 6]
    assert list(short.scheduler.milestones) == milestones
    second = [1e-4 * 0.5 ** sum(step >= milestone for milestone in milestones) for step in range(7)]
    expected = [cosine(step, 5) for step in range(20)] + second
    assert followed(*scheduled(short), 27) == pytest.approx(expected)
    assert followed(*scheduled(short, "discriminator"), 7) == pytest.approx(second)


@pytest.mark.parametrize("at", [3, 19, 20, 23])
def test_rates_go_on_where_they_were(composed: Compose, at: int) -> None:
    cfg = composed(["experiment=esrgan", "scale=paper", "scale.small.iterations=2e-5"])
    whole = followed(*scheduled(cfg), 27)
    optimizer, scheduler = scheduled(cfg)
    before = followed(optimizer, scheduler, at)
    other, resumed = scheduled(cfg)
    other.load_state_dict(optimizer.state_dict())
    resumed.load_state_dict(scheduler.state_dict())
    assert before + followed(other, resumed, 27 - at) == whole


def test_cosine_restarts_alone(composed: Compose) -> None:
    cfg = composed(["scheduler=cosine_restarts", "optimizer.generator.lr=2e-4", "scheduler.period=12"])
    assert followed(*scheduled(cfg), 30) == pytest.approx([cosine(step, 12) for step in range(30)])
    cfg = composed(["scheduler=cosine_restarts", "optimizer.accumulate=4", "scheduler.period=12"])
    assert cfg.scheduler.generator.T_0 == 3
    cfg.scheduler.warmup = 5
    with pytest.raises(UserError, match=r"scheduler\.warmup=5: this scheduler says every rate itself"):
        scheduled(cfg)


def test_a_foreign_run_may_have_rates_in_turn(composed: Compose) -> None:
    resolved = OmegaConf.to_container(composed(["experiment=esrgan"]).scheduler, resolve=True)
    foreign = OmegaConf.create({"scheduler": resolved})
    check_foreign(foreign, Path("config.yaml"))
    foreign.scheduler.generator.schedulers[0]._target_ = "henkan.training.translator.Translator"
    with pytest.raises(UserError, match=r"scheduler\.generator\.schedulers\.0"):
        check_foreign(foreign, Path("config.yaml"))


def test_the_last_layer_of_srcnn_learns_ten_times_slower(composed: Compose) -> None:
    cfg = composed(["experiment=srcnn", "scale=paper"])
    network = build_network(cfg, "generator")  # type: ignore[arg-type]
    updater = Updater(
        {"generator": network}, {"generator": build(cfg.optimizer.generator)}, {}, Tally(), rates=cfg.optimizer.rates
    )
    (optimizer,) = updater.configure()
    rates = {weight: group["lr"] for group in optimizer.param_groups for weight in group["params"]}
    named = {name: rates[weight] for name, weight in network.named_parameters()}
    assert named == {f"layers.{k}.{kind}": 2e-5 if k == 4 else 2e-4 for k in (0, 2, 4) for kind in ("weight", "bias")}
    assert updater.rates() == {"generator": 2e-4}
    assert dict(composed(["experiment=srcnn"]).optimizer.rates.generator) == {"layers.4": 1.0}


def test_rates_by_the_beginnings_of_names() -> None:
    network = nn.ModuleDict({"encoder": nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), "last": nn.Linear(2, 1)})
    factors = {"encoder": 0.1, "encoder.1": 0.5}
    sgd = {"generator": lambda weights: torch.optim.SGD(weights, lr=1.0)}
    updater = Updater({"generator": network}, sgd, {}, Tally(), rates={"generator": factors})
    (optimizer,) = updater.configure()
    for weight in network.parameters():
        weight.grad = torch.ones_like(weight)
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    optimizer.step()
    for name, weight in network.named_parameters():
        expected = 0.5 if name.startswith("encoder.1") else 0.1 if name.startswith("encoder") else 1.0
        torch.testing.assert_close(before[name] - weight, torch.full_like(weight, expected))
    with pytest.raises(UserError, match=r"optimizer\.rates\.generator: no weights are called decoder\.\.\.; there are"):
        Updater({"generator": network}, sgd, {}, Tally(), rates={"generator": {"decoder": 0.1}})


def test_a_rate_is_given_on_the_command_line(composed: Compose) -> None:
    cfg = composed(["experiment=srresnet", "optimizer.rates={generator: {body.0: 0.5}}"])
    assert dict(cfg.optimizer.rates.generator) == {"body.0": 0.5}
