"""Rough sketches from clean drawings: every operator has an effect, and a sample is a function of its seed alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from henkan.config.build import build
from henkan.config.composition import compose_root
from henkan.config.trees import config_folder
from henkan.data.stream import collate
from henkan.data.strokes import Strokes
from henkan.degradations.degradation import never_clean
from henkan.degradations.hand import hatches
from henkan.degradations.page import Perspective, Slur
from henkan.degradations.reversed import Reversed
from henkan.degradations.sketch import Sketch
from henkan.errors import UserError
from henkan.sample import to_float

PRESETS = ["pencil_light", "pencil_heavy", "ballpoint", "photographed_page", "noise_2018", "tone_slur_noise"]
SIZE = 256


def node(preset: str, *overrides: str) -> Any:
    return compose_root(
        "train", ["scale=smoke", f"degradation={preset}", "statistics.deviation=0.1", *overrides]
    ).degradation


def face(size: int = SIZE) -> Strokes:
    """A circle, two dots and a mouth: closed, filled and open strokes."""
    turn = np.linspace(0, 2 * np.pi, 40)
    circle = np.stack((np.cos(turn), np.sin(turn)), axis=1)
    lines = [0.5 + 0.4 * circle, [0.35, 0.4] + 0.03 * circle, [0.65, 0.4] + 0.03 * circle]
    lines.append(np.array([[0.3, 0.65], [0.5, 0.72], [0.7, 0.65]]))
    return Strokes.of([size * np.asarray(line) for line in lines], 3.0, [False, True, True, False])


def degraded(sketch: Any, seeds: range = range(4), vectors: bool = True, size: int = SIZE) -> dict[str, Any]:
    strokes, items = face(size), []
    target = strokes.drawn(size, size)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        drawn = sketch.draw_strokes(strokes, target, rng) if vectors else sketch.draw(target, rng)
        items.append({"target": target.transpose(2, 0, 1), **drawn})
    return sketch.apply(to_float(collate(items)))


def operators(preset: str) -> list[tuple[str, str]]:
    config = OmegaConf.to_container(node(preset))
    return [(group, name) for group in ("hand", "trace", "page", "noise") for name in config.get(group, {})]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("vectors", [True, False], ids=["strokes", "pixels"])
def test_a_preset_draws_in_range_on_k_of_255_and_the_same_again(preset: str, vectors: bool) -> None:
    sketch = build(node(preset))
    sample = degraded(sketch, vectors=vectors)
    source = sample["source"]
    assert source.shape == (4, 1, SIZE, SIZE)
    assert torch.equal(source, (source * 255).round() / 255) and source.min() >= 0 and source.max() <= 1
    assert torch.equal(source, degraded(build(node(preset)), vectors=vectors)["source"])
    # Where a step happens by chance, some samples are left alone.
    assert not all(torch.equal(source[0], other) for other in degraded(sketch, range(1, 9), vectors)["source"])


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("vectors", [True, False], ids=["strokes", "pixels"])
def test_a_sample_does_not_depend_on_its_batch(preset: str, vectors: bool) -> None:
    sketch = build(node(preset))
    together = degraded(sketch, range(3), vectors)
    for seed in range(3):
        alone = degraded(sketch, range(seed, seed + 1), vectors)
        assert torch.equal(alone["source"][0], together["source"][seed])
        assert torch.equal(alone["target"][0], together["target"][seed])


CASES = [(preset, group, name) for preset in PRESETS for group, name in operators(preset)]


@pytest.mark.parametrize(("preset", "group", "name"), CASES)
def test_dropping_any_operator_changes_the_pixels(preset: str, group: str, name: str) -> None:
    vectors = group != "trace"
    whole = degraded(build(node(preset)), range(8), vectors)["source"]
    without = degraded(build(node(preset, f"degradation.{group}.{name}=null")), range(8), vectors)["source"]
    assert not torch.equal(whole, without)


def distance(source: torch.Tensor, target: torch.Tensor) -> float:
    """Mean distance of rough ink from clean ink, in pixels."""
    found = []
    for rough, clean in zip(source[:, 0].numpy(), target[:, 0].numpy(), strict=True):
        away = cv2.distanceTransform((clean > 0.5).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        found.append(away[rough < 0.6 * np.median(rough)].mean())
    return float(np.mean(found))


@pytest.mark.parametrize("vectors", [True, False], ids=["strokes", "pixels"])
def test_heavy_pencil_is_redrawing_and_not_noise(vectors: bool) -> None:
    heavy = degraded(build(node("pencil_heavy")), range(8), vectors)
    light = degraded(build(node("pencil_light")), range(8), vectors)
    assert distance(heavy["source"], heavy["target"]) > 1.0
    assert distance(light["source"], light["target"]) < distance(heavy["source"], heavy["target"])


def test_error_scales_the_hand() -> None:
    spread = [
        distance(
            *(
                degraded(build(node("pencil_light", f"degradation.error={error}")), range(6))[key]
                for key in ("source", "target")
            )
        )
        for error in (0.0, 1.0, 3.0)
    ]
    assert spread[0] < spread[1] < spread[2]


def test_clean_samples_stay_as_they_are() -> None:
    sample = degraded(build(node("pencil_heavy", "clean=1.0")))
    assert torch.equal(sample["source"], sample["target"])
    some = degraded(build(node("pencil_heavy", "clean=0.5")), range(24))
    share = sum(torch.equal(a, b) for a, b in zip(some["source"], some["target"], strict=True)) / 24
    assert 0.2 < share < 0.8


def test_noise_comes_on_clean_samples_too_and_moves_what_the_target_is_moved_by() -> None:
    noisy = degraded(build(node("noise_2018", "clean=1.0", "degradation.noise.darkening.chance=1.0")))
    assert all(not torch.equal(a, b) for a, b in zip(noisy["source"], noisy["target"], strict=True))
    spared = degraded(build(node("noise_2018", "clean=1.0", "degradation.noise.darkening=null")))
    assert torch.equal(spared["source"], spared["target"]) and torch.equal(spared["target"], noisy["target"])
    askew = degraded(
        Sketch(hand={}, trace={}, page={}, noise={"perspective": Perspective(strength=0.2)}), vectors=False
    )
    assert torch.equal(askew["source"], askew["target"]) and not torch.equal(askew["target"], spared["target"])


def test_a_photograph_moves_the_target_too() -> None:
    still = degraded(build(node("photographed_page", "degradation.page.perspective=null")))
    moved = degraded(build(node("photographed_page")))
    assert not torch.equal(still["target"], moved["target"])
    # What moved together lies together: the ink of both agrees as well as before.
    gap = distance(moved["source"], moved["target"]) - distance(still["source"], still["target"])
    assert abs(gap) < 1.0


def test_perspective_of_nothing_is_nothing_and_corners_go_inwards() -> None:
    page = torch.rand(2, 1, 20, 30)
    same = Perspective(strength=0.0)(page, torch.arange(2), strength=torch.zeros(2, 1, 1, 1))
    assert torch.allclose(same, page, atol=1e-4)
    bent = Perspective(strength=0.2)(page, torch.arange(2), strength=torch.full((2, 1, 1, 1), 0.2))
    assert bent.shape == page.shape and not torch.allclose(bent, page, atol=0.1)


def test_a_slur_of_no_length_is_nothing_and_a_long_one_keeps_the_ink() -> None:
    page = 1 - torch.zeros(1, 1, 32, 32).index_fill_(3, torch.tensor([16]), 1.0)
    seeds = torch.tensor([5])
    assert torch.allclose(Slur(length=0.0)(page, seeds, length=torch.zeros(1, 1, 1, 1)), page, atol=1e-5)
    smeared = Slur(length=0.2)(page, seeds, length=torch.full((1, 1, 1, 1), 0.2))
    assert (1 - smeared)[..., 8:24, :].sum().item() == pytest.approx(16, rel=0.05)
    assert (1 - smeared).max() < 1


@pytest.mark.parametrize("preset", PRESETS)
def test_gradients_flow_through_page_and_trace(preset: str) -> None:
    sketch = build(node(preset))
    strokes = face(64)
    rows = [sketch.draw(strokes.drawn(64, 64), np.random.default_rng(seed))["parameters"] for seed in range(2)]
    rows_tensor = torch.tensor(np.stack(rows))
    page = torch.full((2, 1, 64, 64), 0.7, requires_grad=True)
    value = page
    for group in ("trace", "page", "noise"):
        value, _ = sketch.worked(group, value, value, rows_tensor)
    value.sum().backward()
    assert page.grad is not None and page.grad.isfinite().all() and page.grad.abs().sum() > 0


def test_hatches_lie_inside_of_the_shape() -> None:
    square = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], np.float32)
    lines = hatches(square, angle=0.0, spacing=2.0)
    assert len(lines) == 5
    assert all(line[:, 0].tolist() == [0, 10] and line[0, 1] == line[1, 1] for line in lines)


def test_reversed_swaps_source_and_target() -> None:
    sketch = build(node("pencil_light"))
    made, swapped = degraded(sketch), degraded(Reversed(sketch))
    assert torch.equal(made["source"], swapped["target"]) and torch.equal(made["target"], swapped["source"])


def test_what_is_scored_is_never_clean_the_other_way_round_either() -> None:
    scored = never_clean(node("reversed", "clean=0.5"))
    assert scored["of"]["clean"] == 0.0
    assert never_clean(node("pencil_light", "clean=0.5"))["clean"] == 0.0
    assert never_clean(node("bicubic")) == node("bicubic")


def test_an_operator_of_the_wrong_group_is_refused() -> None:
    with pytest.raises(UserError, match=r"degradation\.hand\.slur is a Slur"):
        Sketch(hand={"slur": Slur(length=0.1)}, trace={}, page={})


def test_every_operator_is_named_by_a_preset() -> None:
    from henkan.data.operator import Operator
    from henkan.degradations import hand, page, trace

    text = "".join(path.read_text() for path in Path(config_folder()).glob("degradation/*.yaml"))
    classes = [
        f"{module.__name__}.{name}"
        for module in (hand, page, trace)
        for name, one in vars(module).items()
        if isinstance(one, type)
        and issubclass(one, Operator)
        and one.__module__ == module.__name__
        and not name.endswith("Operator")
    ]
    assert len(classes) > 20 and [one for one in classes if one not in text] == []


def test_pencil_heavy_works_in_the_order_of_a_hand() -> None:
    """Helping lines and shading are redrawn like the rest, and what is rubbed and erased lies on the paper."""
    settings = node("pencil_heavy")
    hand, page = list(settings["hand"]), list(settings["page"])
    assert hand[:4] == ["pen", "construction", "hatching", "redraw"] and hand[-2:] == ["taper", "pressure"]
    assert page == ["grain", "smudge", "ghosts", "paper"]


def test_the_noise_of_2018_is_subtracted_from_a_quarter() -> None:
    """Uniform between tenths of the deviation, or normal: `low` 0 to 3 and `high` 5 to 7 of them."""
    sketch = build(node("noise_2018"))
    page = np.full((32, 32, 1), 200, np.uint8)
    items = [{"target": page.transpose(2, 0, 1), **sketch.draw(page, np.random.default_rng(k))} for k in range(600)]
    sample = sketch.apply(to_float(collate(items)))
    taken = (sample["target"] - sample["source"])[:, 0]
    touched = taken.flatten(1).abs().amax(1) > 0
    assert touched.float().mean() == pytest.approx(0.25, abs=0.05)
    kinds, pairs = set(), set()
    for row, amount in zip(sample["parameters"][touched].tolist(), taken[touched] / 0.01, strict=True):
        drawn = sketch.describe(row)["noise.darkening"]
        low, high = drawn["low"], drawn["high"]
        kinds.add(drawn["gaussian"])
        pairs.add((low, high))
        mean, deviation = (low, high) if drawn["gaussian"] else ((low + high) / 2, (high - low) / 12**0.5)
        # Rounded to 8 bits: 0.4 tenths of a deviation.
        assert amount.mean() == pytest.approx(mean, abs=4 * deviation / 32 + 0.05)
        assert amount.std() == pytest.approx(deviation, rel=0.12, abs=0.05)
    assert kinds == {0.0, 1.0}
    assert {low for low, _ in pairs} == {0.0, 1.0, 2.0, 3.0} and {high for _, high in pairs} == {5.0, 6.0, 7.0}
