"""Tiles: they cover the hole, keep the budget, and a network of finite context does not notice them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from henkan.config.build import build
from henkan.errors import UserError
from henkan.generators.glcic import CompletionNetwork
from henkan.prediction.tiling import Box, merge, split
from henkan.sample import named_arguments
from henkan.transform import pad


def hole(height: int, width: int, *boxes: Box) -> np.ndarray:
    missing = np.zeros((height, width), bool)
    for box in boxes:
        missing[box.slices] = True
    return missing


def test_a_small_hole_of_a_large_picture_is_one_small_tile() -> None:
    (tile,) = split(hole(3000, 4000, Box(1000, 1500, 2001, 2501)), 1_000_000, context=152, multiple=4)
    assert tile.write == Box(1000, 1500, 2001, 2501)
    assert tile.read == Box(848, 1652, 1848, 2656)


@pytest.mark.parametrize("context", [None, 20])
def test_tiles_cover_the_hole_within_the_budget(context: int | None) -> None:
    missing = hole(900, 1100, Box(0, 400, 30, 280), Box(300, 700, 800, 1100), Box(880, 900, 0, 10))
    tiles = split(missing, 200_000, context, 8)
    covered = hole(900, 1100, *(tile.write for tile in tiles))
    assert len(tiles) > 1
    assert covered[missing].all()
    assert max(tile.read.pixels for tile in tiles) <= 200_000
    assert all(tile.read.top % 8 == tile.read.left % 8 == 0 for tile in tiles)


def test_no_hole_no_tile_and_a_budget_that_is_too_small() -> None:
    assert split(hole(10, 10), 100) == []
    with pytest.raises(UserError, match="megapixels="):
        split(hole(900, 900, Box(0, 900, 0, 900)), 1000, context=152)


def test_no_tile_is_without_anything_known() -> None:
    missing = hole(1000, 1000, Box(100, 900, 100, 900))
    with pytest.raises(UserError, match=r"larger than a tile of 0\.16 megapixels: give megapixels=1\.00"):
        split(missing, 160_000)
    assert len(split(missing, 1_000_000)) == 1
    # A network that tells how far it sees would see nothing known in the whole picture either.
    assert len(split(missing, 160_000, context=20)) > 1


def test_seams_are_weighted_means() -> None:
    missing = hole(600, 600, Box(0, 600, 0, 600))
    tiles = split(missing, 40_000, context=0)
    ones = merge(tiles, lambda box: np.ones((box.bottom - box.top, box.right - box.left, 2), np.float32), 600, 600)
    np.testing.assert_allclose(ones, 1, atol=1e-6)


# One is whatever its file of weights holds.
GENERATORS = sorted(
    path
    for path in (Path(__file__).parents[2] / "conf" / "generator").glob("*.yaml")
    if ": ???" not in path.read_text()
)
SCALARS = {
    "size": 64,
    "channels": 3,
    "source_channels": 3,
    "scale": {"width": 0.125, "size": 64, "small": {"width": 0.125, "depth": 0.125}},
    "degradation": {"scale": 4},
    "statistics": {"mean": [0.5, 0.4, 0.3], "deviation": 0.4, "classes": 5},
}


# Their dilated layers take a minute and a half each on one thread.
SLOW = ("user_guided", "user_guided_global")


@pytest.mark.parametrize(
    "config",
    [pytest.param(path, marks=pytest.mark.slow if path.stem in SLOW else (), id=path.stem) for path in GENERATORS],
)
def test_tiles_give_what_the_whole_picture_gives(config: Path) -> None:
    """Where a network says how far it sees (`context`); any other is shown the whole picture while that fits."""
    torch.manual_seed(0)
    network = build(OmegaConf.create({**SCALARS, "node": OmegaConf.load(config)}).node).eval()
    context, scale = getattr(network, "context", None), getattr(network, "scale", 1)
    # What is enlarged need not be large.
    height, width = (514, 546) if scale == 1 else (200, 220)
    missing = hole(height, width, Box(10, height - 14, 20, width))
    if context is None:
        assert split(missing, missing.size)[0].read == Box(0, height, 0, width)
        return
    grey = torch.rand(1, 1, height, width)
    given = {
        "image": grey if config.stem == "local_color" else torch.rand(1, 3, height, width),
        "mask": torch.from_numpy(missing)[None, None].float(),
        "lightness": grey,
    }

    @torch.inference_mode()
    def fill(box: Box) -> np.ndarray:
        asked = named_arguments(network.forward)
        part = {name: value[(..., *box.slices)] for name, value in given.items() if name in asked}
        padded = pad(part, network.multiple)
        raw = network(**padded)["raw"]
        # Some answer at half the picture's size.
        factor = next(iter(padded.values())).shape[-1] * scale // raw.shape[-1]
        raw = torch.nn.functional.interpolate(raw, scale_factor=factor, mode="bilinear")
        own = Box(0, box.bottom - box.top, 0, box.right - box.left).times(scale)
        return np.asarray(raw[(0, slice(None), *own.slices)].permute(1, 2, 0).numpy())

    tiles = split(missing, 480 * 490 if scale == 1 else 190 * 190, context, network.multiple)
    assert len(tiles) > 1
    whole = fill(Box(0, height, 0, width))
    written = missing.repeat(scale, 0).repeat(scale, 1)
    merged = merge(tiles, fill, height, width, scale)
    np.testing.assert_allclose(merged[written], whole[written], atol=1e-5)


@pytest.mark.parametrize("phase", range(4))
def test_glcic_sees_nothing_outside_its_tile(phase: int) -> None:
    """NaN spreads to every pixel that depends on it, however little; a test of values would not notice."""
    network = CompletionNetwork((0.5, 0.5, 0.5), width=0.0625).double().eval()
    size, start = 352, 172 + phase
    missing = hole(size, size, Box(start, start + 3, start, start + 3))

    def answer(context: int) -> torch.Tensor:
        (tile,) = split(missing, size * size, context, network.multiple)
        assert tile.read.top > 0 and tile.read.bottom < size
        image = torch.full((1, 3, size, size), torch.nan, dtype=torch.float64)
        image[(..., *tile.read.slices)] = 0.5
        with torch.inference_mode():
            raw = network(image, torch.zeros(1, 1, size, size, dtype=torch.float64))["raw"]
        return raw[(..., *tile.write.slices)]

    assert answer(network.context).isfinite().all()
    assert answer(network.context - 8).isnan().any()


def test_glcic_knows_how_far_it_sees() -> None:
    assert CompletionNetwork.context == 152
    assert any("glcic" in path.stem for path in GENERATORS)
