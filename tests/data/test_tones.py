"""What becomes of colors."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from pictures_on_disk import noise

from henkan.data.pictures import Picture
from henkan.data.tones import Contrast, Hue, LocalContrast, ToneOperator
from henkan.errors import UserError

SMOOTH: Picture = np.asarray(cv2.GaussianBlur(noise(64, 80), (0, 0), 4), np.uint8)
COLORS: Picture = np.array(
    [[[255, 0, 0], [0, 255, 0], [0, 0, 255], [128, 128, 128], [0, 0, 0], [60, 30, 30]]], np.uint8
)
CHANGES = [(LocalContrast(clip=3.0), {"clip": 3.0}), (Contrast(), {"contrast": 0.1, "brightness": 0.0})]
CHANGES += [(Hue(), {"hue": 9.0, "saturation": 20.0, "value": 3.0})]  # type: ignore[list-item]


@pytest.mark.parametrize(("operator", "settings"), CHANGES, ids=lambda one: type(one).__name__)
def test_changes_and_the_same_again(operator: ToneOperator, settings: dict[str, float]) -> None:
    before = SMOOTH.copy()
    changed = operator(SMOOTH, **settings)
    assert changed.shape == SMOOTH.shape and changed.dtype == np.uint8
    assert not np.array_equal(changed, SMOOTH) and np.array_equal(changed, operator(SMOOTH, **settings))
    assert np.array_equal(SMOOTH, before)


@pytest.mark.parametrize("operator", [LocalContrast(clip=3.0), Contrast()], ids=lambda one: type(one).__name__)
def test_grey_pictures(operator: ToneOperator) -> None:
    changed = operator(SMOOTH[..., :1], clip=3.0, contrast=0.5, brightness=0.0)
    assert changed.shape == (64, 80, 1) and changed.std() > 1.2 * SMOOTH[..., 0].std()


def test_contrast_s_closed_form() -> None:
    assert np.array_equal(Contrast()(SMOOTH, contrast=0.0, brightness=0.0), SMOOTH)
    row = np.array([[[0, 100, 250]]], np.uint8)
    assert Contrast()(row, contrast=0.2, brightness=-0.1).tolist() == [[[0, 94, 255]]]
    assert Contrast()(row, contrast=-1.0, brightness=0.2).tolist() == [[[51, 51, 51]]]


def test_hue_s_closed_form() -> None:
    def turned(hue: float, saturation: float = 0.0, value: float = 0.0) -> list[list[int]]:
        return Hue()(COLORS, hue=hue, saturation=saturation, value=value)[0].tolist()  # type: ignore[no-any-return]

    red, green, blue = [255, 0, 0], [0, 255, 0], [0, 0, 255]
    assert turned(0)[:5] == COLORS[0, :5].tolist()
    assert turned(120)[:5] == [green, blue, red, [128] * 3, [0] * 3]
    assert turned(-120)[:3] == [blue, red, green]
    # Value is the largest channel; saturation how far the smallest lies below it.
    assert turned(0, value=-55)[:4] == [[200, 0, 0], [0, 200, 0], [0, 0, 200], [73] * 3]
    assert turned(0, saturation=-255)[0] == [255] * 3
    # (60, 30, 30) has a saturation of 127.5.
    assert turned(0, saturation=63.5)[5] == pytest.approx([60, 15, 15], abs=1)
    # 8-bit hues and saturations are coarse.
    error = np.abs(Hue()(SMOOTH, hue=0, saturation=0, value=0).astype(int) - SMOOTH)
    assert error.max() <= 3 and error.mean() < 0.6


def test_local_contrast_is_of_the_lightness() -> None:
    """Low contrast grows in each tile, more with a higher clip, and a and b stay."""
    faint = np.asarray(110 + (SMOOTH.astype(int) - 128) // 4, np.uint8)
    spread = [LocalContrast(clip=clip)(faint, clip=clip)[:32, :32].std() for clip in (1.0, 2.0, 4.0)]
    assert faint[:32, :32].std() < spread[0] < spread[1] < spread[2]
    before, after = (
        cv2.cvtColor(one, cv2.COLOR_RGB2LAB).astype(int) for one in (faint, LocalContrast(clip=2.0)(faint, clip=2.0))
    )
    assert np.abs(before - after)[..., 1:].max() <= 3 and np.abs(before - after)[..., 0].mean() > 3
    # One tile: what is darkest and what is lightest span the range, in order.
    ramp = np.arange(100, 132, dtype=np.uint8).repeat(32).reshape(32, 32, 1)
    spanned = LocalContrast(clip=100.0)(ramp, clip=100.0)[:, 0, 0].astype(int)
    assert spanned.tolist() == [round(255 * (k + 1) / 32) for k in range(32)]


def test_refusals() -> None:
    with pytest.raises(UserError, match=r"augmentation\.tones\.hue=null"):
        Hue()(SMOOTH[..., :1], hue=0.0, saturation=0.0, value=0.0)
    with pytest.raises(UserError, match=r"Contrast\.contrast=\[0\.2, 0\.1\] must rise"):
        Contrast(contrast=[0.2, 0.1])
