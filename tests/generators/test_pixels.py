"""The picture as a generator: what it starts as, how it grows, what it answers, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from henkan.errors import UserError
from henkan.generators.pixels import Pixels


def pixels(**settings: Any) -> Pixels:
    torch.manual_seed(0)
    return Pixels(**{"size": 16, **settings})


@pytest.fixture
def image() -> Tensor:
    torch.manual_seed(1)
    return torch.rand(1, 3, 12, 16)


def test_it_has_one_parameter_the_picture() -> None:
    ((name, parameter),) = pixels().named_parameters()
    assert name == "picture" and parameter.shape == (3, 16, 16)
    # A convolution's weights would be laid out anew, and L-BFGS could not flatten their gradients.
    assert pixels().to(memory_format=torch.channels_last).picture.is_contiguous()


@pytest.mark.parametrize("training", [True, False])
def test_it_starts_as_the_picture_that_is_shown(image: Tensor, training: bool) -> None:
    raw = pixels().train(training)(image)["raw"]
    assert torch.equal(raw, image)
    assert raw.requires_grad == training


@pytest.mark.parametrize("training", [True, False])
def test_or_as_uniform_noise(image: Tensor, training: bool) -> None:
    network = pixels(start="noise").train(training)
    raw = network(image)["raw"]
    assert raw.shape == image.shape and torch.equal(raw[0], network.picture[:, :12])
    assert 0.2 < raw.std() < 0.4 and not torch.equal(raw, image)


def test_once_started_it_does_not_look_again(image: Tensor) -> None:
    network = pixels()
    network(image)
    with torch.no_grad():
        network.picture.fill_(0.25)
    for training in (True, False):
        assert (network.train(training)(image)["raw"] == 0.25).all()


def test_it_is_clipped_before_each_use_in_training(image: Tensor) -> None:
    network = pixels()
    network(image)
    with torch.no_grad():
        network.picture.add_(2.0)
    assert (network(image)["raw"] == 1.0).all() and network.picture.max() == 1.0


@pytest.mark.parametrize("start", ["content", "noise"])
def test_it_grows_from_phase_to_phase(image: Tensor, start: str) -> None:
    network = pixels(sizes={"coarse": 4, "middle": 8}, start=start)
    assert not network.begin("coarse")  # nothing was there before
    coarse = network(image)["raw"].detach().clone()
    assert coarse.shape == (1, 3, 3, 4)
    if start == "content":
        # Which is the picture, made smaller.
        assert (coarse.mean((2, 3)) - image.mean((2, 3))).abs().max() < 0.1
    assert not network.begin("coarse") and network.begin("middle")
    middle = network(image)["raw"].detach()
    assert middle.shape == (1, 3, 6, 8) and (middle.mean() - coarse.mean()).abs() < 0.05
    blocks = middle.unflatten(2, (3, 2)).unflatten(4, (4, 2)).mean((3, 5))
    assert (blocks - coarse).abs().max() < 0.25
    assert not network.begin("middle") and network.begin("a phase without a size")
    assert network(image)["raw"].shape == image.shape


def test_evaluated_it_has_the_size_of_what_is_shown(image: Tensor) -> None:
    network = pixels(sizes={"coarse": 4})
    network.begin("coarse")
    network(image)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    raw = network.eval()(image)["raw"]
    assert raw.shape == image.shape and 0 <= raw.min() <= raw.max() <= 1
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    # A network that has been loaded knows how far it was.
    other = pixels(sizes={"coarse": 4})
    other.load_state_dict(before)
    assert torch.equal(other.eval()(image)["raw"], raw)
    assert not other.begin("coarse") and other.begin("fine")


def test_gradient_is_that_of_the_picture_alone(image: Tensor) -> None:
    network = pixels()
    network(image)["raw"].sum().backward()
    assert network.picture.grad is not None
    assert (network.picture.grad[:, :12] == 1).all() and (network.picture.grad[:, 12:] == 0).all()


@pytest.mark.parametrize(
    ("settings", "shape", "message"),
    [
        ({}, (2, 3, 8, 8), "one picture, and was shown 2: set batch_size=1"),
        ({}, (1, 3, 8, 20), "shown 20x8 pixels, and has room for 16"),
        ({"sizes": {"coarse": 32}}, None, "sizes.coarse=32 must lie between 1 and"),
        ({"start": "white"}, None, "must be content or noise"),
    ],
)
def test_refuses(settings: dict[str, Any], shape: tuple[int, ...] | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        network = pixels(**settings)
        if shape is not None:
            network(torch.rand(shape))
