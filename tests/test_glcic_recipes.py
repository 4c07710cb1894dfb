"""The recipes `glcic` and `glcic_faces` at scale=paper are what the paper says, down to the built networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import DictConfig, OmegaConf

from henkan.config.build import build
from henkan.losses.mse import MSE
from henkan.tasks.completion import Completion
from henkan.training.assemble import build_network

Compose = Callable[..., DictConfig]

PAPER = {
    "glcic": {
        "size": 256,
        "window": 128,
        "resize": [256, 384],
        "holes": (96, 128),
        "discriminator": 45_063_681,
        "whole": (256, 6),
        "local": (128, 5),
    },
    "glcic_faces": {
        "size": 160,
        "window": 96,
        "resize": [160, 178],
        "holes": (48, 96),
        "discriminator": 39_557_121,
        "whole": (160, 5),
        "local": (96, 5),
    },
}


@pytest.fixture(params=PAPER)
def recipe(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def config(composed: Compose, recipe: str) -> dict[str, Any]:
    cfg = composed([f"experiment={recipe}", "scale=paper", "statistics.mean=[0.5,0.4,0.3]"])
    plain = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(plain, dict)
    return {str(name): value for name, value in plain.items()}


def test_the_numbers(config: dict[str, Any], recipe: str) -> None:
    paper = PAPER[recipe]
    assert (config["size"], config["window"], config["augmentation"]["resize"]) == (
        paper["size"],
        paper["window"],
        paper["resize"],
    )
    assert (config["degradation"]["low"], config["degradation"]["high"]) == paper["holes"]
    assert config["batch_size"] == 96
    assert config["loss"].keys() == {"mse", "adversarial"} and config["weights"]["adversarial"] == 4e-4
    phases = {name: (phase["iterations"], set(phase["update"])) for name, phase in config["schedule"].items()}
    assert phases == {
        "reconstruction": (90_000, {"generator"}),
        "discriminator": (10_000, {"discriminator"}),
        "joint": (400_000, {"generator", "discriminator"}),
    }
    weight = torch.nn.Parameter(torch.zeros(1))
    assert all(isinstance(build(config["optimizer"][name])([weight]), torch.optim.Adadelta) for name in PHASED)


PHASED = ("generator", "discriminator")


def test_the_networks(config: dict[str, Any], recipe: str) -> None:
    paper = PAPER[recipe]
    with torch.device("meta"):
        counts = {name: sum(p.numel() for p in build_network(config, name).parameters()) for name in PHASED}
    assert counts == {"generator": 6_072_131, "discriminator": paper["discriminator"]}
    discriminator = build_network(config, "discriminator")
    for branch in ("whole", "local"):
        built = getattr(discriminator, branch)
        assert (built.side, len(built.maps)) == paper[branch]
    side, window = paper["size"], paper["window"]
    image, patch = torch.rand(2, 3, side, side), torch.rand(2, 3, window, window)
    with torch.no_grad():
        logits, maps = discriminator(image, patch)
    last = [tuple(maps[depth - 1].shape[1:]) for depth in (paper["whole"][1], len(maps))]
    assert logits.shape == (2, 1)
    # 160 and 96 pixels, halved five times, leave 5 and 3; 256 and 128 leave 4 x 4.
    assert last == ([(512, 4, 4)] * 2 if recipe == "glcic" else [(512, 5, 5), (512, 3, 3)])


def test_the_generator_is_shown_the_mean_color_in_the_hole_and_the_mask(config: dict[str, Any]) -> None:
    target = np.random.default_rng(0).integers(0, 256, (config["size"], config["size"], 3), np.uint8)
    degradation = build(config["degradation"])
    drawn = degradation.draw(target, np.random.default_rng(1))
    mask = torch.from_numpy(drawn["mask"])[None].float()
    sample = degradation.apply({"target": torch.from_numpy(target).permute(2, 0, 1)[None] / 255.0, "mask": mask})
    hole = sample["source"].permute(0, 2, 3, 1)[mask[:, 0] > 0]
    assert hole.allclose(torch.tensor([0.5, 0.4, 0.3]))
    seen = []
    network = build_network({**config, "generator": {**config["generator"], "width": 0.01}}, "generator")
    network.layers[0].register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    with torch.no_grad():
        network(sample["source"], mask)
    assert seen[0].shape[1] == 4
    assert seen[0][:, :3][mask.expand(-1, 3, -1, -1) > 0].abs().max() == 0
    assert seen[0][:, 3:].equal(mask)
    rows, columns = (mask[0, 0].amax(dim=axis).sum().item() for axis in (1, 0))
    low, high = config["degradation"]["low"], config["degradation"]["high"]
    assert low <= min(rows, columns) and max(rows, columns) <= high
    assert mask.sum() == rows * columns


def test_known_pixels_are_exact_and_send_no_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    raw = torch.rand(2, 3, 16, 16, generator=generator, requires_grad=True)
    target = torch.rand(2, 3, 16, 16, generator=generator)
    mask = torch.zeros(2, 1, 16, 16)
    mask[:, :, 3:9, 5:12] = 1.0
    sample = {"source": torch.where(mask > 0, 0.5, target), "mask": mask}
    output = Completion(window=8).compose(raw, sample)["output"]
    known = mask.expand_as(raw) == 0
    assert (output - target)[known].abs().max() == 0
    MSE()(output, target, mask).mean().backward()
    assert raw.grad is not None
    assert raw.grad[known].abs().max() == 0 < raw.grad[~known].abs().min()
