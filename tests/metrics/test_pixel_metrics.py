"""PSNR, SSIM, L1 and gradients: closed forms, the hole alone, and what is refused."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import skimage.data
import torch
from skimage.metrics import structural_similarity
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from henkan.errors import UserError
from henkan.metrics.gradient import GradientGapHole, GradientHole
from henkan.metrics.l1 import L1, L1Hole
from henkan.metrics.psnr import PSNR, PSNRHole
from henkan.metrics.ssim import SSIM, SSIMHole

Score = Callable[..., Tensor]


@pytest.fixture
def target() -> Tensor:
    photographs = [skimage.data.chelsea()[100:148, 100:164], skimage.data.coffee()[150:198, 200:264]]
    return torch.from_numpy(np.stack(photographs)).permute(0, 3, 1, 2) / 255


@pytest.fixture
def mask(target: Tensor) -> Tensor:
    mask = torch.zeros(2, 1, *target.shape[2:])
    mask[0, :, 10:30, 20:50] = 1
    mask[1, :, :12, 40:] = 1  # touches the edge
    return mask


def one_level_apart() -> tuple[Tensor, Tensor]:
    levels = torch.randint(0, 255, (3, 3, 16, 16), generator=torch.Generator().manual_seed(0))
    return levels / 255, (levels + 1) / 255


def test_psnr_of_8_bit_pictures_one_level_apart() -> None:
    assert PSNR()(*one_level_apart()) == pytest.approx(48.1308, abs=1e-3)
    assert PSNRHole()(*one_level_apart(), torch.ones(3, 1, 16, 16)) == pytest.approx(48.1308, abs=1e-3)


def test_psnr_is_per_image() -> None:
    target = torch.zeros(2, 3, 8, 8)
    output = torch.stack([torch.full((3, 8, 8), 0.1), torch.full((3, 8, 8), 0.01)])
    assert PSNR()(output, target) == pytest.approx([20.0, 40.0], abs=1e-3)


def test_psnr_of_the_same_pictures_is_the_cap(target: Tensor, mask: Tensor) -> None:
    assert PSNR()(target, target).tolist() == [100.0, 100.0]
    assert PSNR(cap=60.0)(target, target).tolist() == [60.0, 60.0]
    assert PSNRHole()(target, target, mask).tolist() == [100.0, 100.0]


def test_l1_is_in_percent(mask: Tensor) -> None:
    assert L1()(*one_level_apart()) == pytest.approx(100 / 255, abs=1e-4)
    half = 0.5 * mask.expand(-1, 3, -1, -1)
    assert L1Hole()(half, torch.zeros_like(half), mask) == pytest.approx(50.0)


def test_ssim_is_1_for_the_same_and_falls_with_blur(target: Tensor) -> None:
    assert SSIM()(target, target) == pytest.approx(1.0, abs=1e-4)
    scores = [SSIM()(gaussian_blur(target, [13, 13], [sigma, sigma]), target) for sigma in (0.5, 1.0, 2.0)]
    assert (scores[0] < 1).all() and (scores[0] > scores[1]).all() and (scores[1] > scores[2]).all()


def test_ssim_agrees_with_scikit_image(target: Tensor) -> None:
    output = gaussian_blur(target, [7, 7], [1.0, 1.0])
    for score, ours, theirs in zip(SSIM()(output, target), output, target, strict=True):
        reference = structural_similarity(
            ours.double().numpy(),
            theirs.double().numpy(),
            channel_axis=0,
            data_range=1.0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        assert score.item() == pytest.approx(reference, abs=1e-4)


def test_ssim_refuses_pictures_smaller_than_its_window() -> None:
    assert SSIM()(torch.zeros(1, 3, 11, 11), torch.zeros(1, 3, 11, 11)).item() == pytest.approx(1.0)
    with pytest.raises(UserError, match="11 x 11 pixels at least, not 10 x 20"):
        SSIM()(torch.zeros(1, 3, 10, 20), torch.zeros(1, 3, 10, 20))


def test_gradient_of_a_ramp() -> None:
    ramp = (torch.arange(8) * 0.03).view(1, 1, 1, 8) + (torch.arange(8) * 0.04).view(1, 1, 8, 1)
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 2:6, 2:6] = 1
    assert GradientHole()(ramp.expand(1, 3, 8, 8), mask).item() == pytest.approx(0.05)


def test_gradient_does_not_count_the_seam() -> None:
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 2:6, 2:6] = 1
    assert GradientHole()(mask.expand(1, 3, 8, 8), mask).item() == 0


def test_gradient_gap_tells_blur_from_noise(target: Tensor, mask: Tensor) -> None:
    gap = GradientGapHole()
    blurred = [gap(gaussian_blur(target, [13, 13], [sigma, sigma]), target, mask) for sigma in (0.5, 1.0, 2.0)]
    assert (gap(target, target, mask) == 0).all()
    assert (blurred[2] < blurred[1]).all() and (blurred[1] < blurred[0]).all() and (blurred[0] < 0).all()
    noise = torch.randn(target.shape, generator=torch.Generator().manual_seed(0))
    assert (gap((target + 0.1 * noise).clamp(0, 1), target, mask) > 0).all()


def on_target(metric: Score) -> Score:
    """Give a metric that reads no target the arguments of those that do."""
    return lambda output, target, mask: metric(output, mask)


HOLES = [PSNRHole(), SSIMHole(), L1Hole(), on_target(GradientHole()), GradientGapHole()]


@pytest.mark.parametrize("metric", HOLES)
def test_the_hole_is_all_that_counts(metric: Score, target: Tensor, mask: Tensor) -> None:
    blurred = gaussian_blur(target, [9, 9], [1.5, 1.5])
    composed = torch.where(mask > 0, blurred, target)
    scores = metric(composed, target, mask)
    assert torch.equal(metric(blurred, target, mask), scores)
    assert torch.equal(metric(torch.where(mask > 0, blurred, 0.0), target, mask), scores)
    assert not torch.equal(metric(torch.where(mask > 0, blurred.square(), target), target, mask), scores)


@pytest.mark.parametrize("metric", HOLES)
def test_without_a_hole_there_is_no_score(metric: Score, target: Tensor, mask: Tensor) -> None:
    mask[1] = 0
    scores = metric(gaussian_blur(target, [9, 9], [1.5, 1.5]), target, mask)
    assert scores.shape == (2,) and math.isfinite(scores[0]) and math.isnan(scores[1])


@pytest.mark.parametrize(("metric", "whole"), [(PSNR(), PSNRHole()), (L1(), L1Hole())])
def test_a_hole_over_everything_is_the_whole_picture(metric: Score, whole: Score, target: Tensor) -> None:
    output = gaussian_blur(target, [9, 9], [1.5, 1.5])
    scores = whole(output, target, torch.ones(2, 1, *target.shape[2:]))
    assert scores.tolist() == pytest.approx(metric(output, target).tolist(), rel=1e-5)


@pytest.mark.parametrize("metric", [PSNR(), SSIM(), L1()])
def test_pictures_of_two_shapes_are_refused(metric: Score, target: Tensor) -> None:
    with pytest.raises(UserError, match="one shape"):
        metric(target, target[:1])


def test_a_mask_of_another_shape_is_refused(target: Tensor, mask: Tensor) -> None:
    with pytest.raises(UserError, match="mask"):
        L1Hole()(target, target, mask[..., 1:])


def test_autocast_does_not_touch_scores(target: Tensor) -> None:
    output = gaussian_blur(target, [9, 9], [1.5, 1.5])
    plain = SSIM()(output, target)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(SSIM()(output, target), plain)
