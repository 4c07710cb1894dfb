"""What the recipes of super-resolution say of the papers, and that training follows their rates."""

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
from henkan.config.trees import config_folder
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


def parameters(cfg: DictConfig) -> int:
    with torch.device("meta"):
        return sum(weight.numel() for weight in build(cfg.generator).parameters())


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


def test_srgan_states_the_paper(composed: Compose) -> None:
    paper = composed(["experiment=srgan", "scale=paper"])
    assert (paper.size, paper.batch_size, paper.degradation.scale) == (96, 16, 4)
    first, second = paper.schedule.reconstruction, paper.schedule.joint
    assert (first.iterations, second.iterations) == (1_000_000, 200_000)
    assert (list(first.terms), list(second.terms)) == (["mse"], ["perceptual", "adversarial"])
    for network, milestone in (("generator", 1_100_000), ("discriminator", 100_000)):
        optimizer, scheduler = paper.optimizer[network], paper.scheduler[network]
        assert (optimizer._target_, optimizer.lr, list(optimizer.betas)) == ("torch.optim.Adam", 1e-4, [0.9, 0.999])
        assert (list(scheduler.milestones), scheduler.gamma) == ([milestone], 0.1)
    # The same with 20 iterations for the 1,000,000 of the first stage.
    short = composed(["experiment=srgan", "scale=paper", "scale.small.iterations=2e-5"])
    second_stage = [1e-4] * 2 + [1e-5] * 2
    assert followed(*scheduled(short), 24) == pytest.approx([1e-4] * 20 + second_stage)
    assert followed(*scheduled(short, "discriminator"), 4) == pytest.approx(second_stage)
    words = ["loss=[mse,perceptual_srgan,adversarial]", "balance.adversarial=null", "weights.adversarial=0.001"]
    recipe = config_folder() / "experiment" / "srgan.yaml"
    assert " ".join(words) in recipe.read_text().replace("\n# ", " ")
    published = composed(["experiment=srgan", "scale=paper", *words, "generator=srresnet"])
    assert dict(published.weights) == {"mse": 1.0, "perceptual": 1.0, "adversarial": 1e-3}
    assert set(published.balance.values()) == {None}
    ((layer, weight),) = published.loss.perceptual.layers.items()
    assert (layer, weight) == ("relu5_4", pytest.approx(1 / 12.75**2, rel=1e-4))
    assert published.loss.perceptual.features._target_.endswith(".VGG19")
    assert published.loss.perceptual.distance._target_ == "henkan.losses.mse.MSE"


def test_srgan_at_laptop_has_the_papers_stages(composed: Compose) -> None:
    cfg = composed(["experiment=srgan", "scale=laptop"])
    assert (cfg.schedule.reconstruction.iterations, cfg.schedule.joint.iterations) == (2000, 400)
    assert followed(*scheduled(cfg), 2400) == pytest.approx([1e-3] * 2200 + [1e-4] * 200)
    assert followed(*scheduled(cfg, "discriminator"), 400) == pytest.approx([1e-4] * 200 + [1e-5] * 200)
    # A run that starts from another one has the second stage alone.
    alone = composed(["experiment=srgan", "scale=laptop", "schedule.reconstruction.iterations=0"])
    assert followed(*scheduled(alone), 400) == pytest.approx([1e-3] * 200 + [1e-4] * 200)


def test_the_published_terms_of_esrgan_have_their_weights(composed: Compose) -> None:
    words = ["loss=[l1,perceptual_esrgan,relativistic]", "weights.perceptual=1"]
    recipe = config_folder() / "experiment" / "esrgan.yaml"
    assert " ".join(words) in recipe.read_text().replace("\n# ", " ")
    cfg = composed(["experiment=esrgan", "scale=paper", *words])
    assert dict(cfg.weights) == {"l1": 0.01, "perceptual": 1, "adversarial": 0.005}
    # Before its ReLU.
    assert dict(cfg.loss.perceptual.layers) == {"conv5_4": 1.0}
    assert cfg.loss.perceptual.features._target_.endswith(".VGG19")
    assert cfg.loss.perceptual.distance._target_ == "henkan.losses.l1.L1"
    assert cfg.loss.adversarial._target_.endswith(".RelativisticAverage")
    assert (cfg.size, cfg.batch_size) == (128, 16)
    assert (cfg.schedule.reconstruction.iterations, cfg.schedule.joint.iterations) == (1_000_000, 400_000)


def test_srresnet_states_the_paper(composed: Compose) -> None:
    cfg = composed(["experiment=srresnet", "scale=paper"])
    assert (cfg.size, cfg.batch_size, cfg.degradation.scale) == (96, 16, 4)
    assert cfg.schedule == {"joint": {"iterations": 1_000_000, "update": ["discriminator", "generator"]}}
    optimizer = cfg.optimizer.generator
    assert (optimizer._target_, optimizer.lr, list(optimizer.betas)) == ("torch.optim.Adam", 1e-4, [0.9, 0.999])
    assert cfg.scheduler.generator is None and list(cfg.loss) == ["mse"]
    for name, expected in (("msrresnet", 1_517_571), ("srresnet", 1_549_462)):
        chosen = composed(["experiment=srresnet", "scale=paper", f"generator={name}"])
        assert parameters(chosen) == expected


def test_edsr_states_the_paper(composed: Compose) -> None:
    cfg = composed(["experiment=edsr", "scale=paper"])
    # 48 px of the small picture.
    assert (cfg.size, cfg.batch_size, cfg.degradation.scale) == (4 * 48, 16, 4)
    assert cfg.schedule.joint.iterations == 300_000 and list(cfg.loss) == ["l1"]
    optimizer = cfg.optimizer.generator
    assert (optimizer._target_, optimizer.lr, list(optimizer.betas)) == ("torch.optim.Adam", 1e-4, [0.9, 0.999])
    assert (list(cfg.scheduler.generator.milestones), cfg.scheduler.generator.gamma) == ([200_000], 0.5)
    # The same with 6 iterations for the 300,000.
    short = composed(["experiment=edsr", "scale=paper", "scale.small.iterations=2e-5"])
    assert followed(*scheduled(short), 6) == pytest.approx([1e-4] * 4 + [5e-5] * 2)
    baseline = cfg.generator
    assert (baseline.channels, baseline.blocks, baseline.share, baseline.width) == (64, 16, 1.0, 1.0)
    assert list(baseline.mean) == [0.4488, 0.4371, 0.4040] and parameters(cfg) == 1_517_571
    large = composed(["experiment=edsr", "scale=paper", "generator=edsr_large"]).generator
    assert (large.channels, large.blocks, large.share, large.width) == (256, 32, 0.1, 1.0)


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
