"""The U-Net that says what haze did: the formula makes the picture."""

from __future__ import annotations

import pytest
import torch

from henkan.degradations.haze import scattered
from henkan.errors import UserError
from henkan.generators.unet_haze import HazeUNet
from henkan.sample import Composed
from henkan.tasks.dehazing import Dehazing
from henkan.transform import Transform


def small() -> HazeUNet:
    torch.manual_seed(0)
    return HazeUNet(side=16, width=0.0625, normalization=None)


def test_it_answers_one_color_of_the_air_and_everything_learns() -> None:
    network = small()
    answer = network(torch.rand(2, 3, 16, 32))
    assert answer["transmission"].shape == (2, 1, 16, 32) and answer["airlight"].shape == (2, 3, 1, 1)
    assert all(value.min() >= 0 and value.max() <= 1 for value in answer.values())
    (answer["transmission"].mean() + answer["airlight"].mean()).backward()
    assert all(weight.grad is not None for weight in network.parameters())
    with pytest.raises(UserError, match="color pictures, of 3 channels: 1 are given"):
        network(torch.rand(1, 1, 16, 16))


def test_where_it_is_right_the_task_gives_every_detail_back() -> None:
    clear, t, air = torch.rand(1, 3, 16, 16), torch.rand(1, 1, 16, 16) * 0.8 + 0.2, torch.rand(1, 3, 1, 1)
    task = Dehazing(window=8)
    sample = {"source": scattered(clear, t, air), "aux.transmission": t, "aux.airlight": air}
    composed = Composed({**sample, **task.compose(t, sample)})
    torch.testing.assert_close(composed["output"], clear, atol=1e-5, rtol=0)


def test_of_a_picture_of_any_size_the_transmission_is_cut_back_too() -> None:
    sample = {"source": torch.rand(1, 3, 19, 21), "target": torch.rand(1, 3, 19, 21)}
    transform = Transform(Dehazing(window=8), None)  # type: ignore[arg-type]
    found = transform.generate(small(), sample)
    assert found["aux.transmission"].shape == (1, 1, 19, 21) and found["aux.airlight"].shape == (1, 3, 1, 1)
    assert found["output"].shape == (1, 3, 19, 21)


def test_a_small_one_learns_what_haze_did() -> None:
    network, task = small(), Dehazing(window=8)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    clear = torch.rand(8, 3, 16, 16)
    hazy = scattered(clear, torch.full((8, 1, 16, 16), 0.5), torch.full((8, 3, 1, 1), 0.9))
    before = (hazy - clear).abs().mean()
    for _ in range(60):
        answer = network(hazy)
        sample = {"source": hazy, **{f"aux.{key}": value for key, value in answer.items()}}
        loss = (task.unscattered(sample) - clear).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.25 * before
