"""pix2pixHD's discriminators."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate

from henkan.discriminators.multi_scale import MultiScalePatchGAN, UnconditionalMultiScalePatchGAN
from henkan.discriminators.patchgan import UnconditionalPatchGAN
from henkan.errors import UserError
from henkan.losses.adversarial import LeastSquares
from henkan.losses.masked_adversarial import MaskedNonSaturating


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def tiny(**settings: object) -> UnconditionalMultiScalePatchGAN:
    torch.manual_seed(0)
    return UnconditionalMultiScalePatchGAN(**{"in_channels": 3, "width": 0.125, **settings})  # type: ignore[arg-type]


def test_parameters_are_the_papers() -> None:
    # Released: every convolution has a bias, also before a normalization, which takes it away again.
    released = (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512) * 16 + 64 + 128 + 256 + 512 + 1
    assert released == 2_764_737
    with torch.device("meta"):
        assert parameters(UnconditionalMultiScalePatchGAN(3)) == 3 * (released - 128 - 256 - 512) == 8_291_523
        assert parameters(MultiScalePatchGAN(6)) == 8_291_523 + 3 * 3 * 64 * 16 == 8_300_739
        # One scale is the PatchGAN.
        one = UnconditionalMultiScalePatchGAN(3, scales=1, normalization=nn.BatchNorm2d)
        assert parameters(one) == parameters(UnconditionalPatchGAN(3)) == 2_765_633


def test_the_maps_of_all_scales_come_finest_first() -> None:
    logits, maps = tiny()(torch.rand(2, 3, 64, 96))
    assert logits.shape == (2, 3, 11, 15)
    sides = [map_.shape[-1] for map_ in maps]
    assert sides == [49, 25, 13, 14, 25, 13, 7, 8, 13, 7, 4, 5]


def test_each_scale_judges_the_picture_averaged_down_once_more() -> None:
    network, image = tiny(), torch.rand(2, 3, 64, 64)
    logits, _ = network(image)
    shown = image
    for number, judge in enumerate(network.judges):
        expected = interpolate(judge(shown)[0], (11, 11), mode="nearest")
        torch.testing.assert_close(logits[:, number : number + 1], expected)
        # Means of 3 x 3 at every other pixel; at the border of those that exist.
        corner, inside = shown[..., :2, :2].mean((2, 3)), shown[..., 3:6, 5:8].mean((2, 3))
        padded = nn.functional.pad(shown, (1, 1, 1, 1))
        sums = padded.unfold(2, 3, 2).unfold(3, 3, 2).sum((4, 5))
        counts = nn.functional.pad(torch.ones_like(shown), (1, 1, 1, 1)).unfold(2, 3, 2).unfold(3, 3, 2).sum((4, 5))
        shown = sums / counts
        torch.testing.assert_close(shown[..., 0, 0], corner)
        torch.testing.assert_close(shown[..., 2, 3], inside)


@pytest.mark.parametrize("size", [(256, 256), (64, 96), (32, 32)])
def test_every_scale_weighs_the_same_and_every_logit_counts(size: tuple[int, int]) -> None:
    network = tiny(normalization=None)
    for number, judge in enumerate(network.judges):
        nn.init.zeros_(judge.last.weight)
        nn.init.constant_(judge.last.bias, float(number))
    logits, _ = network(torch.rand(2, 3, *size))
    # (f - 1)² at 0, 1 and 2.
    torch.testing.assert_close(LeastSquares().generator(logits), torch.full((2,), 2.0 / 3.0))

    network, image = tiny(), torch.rand(1, 3, *size)
    logits, _ = network(image)
    coarse = network.judges[1](nn.functional.avg_pool2d(image, 3, 2, 1, count_include_pad=False))[0]
    assert set(logits[:, 1].flatten().tolist()) == set(coarse.flatten().tolist())


def test_a_mask_labels_every_scale() -> None:
    logits = torch.zeros(1, 3, 4, 4)
    logits[:, 2] = 20.0
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., :4] = 1.0
    # Left of the middle 20 is wrong, right of it right: softplus(20), and about 0.
    zeros = 2 * torch.log(torch.tensor(2.0))
    expected = (2 * zeros + 10.0) / 3
    torch.testing.assert_close(MaskedNonSaturating().discriminator(logits, logits, mask), expected.reshape(1))


@pytest.mark.parametrize(("scale", "expected"), [(0, 70), (1, 141), (2, 283)])
def test_receptive_field(scale: int, expected: int) -> None:
    network = tiny(width=0.01, normalization=None).double()
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.constant_(layer.weight, 1.0 / layer.weight[0].numel())
    image = torch.ones(1, 3, 384, 384, dtype=torch.float64, requires_grad=True)
    logits, _ = network(image)
    (gradient,) = torch.autograd.grad(logits[0, scale, 24, 24], image)
    assert int((gradient[0, 0] != 0).any(dim=0).sum()) == expected


def test_the_condition_comes_first() -> None:
    torch.manual_seed(0)
    network = MultiScalePatchGAN(6, width=0.125)
    image, condition = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    assert torch.equal(network(image, condition)[0], network.judge(torch.cat((condition, image), dim=1))[0])


@pytest.mark.parametrize(
    ("settings", "smallest"), [({}, 5), ({"padding": 1}, 93), ({"padding": 1, "scales": 1}, 24), ({"scales": 4}, 9)]
)
def test_pictures_too_small_are_refused(settings: dict[str, int], smallest: int) -> None:
    network = tiny(**settings)
    logits, _ = network(torch.rand(1, 3, smallest, smallest))
    assert logits.isfinite().all()
    expected = f"{smallest} pixels a side at least, not {smallest - 1}x{smallest}: lower discriminator.scales"
    with pytest.raises(UserError, match=expected):
        network(torch.rand(1, 3, smallest, smallest - 1))


def test_no_scale_is_refused() -> None:
    with pytest.raises(UserError, match=r"discriminator\.scales=0"):
        tiny(scales=0)


def test_scales_share_no_weights_and_spectral_norm_bounds_them_all() -> None:
    network = tiny(spectral_norm=True)
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    assert len({id(layer) for layer in layers}) == 15
    for layer in layers:
        for _ in range(300):
            _ = layer.weight
        assert torch.linalg.svdvals(layer.weight.flatten(1))[0].item() == pytest.approx(1.0, abs=1e-3)
