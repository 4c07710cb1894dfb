"""Another size by bidirectional similarity: what sets it apart from stretching."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from henkan.baselines.bidirectional import Bidirectional, begun, gradually
from henkan.baselines.nearest import Floats
from henkan.errors import UserError
from henkan.launching.execute import execute
from henkan.randomness import generator_for

PERIOD = 8


def woven() -> Tensor:
    """Return a texture (1, 3, 48, 96) of `PERIOD` pixels across."""
    y, x = np.indices((48, 96))
    tones = 127 + 70 * np.sin(2 * np.pi * x / PERIOD) + 30 * np.sin(2 * np.pi * y / 12)
    return torch.from_numpy(tones / 255).float().expand(1, 3, -1, -1)


def distance(source: Tensor, target: Tensor) -> float:
    """Return completeness and coherence of two pictures, their nearest patches searched anew."""
    one, two = (np.ascontiguousarray(picture[0].permute(1, 2, 0).numpy() * 255) for picture in (source, target))
    similarity = begun(shape_of(one), shape_of(two), 7, generator_for(1, "test"))
    return [similarity.search(one, two, passes=3) for _ in range(2)][-1]


def shape_of(picture: Floats) -> tuple[int, int]:
    return picture.shape[0], picture.shape[1]


def period(picture: Tensor) -> float:
    """Return the strongest period across a picture, in pixels."""
    tones = picture[0, 0].mean(dim=0).numpy()
    strength = np.abs(np.fft.rfft((tones - tones.mean()) * np.hanning(tones.size), 4096))
    return float(4096 / strength.argmax())


def test_texture_keeps_its_period_where_a_picture_becomes_narrower() -> None:
    source = woven()
    made = Bidirectional([64, 48])(source)["raw"]
    stretched = functional.interpolate(source, (48, 64), mode="bilinear", antialias=True)
    assert made.shape == stretched.shape == (1, 3, 48, 64)
    assert made.min() >= 0 and made.max() <= 1
    assert period(stretched) == pytest.approx(PERIOD * 64 / 96, rel=0.05)
    assert period(made) == pytest.approx(PERIOD, rel=0.05)
    assert distance(source, made) < 0.5 * distance(source, stretched)
    assert torch.equal(made, Bidirectional([64, 48])(source)["raw"])


def test_at_its_own_size_a_picture_stays_as_it_is() -> None:
    source = torch.rand(2, 3, 40, 44, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(Bidirectional([44, 40])(source)["raw"], source, atol=4e-3)


def test_the_size_changes_by_little_at_a_time() -> None:
    shapes = list(gradually((40, 100), (40, 50)))
    assert shapes[-1] == (40, 50) and len(shapes) == 7
    widths = [100, *(width for _, width in shapes)]
    assert all(0.88 < later / earlier < 1 for earlier, later in pairwise(widths))
    assert list(gradually((7, 9), (7, 9))) == [(7, 9)]


def test_no_side_is_shorter_than_a_patch() -> None:
    with pytest.raises(UserError, match=r"generator\.size=\[40, 6\] of a picture of 96x48"):
        Bidirectional([40, 6])(woven())


@pytest.mark.parametrize("size", [320, "320x240", [320], [320.5, 240]])
def test_a_size_is_two_numbers(size: Any) -> None:
    with pytest.raises(UserError, match="a width and a height"):
        Bidirectional(size)


def test_predict_writes_the_size_that_was_asked_for(tmp_path: Path) -> None:
    Image.fromarray((woven()[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)).save(tmp_path / "woven.png")
    words = ["task=super_resolution", "generator=bidirectional", "generator.size=[64,30]"]
    assert execute("predict", [*words, f"input={tmp_path}/woven.png", f"output={tmp_path}/out"]).code == 0
    with Image.open(tmp_path / "out" / "woven.png") as made:
        assert made.size == (64, 30)
