"""Color bins: which ones, their cross-entropy, and weights for rare colors."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from henkan.color import AB, BINS, annealed_mean, bins_of
from henkan.errors import UserError
from henkan.losses.color_classes import ColorClasses, nearest_bins, rebalanced, smoothed

ALL = BINS**2
NEUTRAL = 264


def colors(*shape: int, reach: float = 1.1) -> Tensor:
    """Return random ab in units of 110, some beyond the bins."""
    return (2.0 * torch.rand(shape, generator=torch.Generator().manual_seed(0)) - 1.0) * reach


def logits(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def flat(a: float, b: float, side: int = 2) -> Tensor:
    """Return a picture's ab (1, 2, side, side) of one color, given in units of CIELAB."""
    return torch.tensor([a, b]).div(AB).view(1, 2, 1, 1).expand(1, 2, side, side)


def prior() -> list[float]:
    """Return a prior in which neutral is common, its neighbor rare, and nothing else occurs."""
    shares = [0.0] * ALL
    shares[NEUTRAL], shares[NEUTRAL + 1] = 0.9, 0.1
    return shares


@pytest.mark.parametrize("count", [1, 5, 9])
def test_the_nearest_bins_are_those_of_a_full_search(count: int) -> None:
    ab = colors(2, 2, 40, 40)
    found, shares = nearest_bins(ab, count, sigma=5.0)
    axis = torch.arange(BINS) * 10.0 - AB
    centers = torch.cartesian_prod(axis, axis)
    away = torch.cdist(ab.clamp(-1, 1).permute(0, 2, 3, 1).reshape(-1, 2) * AB, centers)
    nearest = away.topk(count, largest=False).values
    assert found.shape == shares.shape == (2, count, 40, 40)
    own = away.gather(1, found.permute(0, 2, 3, 1).reshape(-1, count))
    torch.testing.assert_close(own, nearest, atol=1e-2, rtol=1e-4)
    wanted = torch.exp(-nearest.square() / 50.0)
    wanted = wanted / wanted.sum(1, keepdim=True)
    torch.testing.assert_close(shares.permute(0, 2, 3, 1).reshape(-1, count), wanted, atol=1e-3, rtol=1e-3)


def test_cross_entropy_in_closed_form() -> None:
    assert ColorClasses()(torch.zeros(1, ALL, 2, 2), flat(3.0, -4.0)) == pytest.approx([math.log(ALL)], rel=1e-5)
    sure = torch.zeros(1, ALL, 2, 2)
    sure[:, NEUTRAL] = 50.0
    assert ColorClasses()(sure, flat(4.9, -4.9)) == pytest.approx([0.0], abs=1e-4)
    assert ColorClasses()(sure, flat(5.1, 0.0)) == pytest.approx([50.0], rel=1e-5)
    # At the center of a bin the five are itself and its neighbors, 10 units away.
    own = 1.0 / (1.0 + 4.0 * math.exp(-2.0))
    assert ColorClasses(neighbors=5)(sure, flat(0.0, 0.0)) == pytest.approx([50.0 * (1.0 - own)], rel=1e-4)


def test_hard_is_the_usual_cross_entropy() -> None:
    input, target = logits(2, ALL, 4, 6), colors(2, 2, 4, 6)
    usual = F.cross_entropy(input, bins_of(target), reduction="none").mean((1, 2))
    torch.testing.assert_close(ColorClasses()(input, target), usual)


@pytest.mark.parametrize("term", [ColorClasses(), ColorClasses(5, rebalancing=0.5, prior=prior())])
def test_one_full_precision_value_per_image(term: ColorClasses) -> None:
    value = term(logits(2, ALL, 2, 3).bfloat16(), colors(2, 2, 8, 12).bfloat16())
    assert value.shape == (2,) and value.dtype == torch.float32 and value.isfinite().all()


def test_a_larger_target_is_averaged() -> None:
    # Two strong colors that cancel: their mean is neutral, and no single pixel is.
    target = torch.cat((flat(40.0, 0.0), flat(-40.0, 0.0)), dim=3)
    input = logits(1, ALL, 1, 1)
    torch.testing.assert_close(ColorClasses()(input, target), -torch.log_softmax(input, 1)[:, NEUTRAL, 0, 0])


def test_rare_colors_count_more_and_the_expected_weight_is_1() -> None:
    shares = torch.tensor(prior(), dtype=torch.float64)
    weights = rebalanced(shares, 0.5)
    assert (shares * weights).sum().item() == pytest.approx(1.0)
    assert (weights[NEUTRAL + 1] / weights[NEUTRAL]).item() == pytest.approx((0.45 + 0.25) / (0.05 + 0.25))
    assert weights[0] == weights.max()
    torch.testing.assert_close(rebalanced(shares, 1.0), torch.ones_like(shares))


def test_smoothing_keeps_to_the_bins_that_occur() -> None:
    spread = smoothed(torch.tensor(prior(), dtype=torch.float64), 5.0)
    leak = math.exp(-2.0)
    common, rare = 0.9 + 0.1 * leak, 0.1 + 0.9 * leak
    assert spread[NEUTRAL].item() == pytest.approx(common / (common + rare))
    assert spread.sum().item() == pytest.approx(1.0) and int((spread > 0).sum()) == 2


def test_weights_are_those_of_the_color_s_own_bin() -> None:
    term = ColorClasses(neighbors=5, rebalancing=0.5, prior=prior())
    weights = rebalanced(smoothed(torch.tensor(prior(), dtype=torch.float64), 5.0), 0.5)
    input = logits(1, ALL, 2, 2)
    for b, own in ((0.0, NEUTRAL), (6.0, NEUTRAL + 1), (21.0, NEUTRAL + 2)):
        plain = ColorClasses(neighbors=5)(input, flat(0.0, b))
        torch.testing.assert_close(term(input, flat(0.0, b)), plain * weights[own].item())


def test_learning_finds_the_color() -> None:
    target = flat(33.0, -58.0)
    input = torch.zeros(1, ALL, 2, 2, requires_grad=True)
    optimizer = torch.optim.Adam([input], lr=0.5)
    for _ in range(60):
        optimizer.zero_grad()
        ColorClasses(neighbors=5)(input, target).sum().backward()
        optimizer.step()
    # Shares by a Gaussian have their mean a little nearer to the nearest center than the color is.
    assert (annealed_mean(input.detach(), 1.0) - target).mul(AB).abs().max() < 1.5


@pytest.mark.parametrize("term", [ColorClasses(), ColorClasses(5, rebalancing=0.5, prior=prior())])
def test_gradient(term: ColorClasses) -> None:
    input = logits(2, ALL, 1, 2).double().requires_grad_()
    target = colors(2, 2, 2, 4).double()
    assert torch.autograd.gradcheck(lambda x: term(x, target), input, fast_mode=True)
    # Where hard classes pull: up at the color's own bin alone.
    ColorClasses()(input, target).sum().backward()
    assert input.grad is not None and ((input.grad < 0).sum(1) == 1).all()


def test_refuses_what_does_not_fit() -> None:
    with pytest.raises(UserError, match="529"):
        ColorClasses()(logits(1, 313, 2, 2), colors(1, 2, 2, 2))
    for other in (colors(2, 2, 2, 2), colors(1, 3, 2, 2), colors(1, 2, 3, 2), colors(1, 2, 1, 2)):
        with pytest.raises(UserError, match="multiples"):
            ColorClasses()(logits(1, ALL, 2, 2), other)


@pytest.mark.parametrize(
    "settings",
    [
        {"neighbors": 0},
        {"neighbors": 10},
        {"sigma": 0.0},
        {"rebalancing": 0.0},
        {"rebalancing": 1.5},
        {"prior": [1.0] * 313},
        {"prior": [0.0] * ALL},
    ],
)
def test_refuses_settings_out_of_range(settings: dict[str, float]) -> None:
    with pytest.raises(UserError, match="color classes"):
        ColorClasses(**settings)


def test_a_prior_that_is_missing_is_told_when_it_is_needed() -> None:
    term = ColorClasses(rebalancing=0.5, prior=None)
    with pytest.raises(UserError, match="prior"):
        term(logits(1, ALL, 2, 2), colors(1, 2, 2, 2))
