"""The dark channel prior: what follows from its formula, and that it takes haze away."""

from __future__ import annotations

from typing import Any

import pytest
import skimage.data
import torch
from torch import Tensor

from henkan.baselines.dark_channel import DarkChannel
from henkan.degradations.haze import scattered
from henkan.degradations.identity import Identity
from henkan.errors import UserError
from henkan.sample import Composed
from henkan.tasks.dehazing import Dehazing
from henkan.transform import Transform


def cleared(source: Tensor, **settings: Any) -> Composed:
    return Transform(Dehazing(8), Identity()).generate(DarkChannel(**settings), {"source": source})


@pytest.mark.parametrize("color", [(0.8, 0.8, 0.8), (0.9, 0.6, 0.7)])
def test_nothing_but_airlight(color: tuple[float, float, float]) -> None:
    source = torch.tensor(color).view(1, 3, 1, 1).expand(1, 3, 40, 50)
    sample = cleared(source)
    for key in ("raw", "aux.transmission"):
        torch.testing.assert_close(sample[key], torch.full((1, 1, 40, 50), 0.05), atol=1e-5, rtol=0)
    torch.testing.assert_close(sample["aux.airlight"].flatten(), torch.tensor(color))
    # 0.05 is clipped to 0.1, and there is nothing to be divided.
    torch.testing.assert_close(sample["output"], source, atol=1e-6, rtol=0)


def test_a_picture_with_something_dark_everywhere_is_left_alone() -> None:
    source = torch.rand(1, 3, 32, 32)
    source[:, 0] = 0.0
    sample = cleared(source)
    assert (sample["raw"] == 1).all()
    torch.testing.assert_close(sample["output"], source, atol=1e-5, rtol=0)


def test_haze_is_taken_from_a_photograph() -> None:
    # Trees, stones and people: what the prior is about, under a sky that is far away.
    picture = skimage.data.astronaut()[:256:2, :256:2] // 2
    clear = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None] / 255
    t = torch.linspace(0.05, 0.9, 128).view(1, 1, -1, 1).expand(1, 1, 128, 128)
    source = scattered(clear, t, torch.full((1, 3, 1, 1), 0.9))
    found = cleared(source)
    before, after = ((one - clear).square().mean().item() for one in (source, found["output"].clamp(0, 1)))
    assert after < before / 4
    assert (found["aux.transmission"] - t).abs().mean() < 0.12
    assert (found["aux.airlight"] - 0.9).abs().max() < 0.1


def test_all_edges_are_alike_and_pictures_of_a_batch_apart() -> None:
    source = torch.rand(2, 3, 40, 30, generator=torch.Generator().manual_seed(0)) * 0.6 + 0.3
    found = cleared(source)["output"]
    for axis in (2, 3):
        torch.testing.assert_close(cleared(source.flip(axis))["output"], found.flip(axis), atol=1e-4, rtol=0)
    torch.testing.assert_close(cleared(source[1:])["output"], found[1:])


def test_grey_stays_grey_and_black_stays_black() -> None:
    grey = torch.rand(1, 1, 24, 24).expand(1, 3, 24, 24)
    found = cleared(grey)["output"]
    assert (found.amax(1) - found.amin(1)).max() < 1e-5
    assert not cleared(torch.zeros(1, 3, 16, 16))["output"].any()


def test_the_mean_of_the_haziest_pixels_or_the_brightest() -> None:
    source = torch.full((1, 3, 20, 20), 0.5)
    source[..., 10, 7:10], source[..., 10, 10] = 0.6, 0.9
    # Four pixels of 400.
    brightest, mean = (cleared(source, side=1, share=0.01, airlight=way) for way in ("brightest", "mean"))
    assert brightest["aux.airlight"].flatten().tolist() == pytest.approx([0.9] * 3)
    assert mean["aux.airlight"].flatten().tolist() == pytest.approx([0.675] * 3)


@pytest.mark.parametrize(
    ("setting", "wrong"),
    [("side", 4), ("share", 0.0), ("omega", 1.5), ("airlight", "white"), ("radius", 0), ("epsilon", 0.0)],
)
def test_settings_out_of_range(setting: str, wrong: Any) -> None:
    with pytest.raises(UserError, match=rf"{setting}="):
        DarkChannel(**{setting: wrong})
