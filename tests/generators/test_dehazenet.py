"""DehazeNet: its size, patches and whole pictures, and that it can learn."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from henkan.errors import UserError
from henkan.generators.dehazenet import DehazeNet


def test_parameters_are_the_paper_s() -> None:
    network = DehazeNet()
    weights = {name: weight.numel() for name, weight in network.named_parameters()}
    assert sum(weights.values()) == 8305
    assert sum(count for name, count in weights.items() if name.endswith("weight")) == 8240
    assert (network.features.weight.numel(), network.last.weight.numel()) == (1200, 1728)
    assert sum(count for name, count in weights.items() if name.startswith("scales") and "weight" in name) == 5312


def test_a_patch_of_16_has_one_answer() -> None:
    network, image = DehazeNet(), torch.rand(2, 3, 16, 16)
    sides = []
    for layer in (network.features, network.last):
        layer.register_forward_hook(lambda _, given, found: sides.extend((given[0].shape[-1], found.shape[-1])))
    assert network.answer(image, patch=True).shape == (2, 1, 1, 1)
    assert sides == [16, 12, 6, 1]
    raw = network(image)["raw"]
    assert raw.shape == (2, 1, 16, 16) and (raw == raw[..., :1, :1]).all()


def test_the_layers_written_down() -> None:
    torch.manual_seed(0)
    network, image = DehazeNet().eval(), torch.rand(1, 3, 16, 16)
    x = functional.conv2d(image - 0.5, network.features.weight, network.features.bias)
    x = torch.stack([x[:, k : k + 4].amax(1) for k in (0, 4, 8, 12)], dim=1)
    x = torch.cat(
        [functional.conv2d(x, one.weight, one.bias, padding=one.weight.shape[-1] // 2) for one in network.scales],
        dim=1,
    )
    x = x.unfold(2, 7, 1).unfold(3, 7, 1).amax((4, 5))
    expected = ((x * network.last.weight).sum() + network.last.bias).clamp(0, 1)
    torch.testing.assert_close(network(image)["raw"][0, 0, 0, :1], expected)


def test_inside_of_a_picture_a_pixel_is_the_answer_of_its_surroundings() -> None:
    torch.manual_seed(0)
    network, image = DehazeNet().double().eval(), torch.rand(1, 3, 60, 50, dtype=torch.float64)
    whole = network.answer(image, patch=False)
    cut = network.answer(image[..., 10:50, 5:45], patch=False)
    # 2, 3 and 3 pixels on each side, and 2 before and 3 after.
    torch.testing.assert_close(cut[..., 10:-11, 10:-11], whole[..., 20:39, 15:34])


@pytest.mark.parametrize("size", [(1, 1), (16, 17), (5, 40)])
def test_any_size(size: tuple[int, int]) -> None:
    found = DehazeNet()(torch.rand(2, 3, *size))
    assert found["raw"].shape == found["transmission"].shape == (2, 1, *size)
    assert found["airlight"].shape == (2, 3, 1, 1)
    assert found["raw"].min() >= 0 and found["raw"].max() <= 1 and found["transmission"].isfinite().all()


def test_the_airlight_is_the_brightest_where_least_comes_through() -> None:
    network, image = DehazeNet(share=0.02), torch.zeros(1, 3, 10, 10)
    image[0, :, 0, 0], image[0, :, 0, 1], image[0, :, 9, 9] = 0.3, 0.6, 1.0
    t = torch.ones(1, 1, 10, 10)
    t[..., 0, :2] = 0.1
    network.answer = lambda *_: t  # type: ignore[method-assign]
    assert network(image)["airlight"].flatten().tolist() == pytest.approx([0.6] * 3)


def test_it_learns_transmission_from_patches() -> None:
    torch.manual_seed(0)
    network = DehazeNet()
    optimizer = torch.optim.Adam(network.parameters(), 5e-4)
    errors = []
    for _ in range(25):
        clear, t = torch.rand(64, 3, 16, 16), torch.rand(64, 1, 1, 1)
        error = (network.answer(1 - (1 - clear) * t, patch=True).clamp(0, 1) - t).square().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        errors.append(error.item())
    assert errors[-1] < 0.01 < errors[0]


@pytest.mark.parametrize("settings", [{"share": 2.0}, {"share": 0.0}, {"radius": 0}])
def test_a_share_and_a_radius_that_cannot_be(settings: dict[str, float]) -> None:
    with pytest.raises(
        UserError, match=r"generator\.radius=.* must be 1 or more, generator\.share=.* from above 0 to 1"
    ):
        DehazeNet(**settings)  # type: ignore[arg-type]
