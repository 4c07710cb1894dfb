"""The discriminator in one update: what it is shown, and what it says; everything is computed once, for all terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from henkan.networks.answers import said
from henkan.networks.modes import without_trace
from henkan.sample import PAIRED, Sample, named_arguments

Side = Literal["real", "fake"]
SIDES: tuple[Side, Side] = ("real", "fake")
Shown = dict[str, Tensor]
"""What a discriminator sees of a batch: `image`, and `condition`, `mask`, `window` where its signature names them."""


class Augmentation(Protocol):
    """Changes what a discriminator is shown: see `henkan.discriminators.augment.DiffAugment`."""

    def draw(self, batch: int, device: torch.device) -> Any: ...

    def apply(self, judged: Mapping[str, Tensor], draw: Any) -> Shown: ...


@dataclass(frozen=True)
class Verdict:
    """Logits in float32, and the maps of the discriminator's layers, of real and fake pictures side by side."""

    real: Tensor
    fake: Tensor
    real_maps: list[Tensor]
    fake_maps: list[Tensor]


class Bench:
    """A discriminator, and how samples are shown to it; for each update it makes a `Judge`.

    `judged` is the task's: (key, sample, side) -> what may be seen. `augment` changes what is shown, real and fake by
    the same draw. With batch statistics (`together`) real and fake are always scored in one batch, so that the
    statistics cannot give either away.
    """

    def __init__(
        self,
        discriminator: nn.Module,
        judged: Callable[[str, Sample, Side], Mapping[str, Tensor]],
        fake: str,
        together: bool,
        augment: Augmentation | None = None,
    ) -> None:
        self.discriminator, self.judged, self.fake = discriminator, judged, fake
        self.together, self.augment = together, augment
        self.asks = tuple(named_arguments(discriminator.forward))

    def shown(self, key: str, sample: Sample, side: Side) -> Shown:
        """Return what the discriminator's signature names of a sample; nothing else is computed."""
        judged = self.judged(key, sample, side)
        return {name: judged[name] for name in self.asks if name in judged}


class Judge:
    """The discriminator in one update of either network."""

    def __init__(
        self,
        bench: Bench,
        samples: Mapping[str, Sample],
        *,
        together: bool,
        unseen: Callable[[], Sample] | None = None,
    ) -> None:
        self.bench, self.together, self._unseen = bench, together or bench.together, unseen
        self.samples = samples
        self._shown: dict[tuple[str, Side], Shown] = {}
        self._verdicts: dict[tuple[str, str], Verdict] = {}
        self._alone: dict[str, Tensor] = {}
        self._draws: dict[int, Any] = {}

    @property
    def discriminator(self) -> nn.Module:
        return self.bench.discriminator

    def shown(self, stream: str, side: Side) -> Shown:
        """Return what the discriminator is shown of a stream, real (its targets) or fake (what was made)."""
        if (stream, side) not in self._shown:
            key = "target" if side == "real" else self.bench.fake
            self._shown[stream, side] = self.augmented(self.bench.shown(key, self.samples[stream], side))
        return self._shown[stream, side]

    def augmented(self, shown: Shown) -> Shown:
        """Return what is shown, changed by the run's augmentation, if there is one: the same for as many pictures."""
        augment = self.bench.augment
        if augment is None:
            return shown
        image = next(iter(shown.values()))
        count = len(image)
        if count not in self._draws:
            self._draws[count] = augment.draw(count, image.device)
        return augment.apply(shown, self._draws[count])

    def mask(self, stream: str) -> Tensor | None:
        """Return the mask of a stream's pictures as they are shown, where a task has masks."""
        sample = self.samples[stream]
        return self.augmented({"mask": sample["mask"]})["mask"] if "mask" in sample else None

    def both(self, stream: str, against: str) -> Verdict:
        """Score the real pictures of `against` and the fake ones of `stream` in one batch."""
        if (stream, against) not in self._verdicts:
            self._verdicts[stream, against] = self.score(self.shown(against, "real"), self.shown(stream, "fake"))
        return self._verdicts[stream, against]

    def score(self, real: Shown, fake: Shown) -> Verdict:
        logits, maps = said(
            self.discriminator, **{name: torch.cat((value, fake[name])) for name, value in real.items()}
        )
        real_logits, fake_logits = logits.float().chunk(2)
        halves = [one.chunk(2) for one in maps]
        return Verdict(real_logits, fake_logits, [half[0] for half in halves], [half[1] for half in halves])

    def fake_logits(self, stream: str, against: str) -> Tensor:
        """Score fake pictures; in one batch with real ones where a term or the discriminator wants that."""
        if self.together:
            return self.both(stream, against).fake
        if stream not in self._alone:
            self._alone[stream] = said(self.discriminator, **self.shown(stream, "fake"))[0].float()
        return self._alone[stream]

    @torch.no_grad()
    def unseen(self, stream: str, against: str) -> Tensor | None:
        """Score real pictures that nothing is trained on, where they are asked for; it leaves no trace."""
        if self._unseen is None or not stream == against == PAIRED:
            return None
        real = self.augmented(self.bench.shown("target", self._unseen(), "real"))
        fake = {name: value.detach() for name, value in self.shown(stream, "fake").items()}
        if any(value.shape != fake[name].shape for name, value in real.items()):
            return None
        with without_trace(self.discriminator):
            return self.score(real, fake).real
