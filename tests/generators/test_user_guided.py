"""The network of user-guided colorization."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from henkan.errors import UserError
from henkan.generators.user_guided import GlobalHints, UserGuidedColor

FEATURES = {"conv1", "conv2", "conv3", "conv4", "conv5_to_7", "up8", "short8", "conv8"}
REGRESSION = {"up9", "short9", "conv9", "up10", "short10", "conv10", "regression_head"}


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def tiny(**settings: object) -> UserGuidedColor:
    torch.manual_seed(0)
    return UserGuidedColor(**{"width": 0.125, **settings})  # type: ignore[arg-type]


def reached(network: nn.Module, loss: Tensor) -> set[str]:
    """Which parts of the network a loss pulls at."""
    network.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    return {name.split(".")[0] for name, weight in network.named_parameters() if weight.grad is not None}


def test_parameters_are_the_papers() -> None:
    with torch.device("meta"):
        network = UserGuidedColor()
        assert parameters(network) == 34_187_027
        assert parameters(network.class_head) == 135_953
        assert parameters(network.regression_head) == 258
        assert parameters(GlobalHints()) == 950_784
        assert parameters(UserGuidedColor(global_hints=True)) == 34_187_027 + 950_784


def test_shapes_and_range() -> None:
    returned = tiny()(torch.rand(2, 1, 64, 64), torch.rand(2, 2, 64, 64), torch.ones(2, 1, 64, 64))
    assert returned["raw"].shape == (2, 2, 64, 64)
    assert returned["bins"].shape == (2, 529, 16, 16)
    assert 0 <= returned["raw"].min() <= returned["raw"].max() <= 1
    assert tiny()(torch.rand(1, 1, 24, 40))["bins"].shape == (1, 529, 6, 10)


def test_what_the_layers_see() -> None:
    """L 50 is 0, ab stays, and the mask is centered; without hints there are none."""
    network = tiny()
    seen: list[Tensor] = []
    network.conv1.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    lightness, hints, mask = torch.full((1, 1, 16, 16), 0.5), torch.zeros(1, 2, 16, 16), torch.zeros(1, 1, 16, 16)
    hints[0, :, 2, 3], mask[0, 0, 2, 3] = torch.tensor([0.25, -0.75]), 1
    network(lightness, hints, mask)
    network(lightness + 0.3)
    assert seen[0][0, :, 2, 3].tolist() == [0.0, 0.25, -0.75, 0.5]
    assert seen[0][0, :, 0, 0].tolist() == [0.0, 0.0, 0.0, -0.5]
    torch.testing.assert_close(seen[1][0, :, 2, 3], torch.tensor([0.3, 0.0, 0.0, -0.5]))


def test_every_scale_sees_half_the_pixels_of_the_one_before() -> None:
    network = tiny()
    sides = {}
    for name in ("conv1", "conv2", "conv3", "conv4", "conv5_to_7", "conv8", "conv9", "conv10"):
        part = getattr(network, name)
        part.register_forward_hook(lambda *call, name=name: sides.update({name: call[-1].shape[-1]}))
    network(torch.rand(1, 1, 32, 32))
    assert list(sides.values()) == [32, 16, 8, 4, 4, 8, 16, 32]


def test_shortcuts_are_added() -> None:
    network = tiny().eval()
    given: dict[str, Tensor] = {}
    for name in ("up8", "short8", "up9", "short9", "up10", "short10"):
        getattr(network, name).register_forward_hook(lambda *call, name=name: given.update({name: call[-1].clone()}))
    for name in ("conv8", "conv9", "conv10"):
        getattr(network, name).register_forward_pre_hook(lambda _, inputs, name=name: given.update({name: inputs[0]}))
    network(torch.rand(1, 1, 32, 32))
    for level in (8, 9, 10):
        assert torch.equal(given[f"conv{level}"], (given[f"up{level}"] + given[f"short{level}"]).relu())


def test_normalization_stands_at_the_end_of_each_block() -> None:
    network = tiny()
    norms = [name for name, layer in network.named_modules() if isinstance(layer, nn.BatchNorm2d)]
    assert len(norms) == 9
    blocks = [network.conv1, network.conv2, network.conv3, network.conv4, *network.conv5_to_7]
    assert all(isinstance(block[-1], nn.BatchNorm2d) for block in (*blocks, network.conv8, network.conv9))
    dilated = [layer.dilation for layer in network.conv5_to_7.modules() if isinstance(layer, nn.Conv2d)]
    assert dilated == [(2, 2)] * 6 + [(1, 1)] * 3
    slopes = [layer.negative_slope for layer in network.modules() if isinstance(layer, nn.LeakyReLU)]
    assert slopes == [0.2]


def test_classification_detaches_the_features_from_the_regression_layers() -> None:
    network = tiny(learns_from="classification")
    lightness = torch.rand(2, 1, 16, 16)
    assert reached(network, network(lightness)["bins"].square().sum()) == FEATURES | {"class_head"}
    assert reached(network, network(lightness)["raw"].square().sum()) == REGRESSION


def test_regression_detaches_the_features_from_the_class_head() -> None:
    network = tiny(learns_from="regression")
    lightness = torch.rand(2, 1, 16, 16)
    assert reached(network, network(lightness)["bins"].square().sum()) == {"class_head"}
    assert reached(network, network(lightness)["raw"].square().sum()) == FEATURES | REGRESSION


def test_both_answer_the_same() -> None:
    networks = [tiny(learns_from=lesson) for lesson in ("classification", "regression")]
    first, second = (network(torch.full((1, 1, 16, 16), 0.7)) for network in networks)
    assert torch.equal(first["raw"], second["raw"]) and torch.equal(first["bins"], second["bins"])


def test_an_unknown_lesson_is_refused() -> None:
    with pytest.raises(UserError, match="learns_from=both must be classification or regression"):
        tiny(learns_from="both")


def test_absent_hints_are_zeros() -> None:
    network = tiny(global_hints=True).eval()
    lightness = torch.rand(2, 1, 16, 16)
    none = network(lightness, torch.zeros(2, 2, 16, 16), torch.zeros(2, 1, 16, 16))
    told = network(lightness, ab_histogram=torch.zeros(2, 314, 1, 1), saturation=torch.zeros(2, 2, 1, 1))
    for returned in (none, told):
        assert torch.equal(returned["raw"], network(lightness)["raw"])


def test_global_hints_are_added_to_conv4_everywhere() -> None:
    network = tiny(global_hints=True).eval()
    assert network.global_hints is not None
    given: dict[str, Tensor] = {}
    network.conv4.register_forward_hook(lambda *call: given.update(four=call[-1]))
    network.global_hints.register_forward_hook(lambda *call: given.update(vector=call[-1]))
    network.conv5_to_7.register_forward_pre_hook(lambda _, inputs: given.update(sum=inputs[0]))
    histogram, saturation = torch.rand(2, 314, 1, 1), torch.rand(2, 2, 1, 1)
    network(torch.rand(2, 1, 16, 24), ab_histogram=histogram, saturation=saturation)
    assert given["vector"].shape == (2, 64, 1, 1)
    assert torch.equal(given["sum"], given["four"] + given["vector"].expand(-1, -1, 2, 3))


def test_both_global_hints_count() -> None:
    network = tiny(global_hints=True).eval()
    lightness = torch.rand(1, 1, 16, 16)
    plain = network(lightness)["raw"]
    for hint in ({"ab_histogram": torch.rand(1, 314, 1, 1)}, {"saturation": torch.ones(1, 2, 1, 1)}):
        assert not torch.equal(network(lightness, **hint)["raw"], plain)
        assert torch.equal(tiny().eval()(lightness, **hint)["raw"], tiny().eval()(lightness)["raw"])


def test_the_global_branch_learns_with_the_features() -> None:
    network = tiny(global_hints=True, learns_from="classification")
    lightness = torch.rand(2, 1, 16, 16)
    assert "global_hints" in reached(network, network(lightness)["bins"].square().sum())
    assert "global_hints" not in reached(network, network(lightness)["raw"].square().sum())


def test_four_layers_of_global_hints() -> None:
    layers = list(GlobalHints(channels=8).layers)
    kinds = [type(layer) for layer in layers]
    assert kinds == [nn.ReLU, nn.BatchNorm2d, *(nn.Conv2d, nn.ReLU, nn.BatchNorm2d) * 3]
    assert not [layer for layer in GlobalHints(channels=8, normalize=False).modules() if hasattr(layer, "affine")]


def test_another_number_of_bins_is_refused() -> None:
    with pytest.raises(UserError, match=r"313 histogram bins .* 530 values: set generator\.histogram_bins=529"):
        tiny(global_hints=True)(torch.rand(2, 1, 8, 8), ab_histogram=torch.zeros(2, 530, 1, 1))
    network = tiny(global_hints=True, histogram_bins=529)
    assert network(torch.rand(2, 1, 8, 8), ab_histogram=torch.zeros(2, 530, 1, 1))["raw"].shape == (2, 2, 8, 8)


def test_global_hints_of_a_single_picture_cannot_be_trained_on() -> None:
    with pytest.raises(UserError, match="raise batch_size to 2"):
        tiny(global_hints=True)(torch.rand(1, 1, 16, 16))
    for network in (tiny(global_hints=True).eval(), tiny(global_hints=True, normalization=None), tiny()):
        assert network(torch.rand(1, 1, 16, 16))["raw"].isfinite().all()


def test_what_reaches_a_pixel() -> None:
    network = UserGuidedColor(width=0.01, normalization=None).double()
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.constant_(layer.weight, 1.0 / layer.weight[0].numel())
    lightness = torch.ones(1, 1, 400, 400, dtype=torch.float64, requires_grad=True)
    raw = network(lightness)["raw"]
    far = []
    for place in (200, 201, 207):
        (gradient,) = torch.autograd.grad(raw[0, 0, place, place], lightness, retain_graph=True)
        rows = gradient[0, 0].any(dim=1).nonzero()
        far.append(max(place - int(rows.min()), int(rows.max()) - place))
    assert max(far) == UserGuidedColor.context == 187


def test_without_normalization_the_weights_start_larger() -> None:
    first = tiny(width=1.0, normalization=None).conv1[0]
    assert isinstance(first, nn.Conv2d)
    assert first.weight.std().item() == pytest.approx((2 / 36) ** 0.5, rel=0.1)


def test_the_answers_are_float32_under_autocast() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        returned = tiny(global_hints=True)(torch.rand(2, 1, 16, 16))
    assert {value.dtype for value in returned.values()} == {torch.float32}
