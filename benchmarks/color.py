"""Measure what color conversion and the simulation of hints add to a training step, in one process, taking turns.

    uv run python benchmarks/color.py [hydra overrides ...]

One loop trains `user_guided_color` as it is: hints are drawn, targets become CIELAB and grey sources, answers become
pictures. The other reads the same pictures and trains the same network on numbers of the same shapes, without any of
that. Both take the generator's step on the loss of a and b; what is compared is the seconds of an iteration.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from henkan.build import build
from henkan.composition import compose_root
from henkan.data.stream import TrainingStream, collate
from henkan.degradations.identity import Identity
from henkan.losses.l1 import L1
from henkan.runs.plan import settle
from henkan.sample import to_float
from henkan.training.assemble import build_network, build_transform, training_stream

CASES = {
    "laptop": ("scale=laptop",),
    "full width": ("scale=laptop", "scale.width=1.0", "scale.size=128", "scale.batch=4"),
}
TURNS, ITERATIONS = 12, 6
WANTED = 0.10


class Loop:
    """The generator's steps on samples that one function makes and another turns into a loss."""

    def __init__(self, config: dict[str, Any], stream: TrainingStream, loss: Callable[[Any, Any], Tensor]) -> None:
        self.stream, self.loss, self.batch = stream, loss, int(config["batch_size"])
        layout = torch.channels_last if config["trainer"]["channels_last"] else torch.contiguous_format
        self.network = build_network(config, "generator").to(memory_format=layout)  # type: ignore[call-overload]
        self.optimizer = build(config["optimizer"]["generator"])(self.network.parameters())
        self.mixed = config["trainer"]["precision"] == "bf16-mixed"
        self.done = 0

    def step(self) -> None:
        items = [self.stream["generator", self.done * self.batch + k] for k in range(self.batch)]
        with torch.autocast("cpu", torch.bfloat16, enabled=self.mixed):
            loss = self.loss(self.network, collate(items))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.done += 1

    def seconds(self, iterations: int) -> float:
        """Return how long an iteration takes."""
        start = time.perf_counter()
        for _ in range(iterations):
            self.step()
        return (time.perf_counter() - start) / iterations


def measure(overrides: list[str]) -> tuple[float, float]:
    """Return the seconds of an iteration with color, and the share of it that color takes."""
    config, pictures = settle(compose_root("train", ["experiment=user_guided_color", *overrides]))
    transform, l1 = build_transform(config), L1()

    def with_color(network: torch.nn.Module, batch: Any) -> Tensor:
        sample = transform.generate(network, transform.prepare(batch))
        return l1(sample["ab"], sample["target_ab"]).mean()

    def without(network: torch.nn.Module, batch: Any) -> Tensor:
        target = to_float(batch, transform.channels_last)["target"]
        raw = network(lightness=target[:, :1], hints=target[:, :2], hint_mask=target[:, 2:])["raw"]
        return l1(raw, target[:, :2]).mean()

    framing = build(config["augmentation"])
    plain = TrainingStream(pictures, framing, Identity(), config["seed"])
    loops = (Loop(config, training_stream(config, pictures), with_color), Loop(config, plain, without))
    turns = [[loop.seconds(ITERATIONS) for loop in loops] for _ in range(TURNS)][1:]
    return statistics.median(turn[0] for turn in turns), statistics.median(1 - turn[1] / turn[0] for turn in turns)


def main(overrides: list[str]) -> None:
    for name, settings in CASES.items():
        seconds, share = measure([*settings, *overrides])
        print(f"{name:12}{seconds:8.3f} s an iteration, of which color {100 * share:5.1f} %, wanted below {WANTED:.0%}")


if __name__ == "__main__":
    main(sys.argv[1:])
