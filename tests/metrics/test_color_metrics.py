"""Scores of colors: known differences, closed forms, and what is refused."""

from __future__ import annotations

import math

import pytest
import skimage.data
import torch
from skimage.color import deltaE_ciede2000, rgb2lab
from torch import Tensor

from henkan.color import lab_to_rgb
from henkan.errors import UserError
from henkan.metrics.color import (
    CIEDE2000,
    ABError,
    ClassAccuracy,
    Colorfulness,
    ColorfulnessGap,
    GamutClipped,
    ciede2000,
)


def flat(*color: float, count: int = 1) -> Tensor:
    """Return pictures (count, 3, 8, 8) of one color."""
    return torch.tensor(color).view(1, 3, 1, 1).expand(count, 3, 8, 8)


def noise(channels: int = 3) -> Tensor:
    return torch.rand(2, channels, 8, 8, generator=torch.Generator().manual_seed(0))


def photograph() -> Tensor:
    return torch.from_numpy(skimage.data.chelsea()[100:148, 100:164]).permute(2, 0, 1)[None] / 255


def test_the_error_of_color_is_its_distance_and_knows_no_lightness() -> None:
    grey, pale = (lab_to_rgb(flat(60.0, a, b)) for a, b in ((0.0, 0.0), (9.0, -12.0)))
    assert ABError()(torch.cat((pale, grey)), torch.cat((grey, grey))) == pytest.approx([15.0, 0.0], abs=0.02)
    assert ABError()(flat(0.2, 0.2, 0.2), flat(0.9, 0.9, 0.9)) == pytest.approx([0.0], abs=0.02)
    # The known a and b of sRGB's red.
    assert ABError()(flat(1.0, 0.0, 0.0), flat(0.5, 0.5, 0.5)) == pytest.approx([math.hypot(80.09, 67.20)], abs=0.05)


# Of the table of Sharma, Wu and Dalal (2005), what reaches each branch: hues across 0, grey, blue, large and small.
PAIRS = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, 3.1571, -77.2803), (50.0, 0.0, -82.7485), 2.8615),
    ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0),
    ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
    ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0009), 7.1792),
    ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0011), 7.2195),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((50.0, 2.5, 0.0), (58.0, 24.0, 15.0), 19.4535),
]


@pytest.mark.parametrize(("one", "other", "difference"), PAIRS)
def test_ciede2000_of_the_published_pairs(one: tuple[float, ...], other: tuple[float, ...], difference: float) -> None:
    for first, second in ((one, other), (other, one)):
        found = ciede2000(flat(*first).double(), flat(*second).double())
        assert found.unique().tolist() == pytest.approx([difference], abs=1e-4)


def test_ciede2000_is_scikit_images_for_any_two_colors() -> None:
    low, high = (torch.tensor(bounds).view(1, 3, 1, 1) for bounds in ((0.0, -100.0, -100.0), (100.0, 100.0, 100.0)))
    torch.manual_seed(0)
    one, other = (low + (high - low) * torch.rand(1, 3, 200, 200) for _ in range(2))
    one[..., :20, :], other[..., 10:30, :] = flat(40.0, 0.0, 0.0)[:1, :, :1, :1], flat(60.0, 0.0, 0.0)[:1, :, :1, :1]
    known = deltaE_ciede2000(one.double().numpy(), other.double().numpy(), channel_axis=1)
    assert (ciede2000(one, other) - torch.from_numpy(known)).abs().max() < 2e-3


def test_ciede2000_of_pictures() -> None:
    (one, other, difference) = PAIRS[-1]
    assert CIEDE2000()(*(lab_to_rgb(flat(*color)) for color in (one, other))) == pytest.approx([difference], abs=0.02)
    target = photograph()
    output = (target + torch.tensor([0.05, -0.02, 0.0]).view(1, 3, 1, 1)).clamp(0, 1)
    labs = [rgb2lab(image[0].permute(1, 2, 0).numpy()) for image in (output, target)]
    assert CIEDE2000()(output, target) == pytest.approx([deltaE_ciede2000(*labs).mean()], rel=2e-3)
    assert CIEDE2000()(target, target).tolist() == [0.0]


def test_colorfulness_in_closed_form() -> None:
    assert Colorfulness()(flat(0.3, 0.3, 0.3)).tolist() == [0.0]
    # Of one color there is no spread, and the mean is √(255² + 127.5²).
    assert Colorfulness()(flat(1.0, 0.0, 0.0)) == pytest.approx([0.3 * 255 * math.sqrt(1.25)], rel=1e-6)
    # Half red, half cyan: no mean, and the spread is the same length.
    halves = torch.cat((flat(1.0, 0.0, 0.0), flat(0.0, 1.0, 1.0)), dim=3)
    assert Colorfulness()(halves) == pytest.approx([255 * math.sqrt(1.25)], rel=1e-6)


def test_the_gap_tells_pale_from_vivid() -> None:
    target = photograph()
    pale = target.mean(1, keepdim=True) * 0.5 + target * 0.5
    pairs = torch.cat((pale, target, target)), torch.cat((target, target, pale))
    below, same, above = ColorfulnessGap()(*pairs).tolist()
    assert below < 0 == same < above and below == -above
    assert Colorfulness()(pale) - Colorfulness()(target) == pytest.approx(below)


def test_what_is_clipped() -> None:
    inside = torch.full((1, 3, 2, 2), 1.0 + 0.4 / 255)
    outside = torch.tensor([[-0.6 / 255, 0.5], [0.5, 0.5]]).expand(1, 1, 2, 2)
    some = torch.cat((torch.full((1, 2, 2, 2), -0.4 / 255), outside), dim=1)
    nothing = torch.full((1, 3, 2, 2), torch.nan)
    assert GamutClipped()(torch.cat((inside, some, some + 2.0, nothing))).tolist() == [0.0, 0.25, 1.0, 1.0]


def test_classes() -> None:
    logits = torch.tensor([[0.1, 0.9, 0.0], [2.0, -1.0, 1.0], [5.0, 0.0, 0.0]])
    scores = ClassAccuracy()(logits, torch.tensor([1, 2, -1]))
    assert scores[:2].tolist() == [1.0, 0.0] and scores[2].isnan()
    for labels in (torch.zeros(2, dtype=torch.int64), torch.zeros(3, 1, dtype=torch.int64)):
        with pytest.raises(UserError, match="reads"):
            ClassAccuracy()(logits, labels)


@pytest.mark.parametrize("score", [ABError(), CIEDE2000(), ColorfulnessGap()], ids=lambda score: type(score).__name__)
def test_refuses_what_is_no_pair_of_colored_pictures(score: ABError | CIEDE2000 | ColorfulnessGap) -> None:
    assert score(noise(), noise()).shape == (2,)
    with pytest.raises(UserError, match="one shape"):
        score(noise(), noise()[:1])
    with pytest.raises(UserError, match="RGB"):
        score(noise(1), noise(1))


@pytest.mark.parametrize("score", [Colorfulness(), GamutClipped()], ids=lambda score: type(score).__name__)
def test_refuses_grey_pictures(score: Colorfulness | GamutClipped) -> None:
    assert score(noise()).shape == (2,)
    with pytest.raises(UserError, match="RGB"):
        score(noise(1))
