"""Sketches and strokes of color made of pictures."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from omegaconf import OmegaConf

from henkan import color
from henkan.config.build import build
from henkan.config.trees import config_folder
from henkan.degradations import hed as hed_lines
from henkan.degradations.hed import HEDLines
from henkan.degradations.line_extraction import LineExtractor, XDoG
from henkan.degradations.page import Tone
from henkan.degradations.scribble import ColorStrokes, Scribble, to_lab
from henkan.errors import MissingWeights, UserError
from henkan.pretrained import edges
from henkan.randomness import generator_for

Pixels = NDArray[np.uint8]
CONFIG = OmegaConf.to_container(OmegaConf.load(config_folder() / "degradation" / "scribble.yaml"))
STROKES = dict(CONFIG["strokes"]) | {"empty": 0.0}  # type: ignore[index, call-overload]
SKETCHES: Mapping[str, LineExtractor] = {
    name: build(node)
    for name, node in CONFIG["sketches"].items()  # type: ignore[index, call-overload, union-attr]
}
COLORS = ((200, 40, 40), (40, 160, 60), (40, 60, 200), (220, 200, 60))


def scribble(**given: Any) -> Scribble:
    settings = {"sketches": SKETCHES, "strokes": strokes(empty=0.1), **given}
    return Scribble(**settings)


def strokes(**given: Any) -> ColorStrokes:
    found: ColorStrokes = build({**STROKES, **given})
    return found


def quarters(side: int) -> Pixels:
    """Four areas of plain colors."""
    picture = np.empty((side, side, 3), np.uint8)
    half = side // 2
    for number, tone in enumerate(COLORS):
        rows, columns = (slice(half, None) if number & bit else slice(0, half) for bit in (1, 2))
        picture[rows, columns] = tone
    return picture


def ramps(side: int) -> Pixels:
    """A picture in which every place has a color of its own."""
    down, right = np.mgrid[0:side, 0:side] * (200.0 / side)
    return np.stack((down, right, np.full_like(down, 90)), axis=2).astype(np.uint8)


def colors(drawn: Pixels) -> set[tuple[int, ...]]:
    """The colors of strokes (H, W, 3)."""
    return set(map(tuple, drawn.reshape(-1, 3).tolist())) - {(255, 255, 255)}


@pytest.mark.parametrize("side", [64, 128])
def test_strokes_lie_inside_one_region_and_have_its_color(side: int) -> None:
    picture, maker = quarters(side), strokes()
    seen: set[tuple[int, ...]] = set()
    for seed in range(40):
        drawn = maker(picture, generator_for(seed))
        there = (drawn < 255).any(axis=2)
        assert there.any()
        away = np.linalg.norm(to_lab(drawn) - to_lab(picture), axis=2)[there]
        # The regions are 60 units and more apart. A pixel's corner may touch another one.
        assert (away > maker.tolerance).sum() <= 1 and np.median(away) < 1
        seen |= {COLORS[np.abs(np.array(COLORS) - tone).sum(1).argmin()] for tone in colors(drawn)}
    assert seen == set(COLORS)


def test_how_many() -> None:
    picture, maker = ramps(64), strokes(count=[1, 3], thickness=[0.0, 0.02], length=[0.0, 0.1])
    assert {len(colors(maker(picture, generator_for(seed)))) for seed in range(100)} == {1, 2, 3}
    many = strokes(count=[50, 50], thickness=[0.0, 0.0], length=[0.0, 0.0])(picture, generator_for(0))
    # Dots of one pixel, of which a few may lie on each other.
    assert 45 <= (many < 255).any(axis=2).sum() <= 50


def test_length_and_thickness_are_shares_of_the_side() -> None:
    plain = np.full((100, 60, 3), (90, 160, 40), np.uint8)
    line = strokes(count=[1, 1], length=[0.3, 0.3], thickness=[0.05, 0.05], bend=0.0)
    whole = 0
    for seed in range(30):
        drawn = (line(plain, generator_for(seed)) < 255).any(axis=2)
        points = np.argwhere(drawn)
        center, (long, wide), _ = cv2.minAreaRect(points.astype(np.float32))
        inside = (points.min(0) > 0).all() and (points.max(0) < (99, 59)).all()
        if inside:
            whole += 1
            # From center to center: a length of 30, a pen of 5, of which slanted ones round.
            assert sorted((long, wide)) == pytest.approx([4, 34], abs=1.5), center
    assert whole > 5


def test_a_share_has_no_stroke() -> None:
    picture, maker = quarters(16), strokes(empty=0.25, count=[1, 2])
    empty = [bool((maker(picture, generator_for(seed)) == 255).all()) for seed in range(400)]
    assert np.mean(empty) == pytest.approx(0.25, abs=0.07)


def test_white_and_mixed_places_are_avoided() -> None:
    picture = np.full((64, 64, 3), 255, np.uint8)
    picture[:, :24] = COLORS[0]
    for seed in range(20):
        drawn = strokes()(picture, generator_for(seed))
        away = to_lab(drawn) - to_lab(np.full_like(drawn, COLORS[0]))
        assert np.linalg.norm(away, axis=2)[(drawn < 255).any(axis=2)].max() < 8.5
    nothing = strokes()(np.full((32, 32, 3), 255, np.uint8), generator_for(0))
    assert (nothing == 255).all()


def test_lab_is_nearly_that_of_the_tasks() -> None:
    levels = np.arange(0, 256, 5, dtype=np.uint8)
    picture = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(-1, len(levels), 3)
    theirs = color.rgb_to_lab(torch.from_numpy(picture).permute(2, 0, 1) / 255.0).permute(1, 2, 0).numpy()
    assert np.abs(to_lab(picture) - theirs).max() < 0.5


def disk() -> tuple[Pixels, NDArray[np.float32]]:
    """A dark disk on light ground, and how far each pixel is from its rim."""
    y, x = np.mgrid[0:64, 0:64] - 31.5
    away = np.abs(np.hypot(y, x) - 20).astype(np.float32)
    tones = np.where(np.hypot(y, x) < 20, 70, 225).astype(np.uint8)
    return np.repeat(tones[..., None], 3, axis=2), away


@pytest.mark.parametrize("name", list(SKETCHES))
@pytest.mark.parametrize("which", [0, 1])
def test_dark_lines_at_edges_and_white_elsewhere(name: str, which: int) -> None:
    picture, away = disk()
    extract = SKETCHES[name]
    sketch = extract(picture, **{setting: bounds[which] for setting, bounds in extract.ranges().items()})
    assert sketch.shape == (64, 64) and sketch.dtype == np.float32
    assert sketch.min() >= 0.0 and sketch.max() <= 1.0
    angles = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    rays = [
        sketch[np.rint(31.5 + radius * np.sin(angles)).astype(int), np.rint(31.5 + radius * np.cos(angles)).astype(int)]
        for radius in np.arange(18, 23)
    ]
    assert np.median(np.min(rays, axis=0)) < 0.6, "all around there is a line"
    assert sketch[away > 8].min() > 0.95


def test_extractors_differ() -> None:
    picture = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8), (0, 0), 3)
    picture = cv2.normalize(picture, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)  # type: ignore[call-overload]
    made = [one(picture, **{k: sum(v) / 2 for k, v in one.ranges().items()}).ravel() for one in SKETCHES.values()]
    assert len(made) >= 3
    assert (np.abs(np.corrcoef(made)) - np.eye(len(made))).max() < 0.9


def test_xdog_is_the_formula() -> None:
    tones = np.random.default_rng(0).integers(0, 256, (12, 14, 1), dtype=np.uint8)
    grey = tones[..., 0].astype(np.float32) / 255
    narrow, wide = (cv2.GaussianBlur(grey, (0, 0), sigma) for sigma in (0.7, 1.12))
    sharp = (1 + 9.0) * narrow - 9.0 * wide
    expected = np.where(sharp >= 0.4, 1.0, 1 + np.tanh(3.0 * (sharp - 0.4)))
    xdog = XDoG(sigma=0.7, sharpness=9.0, threshold=0.4, softness=3.0)
    found = xdog(tones.repeat(3, 2), sigma=0.7, sharpness=9.0, threshold=0.4, softness=3.0)
    assert np.abs(found - expected).max() < 1e-5


def test_the_draw_is_a_function_of_the_generator() -> None:
    one, picture = scribble(), ramps(48)
    copy = pickle.loads(pickle.dumps(one))
    first, again, other = (
        degradation.draw(picture, generator_for(seed)) for degradation, seed in ((one, 0), (copy, 0), (one, 1))
    )
    assert first["source"].shape == (1, 48, 48) and first["strokes"].shape == (3, 48, 48)
    assert first["source"].dtype == first["strokes"].dtype == np.uint8
    for key, value in first.items():
        assert np.array_equal(value, again[key])
        assert not np.array_equal(value, other[key])


def test_extractors_are_mixed_by_their_chance_and_leaving_one_out_changes_no_other_sample() -> None:
    picture, without = ramps(32), scribble(sketches={**SKETCHES, "canny": None})
    whole = scribble()
    counts = dict.fromkeys(SKETCHES, 0)
    for seed in range(200):
        drawn = whole.draw(picture, generator_for(seed))
        told = whole.describe(drawn["parameters"].tolist())
        (chosen,) = [name for name, settings in told.items() if isinstance(settings, dict)]
        counts[chosen] += 1
        if chosen != "canny":
            assert np.array_equal(without.draw(picture, generator_for(seed))["source"], drawn["source"])
    assert all(count == pytest.approx(200 / len(SKETCHES), abs=25) for count in counts.values()), counts
    rare = scribble(sketches={"a": build({**CONFIG["sketches"]["xdog"], "chance": 0.1}), "b": SKETCHES["canny"]})  # type: ignore[index, call-overload]
    chosen_a = [
        rare.describe(rare.draw(picture, generator_for(seed))["parameters"].tolist())["a"] for seed in range(400)
    ]
    assert sum(one is not None for one in chosen_a) == pytest.approx(400 / 11, abs=20)


@pytest.mark.parametrize(("share", "kept"), [(1.0, 1.0), (0.0, 0.0), (0.5, 0.5)])
def test_true_lines_are_taken(share: float, kept: float) -> None:
    degradation, picture = scribble(true_lines=share), ramps(16)
    drawn = [degradation.draw(picture, generator_for(seed)) for seed in range(64)]
    sample = {
        "source": torch.from_numpy(np.stack([one["source"] for one in drawn])) / 255,
        "parameters": torch.from_numpy(np.stack([one["parameters"] for one in drawn])),
    }
    assert degradation.apply(sample) is sample
    lines = torch.full((64, 1, 16, 16), 0.123)
    source = degradation.apply({**sample, "lines": lines})["source"]
    true = torch.tensor([torch.equal(mine, line) for mine, line in zip(source, lines, strict=True)])
    assert torch.equal(source[~true], sample["source"][~true])
    assert float(true.float().mean()) == pytest.approx(kept, abs=0.2 if 0 < kept < 1 else 0)


def test_errors() -> None:
    with pytest.raises(UserError, match=r"a\.png: strokes of color need pictures in color"):
        scribble().draw(np.zeros((16, 16, 1), np.uint8), generator_for(0), "a.png")
    with pytest.raises(UserError, match=r"sketches\.tone is a Tone"):
        scribble(sketches={"tone": Tone(gain=1.0, gamma=1.0)})
    with pytest.raises(UserError, match="names no extractor"):
        scribble(sketches={"canny": None})
    with pytest.raises(UserError, match="true_lines=1.5"):
        scribble(true_lines=1.5)
    for name, wrong in {"count": [0, 3], "length": [0.2, 0.1], "empty": 2.0, "blur": 0.0}.items():
        with pytest.raises(UserError, match=f"{name}="):
            strokes(**{name: wrong})


@pytest.fixture
def half_ink(monkeypatch: pytest.MonkeyPatch) -> HEDLines:
    """HED, for which the red channel stands in."""
    monkeypatch.setattr(hed_lines, "hed", lambda: lambda pictures: pictures[:, :1])
    return HEDLines(floor=0.25, gain=2.0)


def test_a_network_draws_on_the_device(half_ink: HEDLines) -> None:
    maker, picture = scribble(sketches={**SKETCHES, "hed": half_ink}, true_lines=0.0), ramps(32)
    without = scribble(true_lines=0.0)
    seen = set()
    for seed in range(30):
        drawn = maker.draw(picture, generator_for(seed))
        told = maker.describe(drawn["parameters"].tolist())
        by_network = told["hed"] is not None
        sample = {key: torch.as_tensor(value)[None] for key, value in drawn.items()}
        target = torch.from_numpy(picture.transpose(2, 0, 1))[None] / 255
        sample |= {"target": target, "source": sample["source"] / 255, "lines": torch.zeros(1, 1, 32, 32)}
        before = sample["source"].clone()
        source = maker.apply(sample)["source"]
        if by_network:
            wanted = 1 - (2 * (target[:, :1] - 0.25)).clamp(0, 1)
            assert (before == 1).all() and (source - wanted).abs().max() <= 0.5 / 255 + 1e-6
        else:
            # The others draw as they do without it.
            assert torch.equal(source, before)
            alone = without.draw(picture, generator_for(seed))
            assert np.array_equal(alone["source"], drawn["source"])
        assert torch.equal(sample["source"], before)
        seen.add(by_network)
    assert seen == {True, False}


def test_a_network_draws_only_where_it_was_chosen_and_no_true_line_is(half_ink: HEDLines) -> None:
    maker = scribble(sketches={"hed": half_ink}, true_lines=0.5)
    drawn = [maker.draw(ramps(16), generator_for(seed))["parameters"] for seed in range(12)]
    rows = torch.from_numpy(np.stack(drawn))
    rows[:4, maker.draws.columns["hed", "happens"]] = 0
    target = torch.rand(12, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    sample = {"parameters": rows, "target": target, "source": torch.ones(12, 1, 16, 16)}
    sample["lines"] = torch.full_like(sample["source"], 0.5)
    found = maker.apply(sample)["source"]
    for row, source, picture in zip(rows, found, target, strict=True):
        alone = half_ink.batch(
            picture[None], {name: torch.tensor([value]) for name, value in (("floor", 0.25), ("gain", 2.0))}
        )
        wanted = 0.5 if row[-1] else alone[0] if row[maker.draws.columns["hed", "happens"]] else 1.0
        assert torch.equal(source, torch.as_tensor(wanted).expand(1, 16, 16))
    plain = {key: value for key, value in sample.items() if key != "lines"}
    assert torch.equal(
        maker.apply(plain)["source"][5],
        half_ink.batch(target[5:6], {"floor": torch.tensor([0.25]), "gain": torch.tensor([2.0])})[0],
    )


def test_a_network_without_weights_is_told_when_it_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edges.hed.cache_clear()
    monkeypatch.setenv("HENKAN_WEIGHTS", str(tmp_path))
    with pytest.raises(MissingWeights, match=r"^hed_bsds500\.safetensors is missing: "):
        HEDLines(floor=0.1, gain=1.0)
    edges.hed.cache_clear()
