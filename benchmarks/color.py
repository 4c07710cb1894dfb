"""Measure what color conversion and the simulation of hints add to a training step, in one process, taking turns.

    uv run python benchmarks/color.py [hydra overrides ...]

One loop trains `user_guided_color` as it is: hints are drawn, targets become CIELAB and grey sources, answers become
pictures where a loss or a discriminator reads one. The other reads the same pictures and trains the same networks by
the same losses on numbers of the same shapes, without any of that. What is compared is the seconds of an iteration.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, get_args
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from henkan import color
from henkan.config.build import build
from henkan.config.composition import compose_root
from henkan.config.resolved import Config
from henkan.data.stream import TrainingStream, collate
from henkan.degradations.grey import Grey
from henkan.losses.adversarial import Adversarial
from henkan.networks.modes import without_gradient
from henkan.runs.settle import settle
from henkan.sample import Detached, Sample
from henkan.tasks.task import Side
from henkan.terms.chosen import build_terms
from henkan.terms.function import Function
from henkan.training.assemble import Network, build_network, build_transform, training_stream
from henkan.transform import Transform

CASES = {
    "laptop": ("scale=laptop", "loss=[l1_ab]"),
    "laptop, adversarial": ("scale=laptop", "loss=[l1_ab,adversarial]"),
    "laptop, adversarial in Lab": ("scale=laptop", "loss=[l1_ab,adversarial]", "task.judged_in=lab"),
    "laptop, also of the picture": ("scale=laptop", "loss=[l1_ab,l1]"),
    "full width": ("scale=laptop", "loss=[l1_ab]", "scale.width=1.0", "scale.size=128", "scale.batch=4"),
}
TURNS, ITERATIONS = 12, 6
WANTED = 0.10


class Unconverted(Grey):
    """Takes channels of the target for what would have to be computed from it."""

    def apply(self, sample: Sample) -> Sample:
        target: Tensor = sample["target"]
        one = target[:, :1]
        found = {"target_lab": target, "source": one, "lightness": one, "hints": target[:, :2], "hint_mask": one}
        return {**sample, **found}


class Loop:
    """Training steps on the samples of a stream, inside a context of its own."""

    def __init__(
        self, config: Config, stream: TrainingStream, transform: Transform, context: AbstractContextManager[Any]
    ) -> None:
        self.stream, self.transform, self.context, self.batch = stream, transform, context, int(config["batch_size"])
        self.terms = build_terms(config["loss"])
        judges = any(term.loss.judges for term in self.terms)
        names = [name for name in get_args(Network) if name == "generator" or judges]
        layout = torch.channels_last if config["trainer"]["channels_last"] else torch.contiguous_format
        self.networks: dict[str, nn.Module] = {}
        self.optimizers: dict[str, Optimizer] = {}
        for name in names:
            network = self.networks[name] = build_network(config, name).to(memory_format=layout)
            self.optimizers[name] = build(config["optimizer"][name])(network.parameters())  # type: ignore[literal-required]
        self.mixed = config["trainer"]["precision"] == "bf16-mixed"
        self.done = 0

    def update(self, name: str, loss: Tensor) -> None:
        self.optimizers[name].zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizers[name].step()

    def judge(self, key: str, sample: Sample, side: Side) -> Tensor:
        judged = self.transform.task.judged(key, sample, side)
        logits: Tensor = self.networks["discriminator"](image=judged["image"], condition=judged["condition"])[0]
        return logits.float()

    def step(self) -> None:
        items = [self.stream["generator", self.done * self.batch + k] for k in range(self.batch)]
        autocast = torch.autocast("cpu", torch.bfloat16, enabled=self.mixed)
        with autocast:
            sample = self.transform.generate(self.networks["generator"], self.transform.prepare(collate(items)))
        for term in self.terms:
            if isinstance(term.loss, Adversarial):
                with autocast:
                    fake = self.judge("output", Detached(sample), "fake")
                    real = self.judge("target", sample, "real")
                    wrong = term.loss.discriminator(real, fake).mean()
                self.update("discriminator", wrong)
        with autocast, without_gradient(self.networks.get("discriminator", nn.Identity())):
            total = sample["raw"].new_zeros(())
            for term in self.terms:
                if isinstance(term.loss, Adversarial):
                    value = term.loss.generator(self.judge("output", sample, "fake")).mean()
                else:
                    assert isinstance(term.loss, Function)
                    value = term.loss.value(sample).mean()
                total = total + term.weight * value
            self.update("generator", total)
        self.done += 1

    def seconds(self, iterations: int) -> float:
        """Return how long an iteration takes."""
        with self.context:
            start = time.perf_counter()
            for _ in range(iterations):
                self.step()
            return (time.perf_counter() - start) / iterations


def measure(overrides: Sequence[str]) -> tuple[float, float]:
    """Return the seconds of an iteration with color, and the share of it that color takes."""
    words = ["experiment=user_guided_color", "evaluation.curve=null", *overrides]
    config, pictures = settle(compose_root("train", words))
    transform = build_transform(config)
    unconverted = Transform(transform.task, Unconverted(), transform.channels_last)
    augmentation = config["augmentation"]
    assert augmentation is not None
    plain = TrainingStream(pictures, build(augmentation), Unconverted(), config["seed"])
    loops = (
        Loop(config, training_stream(config, pictures), transform, nullcontext()),
        Loop(config, plain, unconverted, patch.object(color, "lab_to_rgb", lambda lab: lab)),
    )
    turns = [[loop.seconds(ITERATIONS) for loop in loops] for _ in range(TURNS)][1:]
    return statistics.median(turn[0] for turn in turns), statistics.median(1 - turn[1] / turn[0] for turn in turns)


def main(overrides: Sequence[str]) -> None:
    for name, settings in CASES.items():
        seconds, share = measure([*settings, *overrides])
        print(f"{name:28}{seconds:8.3f} s an iteration, of which color {100 * share:5.1f} %, wanted below {WANTED:.0%}")


if __name__ == "__main__":
    main(sys.argv[1:])
