from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from henkan.degradations.degradation import Degradation
from henkan.errors import TrainingFailed, UserError
from henkan.losses.adversarial import Hinge, NonSaturating, RelativisticAverage
from henkan.losses.mse import MSE
from henkan.losses.penalty import R1
from henkan.sample import PAIRED, Sample
from henkan.tasks.completion import Completion
from henkan.terms.function import Function
from henkan.terms.term import Term
from henkan.training.feed import Stretches
from henkan.training.schedule import Schedule
from henkan.training.translator import Translator
from henkan.transform import Transform

READS = {"input": "output", "target": "target", "mask": "mask"}


class FixedHole(Degradation):
    def draw(self, target: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        raise NotImplementedError("the batches of these tests have their masks")

    def apply(self, sample: Sample) -> Sample:
        return {**sample, "source": sample["target"] * (1 - sample["mask"])}


class Generator(nn.Module):
    multiple = 1

    def __init__(self, norm: bool = True) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(4, 8, 3, padding=1),
            nn.BatchNorm2d(8) if norm else nn.Identity(),
            nn.ReLU(),
            nn.Conv2d(8, 3, 3, padding=1),
            nn.Sigmoid(),
        )

    def forward(self, image: Tensor, mask: Tensor) -> dict[str, Tensor]:
        return {"raw": self.layers(torch.cat((image, mask), dim=1))}


class Discriminator(nn.Module):
    def __init__(self, norm: bool = True) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1),
            nn.BatchNorm2d(8) if norm else nn.Identity(),
            nn.LeakyReLU(0.2),
            nn.Conv2d(8, 1, 3, padding=1),
        )
        self.cache: list[bool] = []

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        self.cache.append(torch.is_autocast_cache_enabled())
        return self.layers(image), []


def make_batches(count: int, size: int = 4) -> list[dict[str, Any]]:
    torch.manual_seed(1)
    batches = []
    for number in range(count):
        mask = torch.zeros(size, 1, 16, 16, dtype=torch.uint8)
        mask[:, :, 4:12, 4:12] = 1
        centers = torch.full((size, 2), 8)
        batches.append(
            {
                "target": torch.randint(0, 256, (size, 3, 16, 16), dtype=torch.uint8),
                "mask": mask,
                "window": centers,
                "window_real": centers,
                "index": torch.arange(size) + number * size,
                "name": ["x"] * size,
            }
        )
    return batches


PHASES = {
    "reconstruction": {"iterations": 3, "update": ["generator"]},
    "discriminator": {"iterations": 2, "update": ["discriminator"]},
    "joint": {"iterations": 4, "update": ["discriminator", "generator"]},
}


def make(
    terms: list[Term],
    phases: dict[str, Any] = PHASES,
    norm: bool = True,
    optimizer: Callable[..., torch.optim.Optimizer] = lambda p: torch.optim.SGD(p, lr=0.1),
    streams: Sequence[str] = (PAIRED,),
    **settings: Any,
) -> Translator:
    torch.manual_seed(0)
    generator = Generator(norm)
    judged = any(term.loss.judges for term in terms)
    discriminator = Discriminator(norm) if judged else None
    return Translator(
        generator=generator,
        discriminator=discriminator,
        transforms={name: Transform(Completion(window=8), FixedHole()) for name in streams},
        terms=terms,
        schedule=Schedule.from_config(phases, judged).for_terms(terms),
        optimizers={"generator": optimizer, "discriminator": lambda p: torch.optim.SGD(p, lr=0.1)},
        schedulers={},
        seed=0,
        log_every=1,
        **settings,
    )


class Watch(pl.Callback):
    """Collects the observed rows, and the generator after each iteration."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []
        self.generators: list[dict[str, Tensor]] = []

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        self.rows.append(pl_module.observed)
        self.generators.append({name: value.clone() for name, value in pl_module.generator.state_dict().items()})


def fit(translator: Translator, batches: list[dict[str, Any]] | None = None, precision: Any = "32-true") -> Watch:
    watch = Watch()
    batches = batches or make_batches(len(translator.schedule))
    # A batch of the paired stream, or of several.
    streams = [batch if PAIRED in batch else {PAIRED: batch} for batch in batches]
    pl.Trainer(
        accelerator="cpu",
        max_epochs=1,
        precision=precision,
        callbacks=[watch],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    ).fit(translator, Stretches(streams, [1] * len(batches)))  # type: ignore[arg-type]
    return watch


def mse(weight: float = 1.0) -> Term:
    return Term("mse", Function("mse", MSE(), READS), weight)


def adversarial(weight: float) -> Term:
    return Term("adversarial", NonSaturating(), weight)


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, second[name]) for name, value in first.items())


def test_every_iteration_is_counted_once_whatever_it_updates() -> None:
    translator = make([mse(), adversarial(0.1)])
    fit(translator)
    assert translator.iteration == len(translator.schedule) == 9
    assert translator.trainer.global_step == 3 + 2 + 8


def test_weight_0_equals_mse_bit_for_bit() -> None:
    batches = make_batches(9)
    with_discriminator = make([mse(), adversarial(0.0)])
    fit(with_discriminator, batches)
    alone = make([mse()])
    # The same generator batches: what the discriminator's own phase took is left out.
    fit(alone, batches[:3] + batches[5:])
    assert same(alone.generator.state_dict(), with_discriminator.generator.state_dict())


def unpaired(weight: float) -> Term:
    return Term("unpaired", NonSaturating(), weight, stream="unpaired_source", against="unpaired_target")


STREAMS = (PAIRED, "unpaired_source", "unpaired_target")


def in_streams(batches: list[dict[str, Any]]) -> list[dict[str, dict[str, Any]]]:
    """Beside the pairs, other pictures in both unpaired streams."""
    others = make_batches(3 * len(batches), size=2)[len(batches) :]
    return [
        {PAIRED: batch, "unpaired_source": others[2 * k], "unpaired_target": others[2 * k + 1]}
        for k, batch in enumerate(batches)
    ]


def test_alpha_0_and_beta_0_equal_mse_bit_for_bit_buffers_included() -> None:
    batches = make_batches(9)
    augmented = make([mse(), adversarial(0.0), unpaired(0.0)], streams=STREAMS)
    fit(augmented, in_streams(batches))
    alone = make([mse()])
    fit(alone, batches[:3] + batches[5:])
    assert same(alone.generator.state_dict(), augmented.generator.state_dict())


def test_an_unpaired_term_pulls_at_the_generator_and_leaves_its_trace() -> None:
    batches = make_batches(9)
    states = []
    for weight in (0.0, 0.5):
        translator = make([mse(), unpaired(weight)], streams=STREAMS)
        watch = fit(translator, in_streams(batches))
        states.append(watch.generators)
    # The same until it is judged, and after the first joint iteration not even the running means agree.
    assert same(states[0][4], states[1][4])
    assert not torch.equal(states[0][5]["layers.1.running_mean"], states[1][5]["layers.1.running_mean"])
    row = watch.rows[-1]
    assert row["gradient/unpaired"] > 0
    assert 0 <= row["discriminator/accuracy_fake_unpaired_source"] <= 1


def test_the_discriminator_is_shown_every_pair_of_streams_of_an_objective() -> None:
    translator = make([mse(), adversarial(0.1), unpaired(0.1)], streams=STREAMS)
    row = fit(translator, in_streams(make_batches(9))).rows[-1]
    assert row["discriminator/adversarial"] != row["discriminator/unpaired"]
    # With weight 1 each: the weights are the generator's.
    assert row["discriminator/adversarial"] == pytest.approx(1.39, abs=0.5)


def test_a_huge_weight_wrecks_the_result() -> None:
    losses = {}
    for weight in (0.0, 1000.0):
        watch = fit(make([mse(), adversarial(weight)]))
        losses[weight] = watch.rows[-1]["loss/mse"]
    assert losses[1000.0] > 1.5 * losses[0.0]


def test_the_discriminators_own_phase_leaves_the_generator_alone_buffers_included() -> None:
    watch = fit(make([mse(), adversarial(0.1)]))
    assert same(watch.generators[2], watch.generators[4])
    assert not same(watch.generators[4], watch.generators[5])


def test_gradient_norms_and_their_ratio_are_logged_at_the_output() -> None:
    row = fit(make([mse(), adversarial(0.5)])).rows[-1]
    assert row["gradient/ratio"] == pytest.approx(0.5 * row["gradient/adversarial"] / row["gradient/mse"], rel=1e-5)
    assert row["weighted/adversarial"] == pytest.approx(0.5 * row["loss/adversarial"], rel=1e-6)
    assert 0 <= row["discriminator/accuracy_real"] <= 1


def test_the_gradient_of_the_hole_loss_is_that_of_the_formula() -> None:
    batches = make_batches(1)
    translator = make([mse()], phases={"joint": {"iterations": 1, "update": ["generator"]}})
    with torch.no_grad():
        sample = translator.transform.prepare(batches[0])
        translator.generator.train()
        raw = translator.generator(sample["source"], sample["mask"])["raw"]
        difference = (raw - sample["target"]) * sample["mask"]
        expected = torch.linalg.vector_norm(2 * difference / (8 * 8 * 3) / 4)
    translator = make([mse()], phases={"joint": {"iterations": 1, "update": ["generator"]}})
    assert fit(translator, batches).rows[0]["gradient/mse"] == pytest.approx(float(expected), rel=1e-5)


def test_batches_summed_into_one_update_equal_one_large_batch() -> None:
    phases = {"joint": {"iterations": 2, "update": ["generator"]}}
    small = make_batches(2, size=4)
    large = {name: value + small[1][name] if isinstance(value, list) else torch.cat((value, small[1][name]))
             for name, value in small[0].items()}  # fmt: skip
    summed = make([mse()], phases=phases, norm=False, accumulate=2)
    fit(summed, small)
    whole = make([mse()], phases={"joint": {"iterations": 1, "update": ["generator"]}}, norm=False)
    fit(whole, [large])
    for name, value in whole.generator.state_dict().items():
        torch.testing.assert_close(summed.generator.state_dict()[name], value)


def test_gradients_are_clipped() -> None:
    phases = {"joint": {"iterations": 1, "update": ["generator"]}}
    translator = make([mse(1000.0)], phases=phases, clip={"generator": 0.01})
    before = [parameter.clone() for parameter in translator.generator.parameters()]
    fit(translator)
    moved = torch.stack([(a - b).norm() for a, b in zip(translator.generator.parameters(), before, strict=True)]).norm()
    assert float(moved) == pytest.approx(0.1 * 0.01, rel=1e-3)


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_an_optimizer_that_evaluates_its_closure_often_fits_in(search: str | None) -> None:
    def optimizer(parameters: Any) -> torch.optim.Optimizer:
        return torch.optim.LBFGS(parameters, max_iter=5, line_search_fn=search)

    phases = {"joint": {"iterations": 3, "update": ["generator"]}}
    translator = make([mse()], phases=phases, norm=False, optimizer=optimizer)
    (batch,) = make_batches(1)
    alone = copy.deepcopy(translator.generator)
    rows = fit(translator, [batch] * 3).rows
    assert translator.iteration == 3

    # The same steps, taken by hand.
    sample = translator.transform.prepare(batch)
    by_hand, losses = optimizer(alone.parameters()), []

    def closure() -> Tensor:
        by_hand.zero_grad()
        loss = MSE()(translator.transform.generate(alone, sample)["output"], sample["target"], sample["mask"]).mean()
        loss.backward()
        losses.append(loss.item())
        return loss

    starts = []
    for _ in range(3):
        starts.append(len(losses))
        by_hand.step(closure)
    assert same(translator.generator.state_dict(), alone.state_dict())
    # What is logged is the loss that a step started from, and not a mean over what it tried.
    firsts = [losses[start] for start in starts]
    assert len(losses) > 3 and [row["loss/mse"] for row in rows] == pytest.approx(firsts, rel=1e-6)
    assert [row["loss/generator"] for row in rows] == pytest.approx(firsts, rel=1e-6)
    assert firsts[-1] < firsts[0]


class Changing(Generator):
    """A generator that is told the phase, and becomes another one when the second begins."""

    def __init__(self) -> None:
        super().__init__(norm=False)
        self.heard: list[str] = []

    def begin(self, phase: str) -> bool:
        self.heard.append(phase)
        return self.heard[-2:] == ["one", "two"]


def test_a_generator_that_changes_with_the_phase_has_an_optimizer_that_begins_anew() -> None:
    phases = {name: {"iterations": 2, "update": ["generator"]} for name in ("one", "two")}
    translator = make([mse()], phases=phases, optimizer=lambda p: torch.optim.Adam(p, lr=0.01))
    translator.generator = Changing()
    translator.updater.networks["generator"] = translator.generator
    fit(translator)
    assert translator.generator.heard == ["one", "one", "two", "two"]
    states = translator.updater.optimizers["generator"].state.values()
    assert states and all(state["step"] == 2 for state in states)


def test_a_generator_that_changes_with_the_phase_has_no_average() -> None:
    parts = {name: getattr(make([mse()]), name) for name in ("transforms", "terms", "schedule")}
    with pytest.raises(UserError, match="average.decay=0.99: a generator that changes .* set it to null"):
        Translator(generator=Changing(), discriminator=None, optimizers={}, schedulers={}, seed=0, decay=0.99, **parts)


def test_autocast_does_not_hand_out_stale_weights() -> None:
    translator = make([mse(), adversarial(0.1)])
    fit(translator, precision="bf16-mixed")
    assert isinstance(translator.discriminator, Discriminator)
    assert translator.discriminator.cache
    assert not any(translator.discriminator.cache)


def test_a_loss_that_is_not_finite_stops_the_run_and_is_named() -> None:
    class Broken:
        def __call__(self, input: Tensor) -> Tensor:
            return input.mean(dim=(1, 2, 3)) / 0.0

    with pytest.raises(TrainingFailed, match="loss term broken was NaN or infinite at iteration 0"):
        fit(make([mse(), Term("broken", Function("broken", Broken(), {"input": "output"}))]))


def test_a_penalty_refuses_batch_statistics() -> None:
    with pytest.raises(UserError, match="batch normalization"):
        make([mse(), adversarial(0.1), Term("r1", R1())])


@pytest.mark.parametrize("objective", [Hinge(), RelativisticAverage()])
def test_objectives_and_penalties_train(objective: Any) -> None:
    translator = make([mse(), Term("adversarial", objective, 0.1), Term("r1", R1(gamma=0.01, every=2))], norm=False)
    rows = fit(translator).rows
    assert "discriminator/r1" in rows[3]
    assert "discriminator/r1" not in rows[4]
    assert all(np.isfinite(list(row.values())).all() for row in rows)


def test_a_discriminator_that_is_updated_second_sees_what_the_generator_makes_then() -> None:
    seen: dict[str, list[Tensor]] = {}
    for order in (["discriminator", "generator"], ["generator", "discriminator"]):
        translator = make([mse(), adversarial(0.1)], phases={"joint": {"iterations": 1, "update": order}}, norm=False)
        assert translator.discriminator is not None
        fakes = seen[order[0]] = []
        translator.discriminator.register_forward_pre_hook(
            lambda _, args, given, fakes=fakes: fakes.append(given["image"].detach()), with_kwargs=True
        )
        fit(translator, make_batches(1))
    # Both are shown pairs in D's own step (8 pictures), and fakes alone in G's (4).
    first, second = seen["discriminator"], seen["generator"]
    assert [len(shown) for shown in first] == [8, 4] and [len(shown) for shown in second] == [4, 8]
    assert torch.equal(first[0][4:], first[1])
    assert not torch.equal(second[1][4:], second[0])
    assert torch.equal(second[0], first[1])


def test_two_seeds_differ_and_one_seed_repeats() -> None:
    batches = make_batches(9)

    def result(seed: int) -> dict[str, Tensor]:
        translator = make([mse(), adversarial(0.1)])
        translator.generator.layers.append(nn.Dropout(0.5))
        translator.seed = seed
        fit(translator, batches)
        return translator.generator.state_dict()

    assert same(result(0), result(0))
    assert not same(result(0), result(1))
