"""Correcting a smooth fill: what is known stays, what is smooth is met, and training starts there."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from henkan.errors import UserError
from henkan.generators.prefilled import Prefilled, push_pull
from henkan.generators.unet import UNet


class Constant(nn.Module):
    """A network whose answer is one value everywhere, and which keeps what it was shown."""

    multiple = 4

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value, self.shown = nn.Parameter(torch.tensor(value)), torch.empty(0)

    def forward(self, image: Tensor, mask: Tensor) -> dict[str, Tensor]:
        self.shown = image
        return {"raw": self.value.expand_as(image) + 0.0 * mask}


def hole(side: int, start: int, stop: int) -> Tensor:
    mask = torch.zeros(1, 1, side, side)
    mask[..., start:stop, start:stop] = 1.0
    return mask


def test_what_is_known_stays_and_the_hole_counts_for_nothing() -> None:
    image, mask = torch.rand(1, 3, 32, 32), hole(32, 5, 17)
    filled = push_pull(image, 1 - mask, levels=5)
    torch.testing.assert_close(filled.where(mask == 0, image), image)
    torch.testing.assert_close(push_pull(image.where(mask == 0, torch.tensor(7.0)), 1 - mask, levels=5), filled)
    # Means of means: nothing leaves the range of what is known.
    assert filled.min() >= image.min() and filled.max() <= image.max()


def test_a_flat_picture_is_met_exactly_and_a_slope_nearly() -> None:
    mask = hole(64, 24, 40)
    flat = torch.tensor([0.2, 0.5, 0.9]).view(1, 3, 1, 1).expand(1, 3, 64, 64)
    torch.testing.assert_close(push_pull(flat, 1 - mask, levels=5), flat)
    slope = torch.linspace(0, 1, 64).expand(1, 1, 64, 64)
    wrong = (push_pull(slope, 1 - mask, levels=5) - slope).abs()
    # The mean of what is known would be off by 0.125 at the hole's edges.
    assert wrong.max() < 0.05 and wrong[..., 31:33, :].mean() < 0.02


def test_a_hole_without_surroundings_takes_the_mean_and_no_picture_at_all_is_black() -> None:
    image, known = torch.rand(1, 3, 16, 16), torch.zeros(1, 1, 16, 16)
    known[..., 0, 0] = 1.0
    filled = push_pull(image, known, levels=2)
    torch.testing.assert_close(filled[..., 15, 15], image[..., 0, 0])
    assert push_pull(image, torch.zeros_like(known), levels=2).eq(0).all()


def test_training_starts_from_the_fill_and_goes_on_to_everything() -> None:
    network = Prefilled(UNet(4, 3, 32, depth=3, width=0.0625, dropout=0.0, normalization=None), levels=3)
    image, mask = torch.rand(2, 3, 32, 32), hole(32, 8, 16).expand(2, 1, 32, 32)
    torch.testing.assert_close(network(image, mask)["raw"], push_pull(image, 1 - mask, levels=3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        (network(image, mask)["raw"] - image).square().mean().backward()
        optimizer.step()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in network.parameters())


def test_what_the_network_answers_is_added_on_both_sides_of_one_half() -> None:
    image, mask = torch.full((1, 3, 32, 32), 0.5), hole(32, 8, 16)
    for answer, expected in ((0.5, 0.5), (0.75, 0.75), (0.25, 0.25)):
        inner = Constant(answer)
        network = Prefilled(inner, levels=4)
        network.gain.data.fill_(0.5)
        raw = network(image * (1 - mask), mask)["raw"]
        torch.testing.assert_close(raw, torch.full_like(raw, expected))
        torch.testing.assert_close(inner.shown, image)


def test_sides_are_multiples_of_what_both_want() -> None:
    assert Prefilled(Constant(0.5), levels=1).multiple == 4 and Prefilled(Constant(0.5), levels=5).multiple == 32


@pytest.mark.parametrize("levels", [0, -1])
def test_at_least_one_halving(levels: int) -> None:
    with pytest.raises(UserError, match=f"levels={levels}"):
        Prefilled(Constant(0.5), levels=levels)
