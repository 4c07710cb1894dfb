"""Color conversions agree with scikit-image, both ways, and are differentiable."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.color
import torch
from torch import Tensor

from henkan import color


@pytest.fixture
def picture() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    picture = torch.rand(2, 3, 32, 32, generator=generator)
    picture[0, :, :4], picture[0, :, 4:8] = 0.0, 1.0
    # Near black, where both curves are straight.
    picture[1, :, :8] *= 0.02
    return picture


def last(picture: Tensor) -> np.ndarray:
    return picture.permute(0, 2, 3, 1).double().numpy()


def test_to_lab_as_scikit_image(picture: Tensor) -> None:
    np.testing.assert_allclose(last(color.rgb_to_lab(picture)), skimage.color.rgb2lab(last(picture)), atol=1e-4)


def test_from_lab_as_scikit_image(picture: Tensor) -> None:
    lab = color.rgb_to_lab(picture)
    np.testing.assert_allclose(last(color.lab_to_rgb(lab)), skimage.color.lab2rgb(last(lab)), atol=1e-4)
    assert (color.lab_to_rgb(lab) - picture).abs().max() < 1e-4


def test_red_is_where_it_is_known_to_be() -> None:
    lab = color.rgb_to_lab(torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)).flatten()
    torch.testing.assert_close(lab, torch.tensor([53.24, 80.09, 67.20]), atol=0.01, rtol=0)


def test_luma_of_studio_range_is_the_published_one() -> None:
    colors = torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]).view(3, 3, 1, 1)
    luma = 255 * color.studio_luma(colors)
    assert luma.shape == (3, 1, 1, 1)
    torch.testing.assert_close(luma.flatten(), torch.tensor([235.0, 16.0, 81.481]), atol=1e-3, rtol=0)


def test_grey_is_lightness_and_back() -> None:
    grey = torch.linspace(0, 1, 256).view(1, 1, 16, 16)
    lab = color.rgb_to_lab(grey.expand(1, 3, 16, 16))
    torch.testing.assert_close(color.lightness(grey), lab[:, :1], atol=1e-4, rtol=0)
    torch.testing.assert_close(color.grey(color.lightness(grey)), grey, atol=1e-5, rtol=0)


def test_what_no_screen_can_show_is_not_clipped() -> None:
    vivid = torch.tensor([50.0, 100.0, -100.0]).view(1, 3, 1, 1)
    assert not 0 <= color.lab_to_rgb(vivid).min() <= color.lab_to_rgb(vivid).max() <= 1


@pytest.mark.parametrize("function", [color.rgb_to_lab, color.lab_to_rgb, color.lightness])
def test_gradients_are_finite_everywhere(picture: Tensor, function) -> None:  # type: ignore[no-untyped-def]
    given = (picture if function is not color.lab_to_rgb else color.rgb_to_lab(picture)).requires_grad_()
    (gradient,) = torch.autograd.grad(function(given).sum(), given)
    assert gradient.isfinite().all() and gradient.abs().sum() > 0


def test_autocast_does_not_touch_them(picture: Tensor) -> None:
    lab = color.rgb_to_lab(picture)
    rgb = color.lab_to_rgb(lab)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(color.rgb_to_lab(picture), lab)
        assert torch.equal(color.lab_to_rgb(lab), rgb)
        assert color.lab_to_rgb(lab).dtype == torch.float32
    torch.testing.assert_close(color.lab_to_rgb(lab), picture, atol=1e-4, rtol=0)


def test_bins() -> None:
    ab = torch.tensor([[0.0, 0.0], [-1.0, -1.0], [1.0, 1.0], [0.0, 10 / 110], [10 / 110, 0.0]]).T.view(2, 1, 5)
    assert color.bins_of(ab).flatten().tolist() == [264, 0, 528, 265, 287]


def test_annealed_mean_lies_between_the_mean_and_the_most_likely() -> None:
    logits = torch.zeros(1, color.BINS**2, 1, 1)
    assert color.annealed_mean(logits, 0.38).abs().max() < 1e-6
    one, other = color.bins_of(torch.tensor([[0.55], [0.0]]).view(2, 1, 1)).item(), 264
    logits = torch.full((1, color.BINS**2, 1, 1), -50.0)
    logits[0, int(one)], logits[0, other] = 1.0, 0.0
    warm, cold = (float(color.annealed_mean(logits, t)[0, 0]) for t in (1.0, 0.05))
    center = 6 / 11
    assert warm == pytest.approx(center * torch.sigmoid(torch.tensor(1.0)).item(), abs=1e-4)
    assert cold == pytest.approx(center, abs=1e-4)
