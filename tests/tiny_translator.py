"""A translator of tiny networks over batches of noise, and what is watched of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from henkan.degradations.degradation import Degradation
from henkan.losses.adversarial import NonSaturating
from henkan.losses.mse import MSE
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
