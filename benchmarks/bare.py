"""The bare loop that `overhead.py` measures against: what one would write by hand, without any framework."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.utils.data import DataLoader, Dataset

from henkan.config.build import build
from henkan.tasks.windows import cut_windows


class PlainPictures(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """The training pictures, cut and mirrored at random, each with a rectangular hole: what one would write by hand."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.pictures = build(config["data"])
        self.pictures.prepare()
        self.names = self.pictures.names("train")
        self.size, self.resize = config["size"], config["augmentation"]["resize"]
        self.low, self.high = config["degradation"]["low"], config["degradation"]["high"]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        picture = self.pictures.picture(self.names[index])
        height, width = picture.shape[:2]
        side = round(self.size * min(height, width) / random.randint(*self.resize))
        top, left = random.randint(0, height - side), random.randint(0, width - side)
        picture = picture[top : top + side, left : left + side]
        picture = cv2.resize(picture, (self.size, self.size), interpolation=cv2.INTER_AREA)
        if random.random() < 0.5:
            picture = cv2.flip(picture, 1)
        mask = np.zeros((1, self.size, self.size), np.uint8)
        height, width = random.randint(self.low, self.high), random.randint(self.low, self.high)
        top, left = random.randint(0, self.size - height), random.randint(0, self.size - width)
        mask[0, top : top + height, left : left + width] = 1
        center = torch.tensor((top + height // 2, left + width // 2))
        return torch.from_numpy(picture).permute(2, 0, 1), torch.from_numpy(mask), center


def endless(loader: DataLoader[Any]) -> Iterator[Any]:
    """Yield the loader's batches, epoch after epoch."""
    while True:
        yield from loader


class BareLoop:
    """GLCIC by hand: the same networks, optimizers, precision and layout, and one batch again and again.

    It logs nothing and draws no random numbers. Like any correct loop it pastes the known pixels, shows the
    discriminator real and fake in one batch, and averages the generator's weights. It trains on one synthetic batch
    that lies in memory, or, with `reads`, on pictures that a plain dataset and PyTorch's `DataLoader` bring.
    """

    def __init__(self, config: Mapping[str, Any], reads: bool = False) -> None:
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
        self.mean = mean
        self.batches = (
            endless(DataLoader(PlainPictures(config), batch, shuffle=True, drop_last=True)) if reads else None
        )

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

    def read(self) -> None:
        """Take the next batch from the loader, as floats, with its holes."""
        assert self.batches is not None
        target, mask, self.centers = (part.to(self.device) for part in next(self.batches))
        self.target = target.to(torch.float32, memory_format=self.layout).div_(255.0)
        self.mask = mask.float()
        self.source = torch.where(self.mask > 0, self.mean, self.target)

    def step(self) -> None:
        if self.batches is not None:
            self.read()
        with self.autocast():
            raw = self.generator(self.source, self.mask)["raw"]
            output = torch.where(self.mask > 0, raw, self.source)
        if self.weight is not None:
            with self.autocast():
                real, fake = self.judge(output.detach())
                loss = softplus(-real).mean() + softplus(fake).mean()
            self.discriminator_step.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.discriminator_step.step()
        with self.autocast():
            error = (output - self.target).square() * self.mask
            loss = error.sum() / (3.0 * self.mask.sum())
            if self.weight is not None:
                self.discriminator.requires_grad_(False)
                loss = loss + self.weight * softplus(-self.judge(output)[1]).mean()
                self.discriminator.requires_grad_(True)
        self.generator_step.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
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
