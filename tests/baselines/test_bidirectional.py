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


@pytest.mark.parametrize("settings", [{"side": 0}, {"side": 1}, {"iterations": -1}, {"passes": -1}])
def test_settings_that_would_never_end(settings: dict[str, int]) -> None:
    with pytest.raises(UserError, match=r"generator\.side=.* must be 2 or more"):
        Bidirectional([40, 40], **settings)


@pytest.mark.parametrize("size", [320, "320x240", [320], [320.5, 240]])
def test_a_size_is_two_numbers(size: Any) -> None:
    with pytest.raises(UserError, match="a width and a height"):
        Bidirectional(size)


def ringed() -> tuple[Tensor, Tensor]:
    """Return a picture (1, 3, 48, 96) full of things of which none is like another, and where its rings are."""
    tones = functional.interpolate(torch.rand(1, 3, 12, 24, generator=torch.Generator().manual_seed(0)), (48, 96))
    y, x = np.indices((48, 96)) - np.array([24, 40])[:, None, None]
    away = np.hypot(y, x)
    rings = torch.from_numpy(
        (0.5 + 0.5 * np.cos(2 * np.pi * away / 10)) * np.array([1.0, 0.6, 0.2])[:, None, None]
    ).float()
    mask = torch.from_numpy(away < 14)[None, None]
    return torch.where(mask, rings[None], tones), mask.float()


def least_difference(picture: Tensor, source: Tensor, mask: Tensor) -> float:
    """Return how much a picture differs from the object of its source at the place where it is most like it."""
    window = np.s_[12:37, 28:53]
    object, part = source[0, :, *window], mask[0, 0, *window]
    shown = picture[0].unfold(1, *object.shape[1:2], 1).unfold(2, *object.shape[2:], 1)
    differences = (shown - object[:, None, None]).abs().mean(dim=0) * part
    return float((differences.sum(dim=(2, 3)) / part.sum()).min())


def test_what_is_important_survives_where_it_would_else_shrink() -> None:
    source, mask = ringed()
    retarget = Bidirectional([56, 48])
    alike, kept = (least_difference(retarget(source, counts)["raw"], source, mask) for counts in (None, mask))
    assert alike > 0.15 and kept < 0.08
    everywhere = retarget(source, torch.full_like(mask, 0.5))["raw"]
    assert torch.allclose(everywhere, retarget(source)["raw"], atol=1e-3)


def with_object(top: int, left: int, side: int = 12) -> tuple[Tensor, Tensor]:
    """Return a texture in 8 bits with a square of noise on it, and where that is."""
    picture, mask = woven().mul(255).round().div(255).clone(), torch.zeros(1, 1, 48, 96)
    mask[..., top : top + side, left : left + side] = 1
    noise = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(1)).mul(255).round().div(255)
    picture[..., top : top + side, left : left + side] = noise
    return picture, mask


@pytest.mark.parametrize("move", [(40, 8), (5, 0)], ids=["apart", "overlapping"])
def test_a_moved_object_stands_at_its_new_place_and_its_old_one_is_filled_from_elsewhere(move: tuple[int, int]) -> None:
    across, down = move
    picture, mask = with_object(18, 20)
    made = Bidirectional().moved(picture, mask, move)
    there = mask.roll((down, across), (2, 3)) > 0
    object = picture[..., 18:30, 20:32]
    assert torch.equal(made[..., 18 + down : 30 + down, 20 + across : 32 + across], object)
    left = (mask > 0) & ~there
    assert torch.equal(made.where(~left & ~there, 0), picture.where(~left & ~there, 0))
    # What is behind it is the texture, which goes on.
    assert (made - woven()).abs().expand(1, 3, -1, -1)[left.expand(1, 3, -1, -1)].mean() < 0.03
    assert torch.equal(made, Bidirectional().moved(picture, mask, move))


def test_more_than_the_object_is_filled_where_its_rim_is_to_go_too() -> None:
    picture, mask = with_object(18, 20)
    inner = torch.zeros_like(mask)
    inner[..., 21:27, 23:29] = 1
    made = Bidirectional().moved(picture, inner, (40, 8), mask)
    assert torch.equal(made[..., 29:35, 63:69], picture[..., 21:27, 23:29])
    assert (made - woven()).abs()[..., 18:30, 20:32].mean() < 0.03


def test_an_object_stays_within_its_picture() -> None:
    picture, mask = with_object(18, 20)
    with pytest.raises(UserError, match=r"move=\[70,0\] takes the object out of its picture of 96x48 pixels"):
        Bidirectional().moved(picture, mask, (70, 0))
    with pytest.raises(UserError, match="covers the whole picture"):
        Bidirectional().moved(picture, torch.ones_like(mask), (0, 0))


def saved(picture: Tensor, path: Path) -> np.ndarray:
    """Save the first picture of a batch, and return its pixels."""
    pixels = (picture[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    Image.fromarray(pixels.squeeze()).save(path)
    return pixels


WORDS = ("task=super_resolution", "generator=bidirectional")


def test_predict_moves_an_object_bit_for_bit(tmp_path: Path) -> None:
    picture, mask = with_object(18, 20)
    before = saved(picture, tmp_path / "woven.png")
    saved(mask, tmp_path / "woven_mask.png")
    words = [*WORDS, "move=[40,8]", f"input={tmp_path}/woven.png", f"output={tmp_path}/out"]
    assert execute("predict", words).code == 0
    after = np.asarray(Image.open(tmp_path / "out" / "woven.png"))
    assert np.array_equal(after[26:38, 60:72], before[18:30, 20:32])
    before[18:30, 20:32] = after[18:30, 20:32]
    before[26:38, 60:72] = after[26:38, 60:72]
    assert np.array_equal(after, before)


def test_predict_reads_what_is_important(tmp_path: Path) -> None:
    source, mask = ringed()
    saved(source, tmp_path / "ringed.png")
    (tmp_path / "maps").mkdir()
    saved(mask, tmp_path / "maps" / "ringed.png")
    words = [*WORDS, "generator.size=[56,48]", f"input={tmp_path}/ringed.png"]
    words += [f"importance={tmp_path}/maps", f"output={tmp_path}/out.png"]
    assert execute("predict", words).code == 0
    made = torch.from_numpy(np.asarray(Image.open(tmp_path / "out.png"), np.float32) / 255).permute(2, 0, 1)[None]
    assert least_difference(made, source, mask) < 0.08


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["generator=bidirectional"], "say which size pictures are to have"),
        (["generator=bidirectional", "move=40"], "give move=[right,down]"),
        (["generator=bidirectional", "move=[40,0]"], "there is no mask"),
        (["generator=bidirectional", "move=[40,0]", "generator.size=[40,40]"], "an object moves within a picture"),
        (["generator=bidirectional", "move=[40,0]", "importance=maps"], "give one of them"),
        (["generator=bidirectional", "generator.size=[40,40]", "mask=maps/mask.png"], "give both"),
        (["generator=bidirectional", "generator.size=[40,40]", "importance=maps"], "there is no maps/woven.png"),
        (["generator=bidirectional", "generator.size=[40,40]", "importance=maps/other.png"], "has 20x30 pixels"),
        (["generator=bidirectional", "move=[4,0]", "input=clear.png", "mask=mask.png"], "has transparent parts"),
        (["generator=bicubic", "degradation=bicubic", "move=[4,0]"], "is for generator=bidirectional"),
        (["task=completion", "generator=telea", "move=[4,0]"], "completion moves nothing"),
    ],
    ids=str,
)
def test_what_does_not_belong_together_is_said_in_a_line(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    picture, mask = with_object(18, 20)
    saved(picture, tmp_path / "woven.png")
    saved(mask, tmp_path / "mask.png")
    clear = Image.open(tmp_path / "woven.png")
    clear.putalpha(128)
    clear.save(tmp_path / "clear.png")
    (tmp_path / "maps").mkdir()
    Image.new("L", (20, 30)).save(tmp_path / "maps" / "other.png")
    given = ["task=super_resolution", "input=woven.png", "output=out", *words]
    assert execute("predict", list({word.partition("=")[0]: word for word in given}.values())).code == 2
    error = capfd.readouterr().err
    assert said in error and error.count("\n") == 1


def test_predict_writes_the_size_that_was_asked_for(tmp_path: Path) -> None:
    Image.fromarray((woven()[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)).save(tmp_path / "woven.png")
    words = [*WORDS, "generator.size=[64,30]"]
    assert execute("predict", [*words, f"input={tmp_path}/woven.png", f"output={tmp_path}/out"]).code == 0
    with Image.open(tmp_path / "out" / "woven.png") as made:
        assert made.size == (64, 30)
