"""One iteration as a term sees it: the samples of its streams, the discriminator, and a place for what it logs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from henkan.sample import PAIRED, Sample
from henkan.terms.judge import Judge, Verdict


class Step:
    """What a term is given when it is asked for a loss: `name`, `weight` and streams are its own.

    `updates` counts the discriminator's updates before this one, `log` takes a name and a scalar.
    """

    def __init__(
        self,
        name: str,
        samples: Mapping[str, Sample],
        log: Callable[[str, Tensor], None],
        *,
        weight: float = 1.0,
        stream: str = PAIRED,
        against: str = PAIRED,
        judge: Judge | None = None,
        updates: int = 0,
    ) -> None:
        self.name, self.weight, self.stream, self.against = name, weight, stream, against
        self.log, self.updates = log, updates
        self.samples = samples
        self._judge = judge

    @property
    def sample(self) -> Sample:
        """The sample of the term's stream, with the generator's output where that was needed."""
        return self.samples[self.stream]

    @property
    def other(self) -> Sample:
        """The sample of the stream that the term is `against`."""
        return self.samples[self.against]

    @property
    def judge(self) -> Judge:
        """The discriminator; there is one wherever a chosen term `judges`."""
        assert self._judge is not None
        return self._judge

    def verdict(self) -> Verdict:
        """Return what the discriminator says of real and fake side by side."""
        return self.judge.both(self.stream, self.against)

    def fake_logits(self) -> Tensor:
        """Return what the discriminator says of the fake pictures, beside real ones only where it has to be."""
        return self.judge.fake_logits(self.stream, self.against)

    @property
    def ending(self) -> str:
        """What logged names of the term's streams end with: a run of one stream logs plain names."""
        return "" if (self.stream, self.against) == (PAIRED, PAIRED) else f"_{self.stream}"

    def log_scores(self, verdict: Verdict, boundary: Tensor, counted: Tensor | None = None) -> None:
        """Log the discriminator's accuracy on either side of `boundary`, and its mean logits.

        `counted` (1 or 0, of the logits' shape) says which fake logits are labeled as fake; by default all.
        """
        real, fake = verdict.real.detach(), verdict.fake.detach()
        told = share(fake < boundary, counted)
        self.log(f"discriminator/accuracy_real{self.ending}", share(real > boundary))
        self.log(f"discriminator/accuracy_fake{self.ending}", told)
        self.log(f"discriminator/logit_real{self.ending}", real.mean())
        self.log(f"discriminator/logit_fake{self.ending}", fake.mean())
        if (unseen := self.judge.unseen(self.stream, self.against)) is not None:
            self.log(f"discriminator/accuracy_held_out{self.ending}", share(unseen > boundary))


def share(chosen: Tensor, counted: Tensor | None = None) -> Tensor:
    """Return the share of truths in a tensor of them, a scalar, or in those that count (1 or 0 each)."""
    if counted is None:
        return chosen.mean(dtype=torch.float32)
    return (chosen * counted).sum() / counted.sum().clamp(min=1)
