"""What discriminators of one size share: how often they halve it."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch

from henkan.discriminators.drawing import DrawingDiscriminator
from henkan.discriminators.glcic import GlobalDiscriminator, LocalDiscriminator
from henkan.discriminators.srgan import SRGANDiscriminator
from henkan.discriminators.vgg_style import VGGStyleDiscriminator
from henkan.errors import UserError

DEPTHS = [
    partial(DrawingDiscriminator, side=32, channels=3),
    partial(SRGANDiscriminator, side=32),
    partial(VGGStyleDiscriminator, side=32),
    partial(GlobalDiscriminator, side=32),
]


@pytest.mark.parametrize("kind", DEPTHS)
def test_a_side_is_halved_as_often_as_is_said(kind: Any) -> None:
    for depth in (1, 3, 5):
        network = kind(depth=depth, width=0.02)
        logits, maps = network(torch.rand(2, 3, 32, 32))
        assert logits.shape == (2, 1) and maps[-1].shape[-1] == 32 >> depth
    for depth in (0, -1):
        with pytest.raises(UserError, match=rf"times, not {depth}: leave its depth null"):
            kind(depth=depth)


def test_a_window_is_one_too_and_a_drawing_has_six_layers() -> None:
    with pytest.raises(UserError, match="1 or more times, not 0"):
        LocalDiscriminator(window=32, window_depth=0)
    with pytest.raises(UserError, match="1 to 6 times, not 7"):
        DrawingDiscriminator(side=384, depth=7)


def test_another_size_is_said_with_width_and_height() -> None:
    with pytest.raises(UserError, match="built for 32x32 pixels and is given 48x32"):
        SRGANDiscriminator(side=32, width=0.02)(torch.rand(1, 3, 32, 48))
