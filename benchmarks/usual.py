"""The loop that `throughput.py` measures against: GLCIC's joint phase as reimplementations usually write it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from henkan.config.build import build
from henkan.tasks.windows import cut_windows


class UsualLoop:
    """The same networks in float32 and channels first, Adam as it is, real and fake judged apart, logits last.

    One synthetic batch in memory; no average of the weights.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        batch, size = config["batch_size"], config["size"]
        self.window, self.weight = config["window"], config["weights"]["adversarial"]
        self.generator, self.discriminator = (build(config[name]) for name in ("generator", "discriminator"))
        self.generator_step = torch.optim.Adam(self.generator.parameters())
        self.discriminator_step = torch.optim.Adam(self.discriminator.parameters())
        hole = slice(size // 4, size // 4 + self.window // 2)
        self.target = torch.rand(batch, 3, size, size)
        self.mask = torch.zeros(batch, 1, size, size)
        self.mask[..., hole, hole] = 1.0
        self.source = self.target * (1.0 - self.mask) + 0.5 * self.mask
        self.centers = torch.full((batch, 2), size // 2)
        self.real, self.fake = torch.ones(batch, 1), torch.zeros(batch, 1)
        self.judgement = nn.BCEWithLogitsLoss()

    def judge(self, image: Tensor) -> Tensor:
        logits: Tensor = self.discriminator(image, cut_windows(image, self.centers, self.window))[0]
        return logits

    def step(self) -> None:
        raw = self.generator(self.source, self.mask)["raw"]
        output = raw * self.mask + self.target * (1.0 - self.mask)
        self.discriminator_step.zero_grad()
        loss = self.judgement(self.judge(self.target), self.real)
        loss = loss + self.judgement(self.judge(output.detach()), self.fake)
        loss.backward()
        self.discriminator_step.step()
        self.generator_step.zero_grad()
        loss = nn.functional.mse_loss(raw * self.mask, self.target * self.mask)
        loss = loss + self.weight * self.judgement(self.judge(output), self.real)
        loss.backward()
        self.generator_step.step()

    def seconds(self, iterations: int) -> float:
        """Return how long so many iterations take."""
        start = time.perf_counter()
        for _ in range(iterations):
            self.step()
        return time.perf_counter() - start
