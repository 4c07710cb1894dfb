"""Colorization without learning: what the methods promise."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from henkan import color
from henkan.baselines.baseline import Baseline
from henkan.baselines.grey import Grey
from henkan.baselines.levin import Levin
from henkan.baselines.welsh import Welsh
from henkan.data.photographs import Photographs
from henkan.errors import UserError
from henkan.runs.identity import evaluation_parts


def noise(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def hinted(side: int, places: dict[tuple[int, int], tuple[float, float]]) -> tuple[Tensor, Tensor]:
    """Return hints (1, 2, side, side) and their mask, of colors by place."""
    hints, mask = torch.zeros(1, 2, side, side), torch.zeros(1, 1, side, side)
    for (y, x), (a, b) in places.items():
        hints[0, :, y, x], mask[0, 0, y, x] = torch.tensor([a, b]), 1.0
    return hints, mask


def colors_of(raw: Tensor) -> Tensor:
    assert raw.min() >= 0 and raw.max() <= 1
    return 2.0 * raw - 1.0


def saved(path: Path, picture: NDArray[np.uint8]) -> str:
    cv2.imwrite(str(path), picture[..., ::-1])
    return str(path)


@pytest.mark.parametrize("baseline", [Grey(), Levin(), Welsh()], ids=lambda one: type(one).__name__)
def test_there_is_nothing_to_learn(baseline: Baseline) -> None:
    assert not list(baseline.parameters()) and baseline.multiple == 1


def test_grey_is_neutral() -> None:
    raw = Grey()(noise(2, 1, 5, 7))["raw"]
    assert raw.shape == (2, 2, 5, 7) and (raw == 0.5).all()


def test_one_hint_colors_all_of_a_flat_picture() -> None:
    hints, mask = hinted(24, {(5, 17): (0.4, -0.3)})
    found = colors_of(Levin()(torch.full((1, 1, 24, 24), 0.6), hints, mask)["raw"])
    torch.testing.assert_close(found, torch.tensor([0.4, -0.3]).view(1, 2, 1, 1).expand_as(found))


def test_two_regions_keep_their_colors_to_the_edge() -> None:
    lightness = torch.full((1, 1, 24, 24), 0.2)
    lightness[..., 11:] = 0.8
    hints, mask = hinted(24, {(3, 2): (0.5, 0.1), (20, 22): (-0.4, 0.6)})
    found = colors_of(Levin()(lightness, hints, mask)["raw"])
    left, right = found[..., :11], found[..., 11:]
    assert (left - torch.tensor([0.5, 0.1]).view(1, 2, 1, 1)).abs().max() < 0.02
    assert (right - torch.tensor([-0.4, 0.6]).view(1, 2, 1, 1)).abs().max() < 0.02


def test_hints_are_kept_and_colors_lie_between_them() -> None:
    lightness, hints = noise(2, 1, 20, 31), noise(2, 2, 20, 31) * 2 - 1
    mask = (noise(2, 1, 20, 31) > 0.9).float()
    found = colors_of(Levin()(lightness, hints * mask, mask)["raw"])
    there = mask.expand_as(hints) > 0
    torch.testing.assert_close(found[there], hints[there], atol=1e-6, rtol=0)
    for one, own, at in zip(found, hints, mask, strict=True):
        given = own[:, at[0] > 0]
        assert ((one >= given.amin(1)[:, None, None] - 1e-6) & (one <= given.amax(1)[:, None, None] + 1e-6)).all()


def test_every_other_pixel_is_the_weighted_mean_of_its_neighbors() -> None:
    # In the middle, where the window is whole: the formula, written out for one pixel.
    lightness = noise(1, 1, 5, 5)
    hints, mask = hinted(5, {(0, 0): (0.9, -0.5), (4, 3): (-0.7, 0.2)})
    found = colors_of(Levin()(lightness, hints, mask)["raw"])[0].double()
    window = lightness[0, 0, 1:4, 1:4].double().flatten()
    others = window[torch.arange(9) != 4]
    squared = (others - window[4]) ** 2
    divisor = max(0.6 * window.var(correction=0).item(), squared.min().item() / np.log(100.0), 2e-6)
    weights = torch.exp(-squared / divisor)
    around = found[:, 1:4, 1:4].flatten(1)[:, torch.arange(9) != 4]
    torch.testing.assert_close(found[:, 2, 2], (around * weights).sum(1) / weights.sum(), atol=1e-5, rtol=0)


def test_without_hints_a_picture_stays_grey_and_others_do_not_matter() -> None:
    lightness = noise(2, 1, 12, 12)
    hints, mask = hinted(12, {(2, 3): (0.4, 0.1), (9, 9): (-0.2, 0.3)})
    both = Levin()(lightness, torch.cat((hints * 0, hints)), torch.cat((mask * 0, mask)))["raw"]
    assert (both[0] == 0.5).all()
    assert torch.equal(both[1:], Levin()(lightness[1:], hints, mask)["raw"])


def test_hints_without_color_leave_the_picture_grey() -> None:
    hints, mask = hinted(12, {(2, 3): (0.0, 0.0), (9, 9): (0.0, 0.0)})
    assert (Levin()(noise(1, 1, 12, 12), hints, mask)["raw"] == 0.5).all()


@pytest.mark.parametrize("side", [1, 2, 8])
def test_hints_everywhere_are_the_answer(side: int) -> None:
    hints, mask = noise(1, 2, side, side), torch.ones(1, 1, side, side)
    torch.testing.assert_close(colors_of(Levin()(noise(1, 1, side, side), hints, mask)["raw"]), hints)


def test_a_region_behind_a_hard_edge_gets_a_color_that_was_given() -> None:
    # Nothing but the weakest weights leads there.
    lightness = torch.zeros(1, 1, 32, 32)
    lightness[..., 10:20, 10:20] = 1.0
    hints, mask = hinted(32, {(0, 0): (0.3, -0.3), (31, 31): (0.3, -0.3)})
    found = colors_of(Levin()(lightness, hints, mask)["raw"])
    torch.testing.assert_close(found, torch.tensor([0.3, -0.3]).view(1, 2, 1, 1).expand_as(found))


def test_hints_help_a_photograph() -> None:
    pixels = skimage.data.astronaut()[:128:2, 160:288:2]
    lab = color.rgb_to_lab(torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255)
    true = lab[:, 1:] / color.AB
    errors = []
    for share in (0.0, 0.01, 0.1):
        mask = (noise(1, 1, 64, 64) < share).float()
        found = colors_of(Levin()(lab[:, :1] / 100, true * mask, mask)["raw"])
        errors.append((found - true).norm(dim=1).mean().item())
    assert errors[0] > 2 * errors[1] > 3 * errors[2]


def test_a_reference_colors_itself_nearly_right(tmp_path: Path) -> None:
    # Four bands, each with a lightness and a color of its own.
    bands = np.repeat(np.array([[60, 20, 20], [30, 120, 60], [120, 150, 230], [250, 230, 140]], np.uint8), 16, axis=0)
    picture = np.repeat(bands[:, None], 48, axis=1)
    lab = color.rgb_to_lab(torch.from_numpy(picture).permute(2, 0, 1)[None] / 255)
    network = Welsh(saved(tmp_path / "reference.png", picture))
    raw = network(lab[:, :1] / 100)["raw"]
    away = (colors_of(raw) * color.AB - lab[:, 1:]).norm(dim=1)
    assert away.mean() < 3.0 and away.median() < 0.1
    # Another exposure and contrast is found again.
    again = network(lab[:, :1] / 100 * 0.5 + 0.1)["raw"]
    assert (again - raw).abs().mean() < 0.01
    assert torch.equal(raw, Welsh(network.reference)(lab[:, :1] / 100)["raw"])


def test_a_photograph_as_its_own_reference(tmp_path: Path) -> None:
    picture = skimage.data.astronaut()[::4, ::4]
    lab = color.rgb_to_lab(torch.from_numpy(picture.copy()).permute(2, 0, 1)[None] / 255)
    raw = Welsh(saved(tmp_path / "reference.png", picture))(lab[:, :1] / 100)["raw"]
    found, true = (2 * raw - 1) * color.AB, lab[:, 1:]
    # Close in chroma: as colorful as the picture, in what colors there are.
    assert found.norm(dim=1).mean().item() == pytest.approx(true.norm(dim=1).mean().item(), rel=0.2)
    torch.testing.assert_close(found.mean((2, 3)), true.mean((2, 3)), atol=3.0, rtol=0)


def test_a_grey_reference_and_a_flat_picture(tmp_path: Path) -> None:
    network = Welsh(saved(tmp_path / "grey.png", np.repeat(skimage.data.camera()[::8, ::8, None], 3, axis=2)))
    for lightness in (noise(2, 1, 9, 11), torch.full((1, 1, 6, 6), 0.3)):
        raw = network(lightness)["raw"]
        assert raw.shape == (len(lightness), 2, *lightness.shape[2:]) and (raw - 0.5).abs().max() < 1e-4


@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (40, 5)])
def test_a_reference_of_any_shape(tmp_path: Path, shape: tuple[int, int]) -> None:
    picture = np.full((*shape, 3), (200, 90, 30), np.uint8)
    own = color.rgb_to_lab(torch.from_numpy(picture).permute(2, 0, 1) / 255)[1:, :1, :1] / color.AB
    found = colors_of(Welsh(saved(tmp_path / "flat.png", picture))(noise(1, 1, 8, 8))["raw"])
    torch.testing.assert_close(found[0], own.expand(2, 8, 8), atol=1e-5, rtol=0)


def test_a_reference_is_needed_when_it_is_used(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"generator\.reference"):
        Welsh()(noise(1, 1, 8, 8))
    with pytest.raises(UserError, match="no picture"):
        Welsh(str(tmp_path / "none.png"))(noise(1, 1, 8, 8))


@pytest.mark.parametrize("settings", [{"samples": 0}, {"side": 4}, {"side": 0}])
def test_refuses_settings_out_of_range(settings: dict[str, int]) -> None:
    with pytest.raises(UserError, match=r"generator\."):
        Welsh(**settings)


def test_another_reference_is_another_evaluation(tmp_path: Path) -> None:
    config = {
        "generator": {"_target_": "henkan.baselines.welsh.Welsh", "reference": str(tmp_path / "ref.png")},
        "degradation": {"_target_": "henkan.degradations.identity.Identity"},
    }
    found = []
    for tone in (10, 200):
        Image.new("RGB", (8, 8), (tone, 0, 0)).save(tmp_path / "ref.png")
        found.append(evaluation_parts(config, Photographs()))
    assert found[0] != found[1]
