"""Every generator trains with every discriminator; what the configs name is found by globbing them."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
import tiny_network
import torch
from omegaconf import OmegaConf
from torch import Tensor, nn
from torch.nn.functional import softplus

from henkan.color import mean_class_color
from henkan.config.build import build
from henkan.sample import named_arguments

CONF = Path(__file__).parents[1] / "conf"
SIZE, WINDOW = 64, 32
SCALARS = {
    "size": SIZE,
    "window": WINDOW,
    "scale": {"width": 0.125, "size": SIZE, "small": {"width": 0.125, "depth": 0.125}},
    "channels": 3,
    "source_channels": 3,
    "statistics": {"mean": [0.5, 0.4, 0.3], "deviation": 0.4, "classes": 5},
    "degradation": {"scale": 4},
}

LEARNS_NOTHING = "henkan.baselines."
# It is one picture, and shown no others.
ONE_PICTURE = "pixels"
GENERATORS = sorted(
    path.stem
    for path in (CONF / "generator").glob("*.yaml")
    if LEARNS_NOTHING not in path.read_text() and path.stem != ONE_PICTURE
)
DISCRIMINATORS = sorted(path.stem for path in (CONF / "discriminator").glob("*.yaml"))
# What must be given to a network.
NEED: dict[str, dict[str, Any]] = {
    # Its task has no mask, and here all are shown one.
    "smp_classes": {"in_channels": 4},
}
VARIANTS: list[dict[str, Any]] = [{}, {"spectral_norm": True}, {"normalization": None}]


@pytest.fixture(scope="module", autouse=True)
def a_published_network(tmp_path_factory: pytest.TempPathFactory) -> None:
    NEED["pretrained"] = {"weights": str(tiny_network.saved(tmp_path_factory.mktemp("weights")))}


def network(group: str, name: str, **overrides: Any) -> nn.Module:
    config = OmegaConf.create({**SCALARS, "node": OmegaConf.load(CONF / group / f"{name}.yaml")})
    config.node.update(NEED.get(name, {}))
    for key, value in overrides.items():
        # One that has no normalization anyway cannot be built without.
        assert key in config.node or key == "normalization"
        if key in config.node:
            config.node[key] = value
    torch.manual_seed(0)
    built = build(config.node)
    assert isinstance(built, nn.Module)
    return built


# What is shown to a generator as its image: RGB, where nothing else is said.
SHOWN = {"let_there_be_color": 1, "local_color": 1, "scribbler": 4}


# Where rounding makes another pixel the maximum, a value is put back to another place; and fifty frozen layers round
# more than a few of one's own; scores are not bounded, as pictures are.
ROUGH = ("deconvnet", "projected", "smp_classes")


def shown(maker: nn.Module, name: str) -> dict[str, Tensor]:
    """A batch for a generator: of small pictures where it makes them larger."""
    given = batch(channels=SHOWN.get(name, 3))
    return {**given, "image": nn.functional.avg_pool2d(given["image"], getattr(maker, "scale", 1))}


def batch(size: int = 2, channels: int = 3) -> dict[str, Tensor]:
    torch.manual_seed(1)
    mask = torch.zeros(size, 1, SIZE, SIZE)
    mask[..., 16:48, 16:48] = 1
    grey = torch.rand(size, 1, SIZE, SIZE)
    image = torch.rand(size, channels, SIZE, SIZE)
    return {"image": image, "mask": mask, "lightness": grey, "hints": grey.expand(-1, 2, -1, -1), "hint_mask": mask}


def picture(raw: Tensor) -> Tensor:
    """What discriminators judge of an answer, RGB at full size: a and b beside some lightness, classes as colors, a map
    in grey.
    """
    if raw.shape[1] == 2:
        raw = torch.cat((raw, raw.mean(1, keepdim=True)), dim=1)
    if raw.shape[1] > 3:
        raw = mean_class_color(raw)
    return nn.functional.interpolate(raw, (SIZE, SIZE)).expand(-1, 3, -1, -1)


def judged(image: Tensor, given: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        "image": image,
        "condition": given["lightness"].expand(-1, 3, -1, -1),
        "mask": given["mask"],
        "window": image[..., 16:48, 16:48],
    }


def call(module: nn.Module, offered: dict[str, Tensor]) -> Any:
    """Pass what the forward's signature names, as training does."""
    return module(**{name: offered[name] for name in named_arguments(module.forward) if name in offered})


def assert_trained(module: nn.Module) -> None:
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    assert any(parameter.grad.abs().max() > 0 for parameter in module.parameters())


def test_there_is_something_to_combine() -> None:
    assert {"glcic", "unet"} <= set(GENERATORS)
    assert {"glcic", "glcic_global", "glcic_local", "patchgan"} <= set(DISCRIMINATORS)


@pytest.mark.parametrize(("generator", "discriminator"), list(itertools.product(GENERATORS, DISCRIMINATORS)))
def test_every_generator_trains_with_every_discriminator(generator: str, discriminator: str) -> None:
    maker, judge = network("generator", generator), network("discriminator", discriminator)
    given = shown(maker, generator)
    answer = call(maker, given)
    raw, others = picture(answer.pop("raw")), answer.values()
    target = torch.rand(2, 3, SIZE, SIZE)
    assert raw.shape == target.shape
    assert SIZE % getattr(maker, "multiple", 1) == 0

    real, fake = judged(target, given), judged(raw.detach(), given)
    logits, features = call(judge, {key: torch.cat((real[key], fake[key])) for key in real})
    softplus(torch.cat((-logits[:2], logits[2:]))).mean().backward()
    assert_trained(judge)
    assert len(features) > 1

    # What else a generator answers has losses of its own.
    loss = softplus(-call(judge, judged(raw, given))[0]).mean() + sum(other.mean() for other in others)
    loss.backward()
    assert_trained(maker)


@pytest.mark.parametrize("overrides", VARIANTS, ids=str)
@pytest.mark.parametrize("discriminator", DISCRIMINATORS)
def test_a_gradient_penalty_trains_every_discriminator(discriminator: str, overrides: dict[str, Any]) -> None:
    judge, given = network("discriminator", discriminator, **overrides), batch()
    offered = judged(given["image"].clone().requires_grad_(), given)
    names = [name for name in ("image", "window") if name in named_arguments(judge.forward)]
    logits, _ = call(judge, offered)
    gradients = torch.autograd.grad(logits.sum(), [offered[name] for name in names], create_graph=True)
    torch.stack([gradient.square().sum() for gradient in gradients]).sum().backward()
    assert any(p.grad is not None and p.grad.abs().max() > 0 for p in judge.parameters())


@pytest.mark.parametrize("discriminator", DISCRIMINATORS)
def test_features_stay_as_they_were_returned(discriminator: str) -> None:
    """An in-place activation must not change a map after it was handed out."""
    judge, given = network("discriminator", discriminator, normalization=None), batch()
    handed: list[Tensor] = []
    judge.train()
    hooks = [
        block.register_forward_hook(lambda *call: handed.append(call[-1].detach().clone()))
        for name, block in judge.named_modules()
        if re.search(r"(^|\.)maps\.\d+$", name)
    ]
    _, features = call(judge, judged(given["image"], given))
    assert len(hooks) == len(features)
    assert all(torch.equal(a, b) for a, b in zip(handed, features, strict=True))


@pytest.mark.parametrize("discriminator", DISCRIMINATORS)
def test_normalization_null_leaves_no_statistics(discriminator: str) -> None:
    judge = network("discriminator", discriminator, normalization=None)
    # Power iterations of a spectral norm are none.
    assert not [name for name, _ in judge.named_buffers() if "parametrizations" not in name]


CONDITIONAL = [
    name for name in DISCRIMINATORS if "condition" in named_arguments(network("discriminator", name).forward)
]


def test_some_discriminator_is_conditional() -> None:
    assert "patchgan" in CONDITIONAL


@pytest.mark.parametrize("overrides", VARIANTS, ids=str)
@pytest.mark.parametrize("discriminator", CONDITIONAL)
def test_permuting_the_condition_changes_the_logits(discriminator: str, overrides: dict[str, Any]) -> None:
    judge, given = network("discriminator", discriminator, **overrides).eval(), batch()
    offered = judged(torch.rand_like(given["image"]), given)
    logits, _ = call(judge, offered)
    permuted, _ = call(judge, {**offered, "condition": offered["condition"].flip(0)})
    assert (logits - permuted).abs().max() > 1e-4 * logits.abs().max()


@pytest.mark.parametrize(
    ("group", "name"),
    [("generator", name) for name in GENERATORS] + [("discriminator", name) for name in DISCRIMINATORS],
)
def test_channels_last_and_bf16_give_the_same_up_to_rounding(group: str, name: str) -> None:
    module = network(group, name).eval()
    given = shown(module, name)
    offered = given if group == "generator" else judged(given["image"], given)

    def answer() -> Tensor:
        result = call(module, offered)
        return result["raw"] if group == "generator" else result[0]

    expected = answer()
    module.to(memory_format=torch.channels_last)
    offered = {key: value.contiguous(memory_format=torch.channels_last) for key, value in offered.items()}
    torch.testing.assert_close(answer(), expected, atol=1e-4, rtol=1e-4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = answer()
    assert rounded.dtype == torch.float32
    if name in ROUGH:
        assert torch.isclose(rounded, expected, atol=0.03, rtol=0.1).float().mean() > 0.97
    else:
        torch.testing.assert_close(rounded, expected, atol=0.03, rtol=0.1)
