"""The bare loop that `overhead.py` measures against: what one would write by hand, without any framework."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from henkan.build import build
from henkan.tasks.windows import cut_windows


class BareLoop:
    """GLCIC by hand: the same networks, optimizers, precision and layout, and one batch again and again.

    It reads no data, logs nothing and draws no random numbers. Like any correct loop it pastes the known
    pixels, shows the discriminator real and fake in one batch, and averages the generator's weights.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        on_gpu = torch.cuda.is_available() and config["trainer"]["accelerator"] != "cpu"
        self.device = torch.device("cuda" if on_gpu else "cpu")
        self.layout = torch.channels_last if config["trainer"]["channels_last"] else torch.contiguous_format
        self.mixed = config["trainer"]["precision"] == "bf16-mixed"
        self.weight = config["weights"]["adversarial"] if "adversarial" in config["loss"] else None
        self.decay, self.window = config["average"]["decay"], config["window"]
        self.generator = self.network(config, "generator")
        self.average = self.network(config, "generator").requires_grad_(False)
        self.generator_step = build(config["optimizer"]["generator"])(self.generator.parameters())
        if self.weight is not None:
            self.discriminator = self.network(config, "discriminator")
            self.discriminator_step = build(config["optimizer"]["discriminator"])(self.discriminator.parameters())

        batch, size = config["batch_size"], config["size"]
        hole = slice(size // 4, size // 4 + self.window // 2)
        self.target = torch.rand(batch, 3, size, size, device=self.device).contiguous(memory_format=self.layout)
        self.mask = torch.zeros(batch, 1, size, size, device=self.device)
        self.mask[..., hole, hole] = 1.0
        mean = torch.tensor(config["statistics"]["mean"], device=self.device).view(1, 3, 1, 1)
        self.source = torch.where(self.mask > 0, mean, self.target)
        self.centers = torch.full((batch, 2), size // 2, device=self.device)

    def network(self, config: Mapping[str, Any], name: str) -> nn.Module:
        built: nn.Module = build(config[name])
        return built.to(self.device, memory_format=self.layout)  # type: ignore[call-overload, no-any-return]

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.mixed)

    def judge(self, output: Tensor) -> tuple[Tensor, Tensor]:
        windows = [cut_windows(image, self.centers, self.window) for image in (self.target, output)]
        logits, _ = self.discriminator(torch.cat((self.target, output)), torch.cat(windows))
        real, fake = logits.chunk(2)
        return real, fake

    def step(self) -> None:
        with self.autocast():
            raw = self.generator(self.source, self.mask)["raw"]
            output = torch.where(self.mask > 0, raw, self.source)
        if self.weight is not None:
            with self.autocast():
                real, fake = self.judge(output.detach())
                loss = softplus(-real).mean() + softplus(fake).mean()
            self.discriminator_step.zero_grad()
            loss.backward()
            self.discriminator_step.step()
        with self.autocast():
            error = (output - self.target).square() * self.mask
            loss = error.sum() / (3.0 * self.mask.sum())
            if self.weight is not None:
                self.discriminator.requires_grad_(False)
                loss = loss + self.weight * softplus(-self.judge(output)[1]).mean()
                self.discriminator.requires_grad_(True)
        self.generator_step.zero_grad()
        loss.backward()
        self.generator_step.step()
        if self.decay is not None:
            followers: list[Tensor] = list(self.average.parameters())
            leaders: list[Tensor] = list(self.generator.parameters())
            with torch.no_grad():
                torch._foreach_lerp_(followers, leaders, 1.0 - self.decay)

    def seconds(self, iterations: int) -> float:
        """Return how long so many iterations take."""
        start = time.perf_counter()
        for _ in range(iterations):
            self.step()
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start
