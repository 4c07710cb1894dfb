"""Real-ESRGAN's chain: what is drawn, how often, and what becomes of a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from henkan.config.build import build
from henkan.config.composition import compose_root
from henkan.data.stream import collate
from henkan.degradations.realesrgan import SecondOrder
from henkan.errors import UserError
from henkan.sample import Sample, to_float

SIZE = 64
STEPS = ["first.blur", "first.resize", "first.noise", "first.jpeg"]
STEPS += ["second.blur", "second.resize", "second.noise", "sinc", "jpeg"]


def node(*overrides: str, preset: str = "realesrgan") -> Any:
    return compose_root("train", ["scale=smoke", f"degradation={preset}", *overrides]).degradation


@pytest.fixture(scope="module")
def chain() -> SecondOrder:
    found = build(node())
    assert isinstance(found, SecondOrder)
    return found


@pytest.fixture(scope="module")
def words(chain: SecondOrder) -> list[dict[str, Any]]:
    """What is drawn for three thousand samples."""
    target = np.zeros((8, 8, 3), np.uint8)
    return [
        chain.describe(chain.draw(target, np.random.default_rng(seed))["parameters"].tolist()) for seed in range(3000)
    ]


def picture(height: int = SIZE, width: int = SIZE) -> np.ndarray:
    from skimage.data import astronaut

    return astronaut()[60 : 60 + height, 180 : 180 + width]


def degraded(degradation: SecondOrder, seeds: range = range(6), size: tuple[int, int] = (SIZE, SIZE)) -> Sample:
    target, items = picture(*size), []
    for seed in seeds:
        drawn = degradation.draw(target, np.random.default_rng(seed))
        items.append({"target": target.transpose(2, 0, 1).copy(), "name": "a", "index": seed, **drawn})
    return degradation.apply(to_float(collate(items)))


def shares(words: list[dict[str, Any]], step: str, setting: str) -> dict[str, float]:
    found = [drawn[step][setting] for drawn in words if drawn[step] is not None]
    return {name: found.count(name) / len(found) for name in set(found)}


def test_the_papers_chances(words: list[dict[str, Any]]) -> None:
    published = {
        "isotropic": 0.45, "anisotropic": 0.25, "generalized_isotropic": 0.12, "generalized_anisotropic": 0.03,
        "plateau_isotropic": 0.12, "plateau_anisotropic": 0.03,
    }  # fmt: skip
    kinds = {**{name: 0.9 * share for name, share in published.items()}, "sinc": 0.1}
    # Three deviations of a share of 0.5 in 3000.
    near = 0.03
    for order in ("first", "second"):
        assert shares(words, f"{order}.blur", "kinds") == pytest.approx(kinds, abs=near)
        assert shares(words, f"{order}.noise", "kinds") == pytest.approx({"gaussian": 0.5, "poisson": 0.5}, abs=near)
        assert shares(words, f"{order}.noise", "colors") == pytest.approx({"grey": 0.4, "color": 0.6}, abs=near)
    assert shares(words, "first.resize", "ways") == pytest.approx({"up": 0.2, "down": 0.7, "keep": 0.1}, abs=near)
    assert shares(words, "second.resize", "ways") == pytest.approx({"up": 0.3, "down": 0.4, "keep": 0.3}, abs=near)
    for step in ("first.resize", "second.resize", "size"):
        assert shares(words, step, "methods") == pytest.approx(
            dict.fromkeys(("area", "bilinear", "bicubic"), 1 / 3), abs=near
        )
    for step, chance in {"first.blur": 1.0, "second.blur": 0.8, "sinc": 0.8, "first.jpeg": 1.0, "jpeg": 1.0}.items():
        assert np.mean([drawn[step] is not None for drawn in words]) == pytest.approx(chance, abs=near)
    assert np.mean([drawn["jpeg_first"] for drawn in words]) == pytest.approx(0.5, abs=near)


@pytest.mark.parametrize(
    ("step", "setting", "low", "high"),
    [
        ("first.blur", "reach", 3, 10),
        ("first.blur", "sigma_x", 0.2, 3.0),
        ("second.blur", "sigma_y", 0.2, 1.5),
        ("first.blur", "generalized", 0.5, 4.0),
        ("second.blur", "plateau", 1.0, 2.0),
        ("first.resize", "up", 1.0, 1.5),
        ("first.resize", "down", 0.15, 1.0),
        ("second.resize", "up", 1.0, 1.2),
        ("second.resize", "down", 0.3, 1.0),
        ("first.noise", "deviation", 1.0, 30.0),
        ("first.noise", "strength", 0.05, 3.0),
        ("second.noise", "deviation", 1.0, 25.0),
        ("second.noise", "strength", 0.05, 2.5),
        ("first.jpeg", "quality", 30, 95),
        ("jpeg", "quality", 30, 95),
        ("sinc", "reach", 3, 10),
        ("sinc", "cutoff", 1 / 3, 1.0),
        ("first.blur", "cutoff_wide", 1 / 5, 1.0),
    ],
)
def test_the_papers_ranges(words: list[dict[str, Any]], step: str, setting: str, low: float, high: float) -> None:
    found = [drawn[step][setting] for drawn in words if drawn[step] is not None]
    margin = 0.01 * (high - low)
    assert low - 1e-6 <= min(found) <= low + margin and high - margin <= max(found) <= high


def test_the_source_is_smaller_has_8_bits_and_is_the_same_again(chain: SecondOrder) -> None:
    sample = degraded(chain)
    source = sample["source"]
    assert source.shape == (6, 3, SIZE // 4, SIZE // 4) and torch.equal(source, (source * 255).round() / 255)
    assert source.min() >= 0 and source.max() <= 1
    assert torch.equal(source, degraded(build(node()))["source"])
    assert len({one.numpy().tobytes() for one in source}) == 6
    assert torch.equal(sample["target"], to_float({"target": sample["target"]})["target"])
    small = torch.nn.functional.interpolate(sample["target"], scale_factor=0.25, mode="area")
    # Damaged, and the same picture still.
    for one, clear in zip(source, small, strict=True):
        assert 0.02 < (one - clear).abs().mean() < 0.25
        assert np.corrcoef(one.flatten(), clear.flatten())[0, 1] > 0.5


def test_a_sample_does_not_depend_on_its_batch(chain: SecondOrder) -> None:
    together = degraded(chain, range(8))["source"]
    for seed in range(8):
        alone = degraded(chain, range(seed, seed + 1))["source"][0]
        assert torch.equal(alone, together[seed])


@pytest.mark.parametrize("scale", [2, 4])
def test_sides_that_are_no_multiple_are_cut(scale: int) -> None:
    sample = degraded(build(node(f"degradation.scale={scale}")), range(2), (50, 39))
    assert sample["target"].shape[-2:] == (50 - 50 % scale, 39 - 39 % scale)
    assert sample["source"].shape[-2:] == (50 // scale, 39 // scale)


def test_the_smallest_pictures_go_through(chain: SecondOrder) -> None:
    assert degraded(chain, range(12), (8, 8))["source"].shape == (12, 3, 2, 2)
    with pytest.raises(UserError, match=r"tiny\.png is 9x3 pixels"):
        chain.draw(np.zeros((3, 9, 3), np.uint8), np.random.default_rng(0), "tiny.png")


@pytest.mark.parametrize("step", ["second.blur", "sinc"])
def test_where_a_step_does_not_happen_it_does_nothing(chain: SecondOrder, step: str) -> None:
    whole, without = degraded(chain, range(12)), degraded(build(node(f"degradation.{step}=null")), range(12))
    happens = [chain.describe(row)[step] is not None for row in whole["parameters"].tolist()]
    same = [torch.equal(a, b) for a, b in zip(whole["source"], without["source"], strict=True)]
    # A narrow kernel may do nothing, too.
    assert all(alike or happened for alike, happened in zip(same, happens, strict=True))
    assert 0 < 12 - sum(happens) <= sum(same) <= 6


@pytest.mark.parametrize("step", STEPS)
def test_a_step_left_out_changes_the_picture_and_no_other_draw(chain: SecondOrder, step: str) -> None:
    without = build(node(f"degradation.{step}=null"))
    target, rng = np.zeros((8, 8, 3), np.uint8), np.random.default_rng
    told, less = (one.describe(one.draw(target, rng(3))["parameters"].tolist()) for one in (chain, without))
    assert step not in less and less == {name: drawn for name, drawn in told.items() if name != step}
    assert not torch.equal(degraded(chain)["source"], degraded(without)["source"])


def test_with_nothing_left_it_only_becomes_smaller() -> None:
    area = ["degradation.methods.bilinear=0", "degradation.methods.bicubic=0"]
    sample = degraded(build(node(*(f"degradation.{step}=null" for step in STEPS), *area)), range(2))
    expected = torch.nn.functional.interpolate(sample["target"], scale_factor=0.25, mode="area")
    assert (sample["source"] - expected).abs().max() <= 0.5 / 255 + 1e-6


def test_jpeg_comes_last_or_before_the_last_resizing() -> None:
    steps = [f"degradation.{step}=null" for step in STEPS if step != "jpeg"]
    early, late = (
        degraded(build(node(*steps, f"degradation.jpeg_first={chance}", "degradation.jpeg.quality=30")), range(1))
        for chance in (1.0, 0.0)
    )
    assert not torch.equal(early["source"], late["source"])


def test_targets_are_sharpened_as_published() -> None:
    sharpen = build(node(preset="realesrgan_sharp")).sharpen
    # A radius of 50 becomes a kernel of 51 pixels.
    assert (sharpen.weight, sharpen.side, sharpen.threshold) == (0.5, 51, 10)


def test_sharpened_targets_stand_beside_the_target() -> None:
    plain, sharp = degraded(build(node())), degraded(build(node(preset="realesrgan_sharp")))
    assert "target_sharp" not in plain and torch.equal(plain["target"], sharp["target"])
    gain = sharp["target_sharp"].std() / sharp["target"].std()
    assert 1.0 < gain < 1.3 and sharp["target_sharp"].max() <= 1
    assert not torch.equal(plain["source"], sharp["source"])


def test_what_cannot_be() -> None:
    settings = {"methods": {"area": 1.0}}
    with pytest.raises(UserError, match=r"degradation\.scale=0"):
        SecondOrder(0, {}, {}, **settings)
    with pytest.raises(UserError, match=r"degradation\.first\.wrong is a Compose, and no CameraOperator"):
        SecondOrder(4, {"wrong": Compose()}, {}, **settings)  # type: ignore[dict-item]


class Compose:
    """Nothing that a photograph could go through."""
