"""Self-ensembling: a picture is shown in several ways, and the answers are averaged."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from henkan.networks.answers import made
from henkan.networks.modes import stand_in_for


class SelfEnsemble(nn.Module):
    """A generator of `image` alone whose `raw` is the mean over the eight symmetries of the square (EDSR's "+").

    Every view is turned, mirrored, answered, and turned and mirrored back; so the answer for a turned picture is the
    turned answer. What else the generator returns is left out. It has no weights of its own, and is for evaluation:
    eight times the work, one view at a time.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        stand_in_for(network, self)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        answers = []
        for turns, mirror in itertools.product(range(4), (False, True)):
            view = image.flip(-1) if mirror else image
            raw = made(self.network, image=torch.rot90(view, turns, (-2, -1)))["raw"]
            raw = torch.rot90(raw, -turns, (-2, -1))
            answers.append(raw.flip(-1) if mirror else raw)
        return {"raw": torch.stack(answers).mean(0)}
