"""The loss map of 2016, in both published forms (papers, section 3)."""

from __future__ import annotations

import math

import pytest
import torch

from henkan.errors import UserError
from henkan.losses.loss_map import ClippedMap, ExponentialMap, MappedMSE


def dot() -> torch.Tensor:
    """A black pixel on white paper."""
    page = torch.ones(1, 1, 11, 11)
    page[..., 5, 5] = 0.0
    return page


def test_plain_areas_and_a_lone_pixel() -> None:
    code, paper = ExponentialMap()(dot()), ClippedMap()(dot())
    assert code[0, 0, 0, 0].item() == pytest.approx(0.8679, abs=5e-5)
    assert code[0, 0, 5, 5].item() == pytest.approx(1.4608, abs=5e-5)
    assert paper[0, 0, 0, 0].item() == pytest.approx(0.2073, abs=5e-5)
    assert paper[0, 0, 5, 5].item() == 1.0


def test_the_paper_s_form_reaches_1_at_ln_2() -> None:
    shares = torch.tensor([math.log(2) - 1e-3, math.log(2) + 1e-3])
    weights = ClippedMap().weigh(shares)
    assert weights[0].item() == 1.0 and weights[1].item() < 1.0


def test_the_share_is_that_of_the_window_as_far_as_it_lies_in_the_picture() -> None:
    share = ExponentialMap().share(dot())
    assert share[0, 0, 4, 4].item() == pytest.approx(24 / 25)
    assert share[0, 0, 0, 0].item() == 1.0
    # White is the tenth bin, as 0.95 is; 0.85 is another.
    tones = torch.tensor([[[[1.0, 0.95, 0.85]]]])
    assert ExponentialMap(reach=1).share(tones)[0, 0, 0].tolist() == pytest.approx([1.0, 2 / 3, 1 / 2])


def test_the_loss_weighs_squares_and_its_gradient_is_that_of_the_formula() -> None:
    target = dot()
    output = torch.full_like(target, 0.5, requires_grad=True)
    loss = MappedMSE(ExponentialMap())(output, target)
    weights = ExponentialMap()(target)
    assert loss.item() == pytest.approx((weights * 0.25).mean().item())
    loss.sum().backward()
    assert output.grad is not None
    assert torch.allclose(output.grad, 2 * weights * (0.5 - target) / target.numel())


def test_shapes_that_differ() -> None:
    with pytest.raises(UserError, match="one shape"):
        MappedMSE(ExponentialMap())(torch.ones(1, 1, 4, 5), torch.ones(1, 1, 4, 4))


@pytest.mark.parametrize("settings", [{"reach": -1}, {"bins": 0}])
def test_a_window_and_bins_there_must_be(settings: dict[str, int]) -> None:
    with pytest.raises(UserError, match="give 0 or more, and 1 or more"):
        ExponentialMap(**settings)


def test_colors_have_no_loss_map() -> None:
    with pytest.raises(UserError, match="of one channel, not of 3: set channels=1"):
        ExponentialMap()(torch.rand(1, 3, 8, 8))
