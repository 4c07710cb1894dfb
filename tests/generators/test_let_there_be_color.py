"""The network of "Let there be Color!", and the one without its global branch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from henkan.errors import UserError
from henkan.generators.let_there_be_color import LetThereBeColor, LocalColor

MEAN = (0.5, 0.4, 0.3)


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def tiny(**settings: object) -> LetThereBeColor:
    torch.manual_seed(0)
    given = {"mean": MEAN, "classes": 5, "side": 32, "width": 0.125, **settings}
    return LetThereBeColor(**given)  # type: ignore[arg-type]


def reached(network: nn.Module, loss: Tensor) -> set[str]:
    """Which parts of the network a loss pulls at."""
    network.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    return {name.split(".")[0] for name, weight in network.named_parameters() if weight.grad is not None}


def test_parameters_are_the_papers() -> None:
    with torch.device("meta"):
        assert parameters(LetThereBeColor(MEAN, classes=205)) == 42_367_343
        assert parameters(LetThereBeColor(MEAN)) == 42_182_818
        assert parameters(LetThereBeColor(MEAN, classes=205, normalization=None)) == 42_353_839
        assert parameters(LetThereBeColor(MEAN, classes=0, normalization=None)) == 42_169_826


def test_parameters_of_each_part_are_the_papers() -> None:
    with torch.device("meta"):
        network = LetThereBeColor(MEAN, classes=205, normalization=None)
    assert network.classifier is not None
    convolutions = sum(parameters(layer) for layer in network.whole if getattr(layer, "kernel_size", ()) == (3, 3))
    assert parameters(network.low) == 2_287_488
    assert parameters(network.middle) == 3_539_712
    assert convolutions == 9_439_232
    assert parameters(network.whole) - convolutions + parameters(network.vector) == 26_347_264
    assert parameters(network.fusion) == 131_328
    assert parameters(network.colors) == 424_802
    assert parameters(network.classifier) == 184_013


def test_parameters_of_the_local_network() -> None:
    with torch.device("meta"):
        assert parameters(LocalColor(MEAN, normalization=None)) == 2_287_488 + 3_539_712 + 424_802
        assert parameters(LocalColor(MEAN)) == 6_256_802


def shapes(network: LetThereBeColor, image: Tensor) -> dict[str, list[int]]:
    seen: dict[str, list[int]] = {}
    for name in ("low", "middle", "colors"):
        part = getattr(network, name)
        part.register_forward_hook(lambda *call, name=name: seen.update({name: list(call[-1].shape[1:])}))
    flat = next(layer for layer in network.whole if isinstance(layer, nn.Flatten))
    flat.register_forward_hook(lambda *call: seen.update(maps=list(call[1][0].shape[1:]), flat=[call[-1].shape[1]]))
    network(image)
    return seen


def test_shapes_at_the_papers_size() -> None:
    network = LetThereBeColor(MEAN, classes=205)
    seen = shapes(network.eval(), torch.rand(1, 1, 224, 224))
    assert seen["low"] == [512, 28, 28]
    assert (seen["maps"], seen["flat"]) == ([512, 7, 7], [25_088])
    assert seen["middle"] == [256, 28, 28]
    assert seen["colors"] == [2, 112, 112]


def test_shapes_at_another_size() -> None:
    seen = shapes(tiny(side=224).eval(), torch.rand(1, 1, 240, 320))
    assert seen["middle"][1:] == [30, 40]
    assert seen["colors"] == [2, 120, 160]
    assert seen["maps"][1:] == [7, 7]


@pytest.mark.parametrize("side", [32, 40, 64])
def test_the_first_connected_layer_follows_the_side(side: int) -> None:
    returned = tiny(side=side)(torch.rand(2, 1, 24, 48))
    assert returned["raw"].shape == (2, 2, 12, 24)
    assert returned["classes"].shape == (2, 5)


def test_the_scale_is_the_published_one() -> None:
    """Of the sigmoid, 0.5 is ab 0 and 1 is ab +100."""
    network = tiny()
    last = network.colors[-1]
    assert isinstance(last, nn.Conv2d)
    nn.init.zeros_(last.weight)
    for bias, ab in ((0.0, 0.0), (100.0, 100.0), (-100.0, -100.0)):
        nn.init.constant_(last.bias, bias)  # type: ignore[arg-type]
        raw = network(torch.rand(2, 1, 32, 32))["raw"]
        torch.testing.assert_close((2.0 * raw - 1.0) * 110.0, torch.full_like(raw, ab), atol=1e-4, rtol=0.0)


def test_the_layers_see_grey_less_the_mean_grey() -> None:
    network = tiny()
    seen: list[Tensor] = []
    network.low.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network(torch.full((2, 1, 32, 32), 0.75))
    grey = 0.299 * 0.5 + 0.587 * 0.4 + 0.114 * 0.3
    torch.testing.assert_close(seen[0], torch.full_like(seen[0], 0.75 - grey))
    assert network.state_dict()["mean"].item() == pytest.approx(grey)
    assert "mean" not in dict(network.named_parameters())


@pytest.mark.parametrize(("size", "times"), [((32, 32), 1), ((40, 40), 2), ((32, 40), 2)])
def test_low_level_layers_work_once_where_the_sizes_are_the_same(size: tuple[int, int], times: int) -> None:
    network = tiny()
    sizes: list[tuple[int, ...]] = []
    network.low.register_forward_pre_hook(lambda _, inputs: sizes.append(tuple(inputs[0].shape[-2:])))
    network(torch.rand(2, 1, *size))
    assert sizes == [size, (32, 32)][:times]


def test_the_global_branch_sees_a_smaller_copy() -> None:
    network = tiny().eval()
    image = torch.rand(2, 1, 64, 48)
    copy = functional.interpolate(image, size=(32, 32), mode="bilinear", antialias=True)
    assert torch.equal(network(image)["raw"], network(image, copy)["raw"])
    assert torch.equal(network(image)["classes"], network(copy)["classes"])


@pytest.mark.parametrize("size", [(32, 32), (64, 48)])
def test_a_style_changes_the_answer_unless_it_is_the_image(size: tuple[int, int]) -> None:
    network = tiny().eval()
    image, style = torch.rand(2, 1, *size), torch.rand(2, 1, 40, 40) ** 4
    plain = network(image)
    for own in (image, image.clone()):
        same = network(image, style=own)
        assert all(torch.equal(plain[name], same[name]) for name in plain)
    styled = network(image, style=style)
    assert not torch.equal(plain["raw"], styled["raw"])
    assert torch.equal(styled["classes"], network(style)["classes"])


def test_one_style_for_several_pictures() -> None:
    network = tiny().eval()
    image, style = torch.rand(3, 1, 32, 32), torch.rand(1, 1, 32, 32)
    torch.testing.assert_close(network(image, style)["raw"], network(image, style.expand(3, -1, -1, -1))["raw"])


def test_the_vector_reaches_every_place() -> None:
    network = tiny(normalization=None)
    image, style = torch.rand(1, 1, 32, 64), torch.rand(1, 1, 32, 32, requires_grad=True)
    raw = network(image, style)["raw"]
    for corner in (raw[0, 0, 0, 0], raw[0, 0, -1, -1]):
        assert torch.autograd.grad(corner, style, retain_graph=True)[0].abs().max() > 0


def test_the_class_loss_reaches_low_level_and_global_layers_only() -> None:
    network = tiny()
    assert reached(network, network(torch.rand(2, 1, 32, 32))["classes"].square().sum()) == {
        "low",
        "whole",
        "classifier",
    }


def test_the_color_loss_reaches_everything_but_the_classifier() -> None:
    network = tiny()
    everything = {name for name, _ in network.named_children()}
    assert reached(network, network(torch.rand(2, 1, 32, 32))["raw"].sum()) == everything - {"classifier"}
    assert {"low", "middle", "whole", "vector", "fusion", "colors", "classifier"} == everything


@pytest.mark.parametrize("classes", [None, 0])
def test_without_classes_there_is_no_classifier(classes: int | None) -> None:
    assert set(tiny(classes=classes)(torch.rand(2, 1, 32, 32))) == {"raw"}


def test_everything_is_normalized_but_the_last_layers() -> None:
    layers = [layer for layer in tiny().modules() if isinstance(layer, nn.Conv2d | nn.Linear | nn.BatchNorm2d)]
    # 6 + 2 + 4 + 3 + 1 + 5 + 2 layers.
    assert sum(not isinstance(layer, nn.BatchNorm2d) for layer in layers) == 23
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in layers) == 21


def test_a_single_picture_cannot_be_trained_on() -> None:
    with pytest.raises(UserError, match="raise batch_size to 2"):
        tiny()(torch.rand(1, 1, 32, 32))
    for network in (tiny().eval(), tiny(normalization=None)):
        assert network(torch.rand(1, 1, 32, 32))["raw"].isfinite().all()


def test_instance_normalization_is_refused() -> None:
    with pytest.raises(UserError, match="leaves nothing of a vector"):
        tiny(normalization=nn.InstanceNorm2d)
    raw = LocalColor(MEAN, width=0.125, normalization=nn.InstanceNorm2d)(torch.rand(1, 1, 32, 32))["raw"]
    assert raw.shape == (1, 2, 16, 16)


def test_a_mean_of_one_channel_is_refused() -> None:
    with pytest.raises(UserError, match="3 values, not 1: set channels=3"):
        LocalColor([0.5])


def test_what_reaches_a_pixel_of_the_local_network() -> None:
    network = LocalColor((0.0, 0.0, 0.0), width=0.01, normalization=None).double()
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.constant_(layer.weight, 1.0 / layer.weight[0].numel())
    image = torch.ones(1, 1, 192, 192, dtype=torch.float64, requires_grad=True)
    raw = functional.interpolate(network(image)["raw"], scale_factor=2, mode="bilinear")
    far = []
    for place in range(96, 104):
        (gradient,) = torch.autograd.grad(raw[0, 0, place, place], image, retain_graph=True)
        rows = gradient[0, 0].any(dim=1).nonzero()
        far.append(max(place - int(rows.min()), int(rows.max()) - place))
    assert max(far) == LocalColor.context == 65


def test_without_normalization_the_weights_start_larger() -> None:
    first = LetThereBeColor(MEAN, side=32, normalization=None).low[0]
    assert isinstance(first, nn.Conv2d)
    assert first.weight.std().item() == pytest.approx((2 / 9) ** 0.5, rel=0.1)


def test_raw_and_classes_are_float32_under_autocast() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        returned = tiny()(torch.rand(2, 1, 64, 32))
    assert {value.dtype for value in returned.values()} == {torch.float32}
