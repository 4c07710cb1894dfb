"""Haze: the physics, what is drawn, and the depth that pictures without one are given."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from kornia.color import linear_rgb_to_rgb, rgb_to_linear_rgb
from omegaconf import OmegaConf
from torch import Tensor

from henkan.config.build import build
from henkan.config.composition import compose_root
from henkan.data.stream import collate
from henkan.degradations.haze import EvenHaze, Haze, Scattering, Scene, recovered, scattered, transmission_of
from henkan.errors import UserError
from henkan.launching.execute import execute
from henkan.randomness import generator_for
from henkan.sample import Sample, to_8_bit, to_float

SCENE: Mapping[str, Any] = {"horizon": [0.2, 0.6], "slope": [-0.1, 0.1], "near": [0.05, 0.3], "relief": [0.0, 0.4]}


def haze(**given: Any) -> Haze:
    return Haze(**{"beta": [0.6, 1.8], "airlight": [0.7, 1.0], "scene": Scene(**SCENE, things=[0, 4]), **given})


def picture(side: int = 32) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (side, side, 3), dtype=np.uint8)


def applied(degradation: Scattering, count: int = 4, side: int = 32, **companions: Tensor) -> Sample:
    target = picture(side)
    items = [{"target": target.transpose(2, 0, 1), **degradation.draw(target, generator_for(k))} for k in range(count)]
    return degradation.apply({**to_float(collate(items)), **companions})


def test_transmission_at_one() -> None:
    one = torch.ones(1, 1, 1, 1)
    assert transmission_of(one, one).item() == pytest.approx(0.367879, abs=1e-6)


@pytest.mark.parametrize("least", [0.1, 0.3])
def test_the_true_haze_is_taken_back(least: float) -> None:
    clear = torch.rand(4, 3, 16, 16, dtype=torch.float64)
    t = torch.empty(4, 1, 16, 16, dtype=torch.float64).uniform_(least, 1.0)
    airlight = torch.rand(4, 3, 1, 1, dtype=torch.float64)
    hazy = scattered(clear, t, airlight)
    assert (recovered(hazy, t, airlight, least) - clear).abs().max() <= 1e-12
    # In single precision, which runs compute in.
    single = recovered(hazy.float(), t.float(), airlight.float(), least)
    assert (single - clear).abs().max() <= 1e-6
    # Below the bound less is taken back than there is.
    assert (recovered(scattered(clear, t / 100, airlight), t / 100, airlight, least) - clear).abs().max() > 0.1


def test_gradients_of_both() -> None:
    clear, t = (torch.rand(1, c, 3, 3, dtype=torch.float64).mul(0.5).add(0.3).requires_grad_() for c in (3, 1))
    airlight = torch.full((1, 3, 1, 1), 0.9, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda j, s: scattered(j, s, airlight), (clear, t))
    assert torch.autograd.gradcheck(lambda j, s: recovered(j, s, airlight, 0.1), (clear, t))


def test_the_source_is_the_formula_rounded_to_8_bits() -> None:
    sample = applied(haze(tinted=True))
    t, airlight = sample["transmission"], sample["airlight"]
    assert t.shape == (4, 1, 32, 32) and airlight.shape == (4, 3, 1, 1)
    assert torch.equal(sample["source"], to_8_bit(sample["target"] * t + airlight * (1 - t)))
    beta = torch.tensor([haze().describe(row)["beta"] for row in sample["parameters"].tolist()]).view(-1, 1, 1, 1)
    torch.testing.assert_close(t, torch.exp(-beta * sample["depth"]), atol=1e-6, rtol=0)


def test_ranges_are_those_of_reside_unless_said_otherwise() -> None:
    default = build(OmegaConf.to_container(compose_root("train", ["degradation=haze"]).degradation))
    rows = [default.draw(picture(8), generator_for(k))["parameters"].tolist() for k in range(200)]
    told = [default.describe(row) for row in rows]
    betas, lights = (np.array([one[name] for one in told]) for name in ("beta", "airlight"))
    assert 0.6 <= betas.min() < 0.65 and 1.75 < betas.max() <= 1.8
    assert 0.7 <= lights.min() < 0.72 and 0.98 < lights.max() <= 1.0
    assert (np.ptp(lights, axis=1) == 0).all(), "grey"


def test_the_set_of_aod_net() -> None:
    aod = build(OmegaConf.to_container(compose_root("train", ["degradation=haze_aod"]).degradation))
    told = [aod.describe(aod.draw(picture(8), generator_for(k))["parameters"].tolist()) for k in range(200)]
    assert sorted({round(one["beta"], 9) for one in told}) == [0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6]
    lights = np.array([one["airlight"] for one in told])
    assert 0.6 <= lights.min() < 0.62 and np.ptp(lights, axis=1).max() > 0.3


def test_given_depth_is_taken_and_no_scene_told() -> None:
    depth = torch.linspace(-0.5, 3.0, 32).view(1, 1, 1, 32).expand(4, 1, 32, 32)
    degradation = haze()
    sample = applied(degradation, depth=depth)
    assert torch.equal(sample["depth"], depth.clamp(min=0))
    assert sample["transmission"].max() == 1 and torch.equal(sample["source"][..., 0], sample["target"][..., 0])
    assert [degradation.describe(row)["scene"] for row in sample["parameters"].tolist()] == [None] * 4
    assert all(degradation.describe(row)["scene"] for row in applied(degradation)["parameters"].tolist())


def test_a_scene_is_ground_sky_and_things() -> None:
    level = {"horizon": 0.5, "slope": 0.0, "near": 0.1, "relief": 0.0}
    seeds = torch.arange(16)

    def depths(things: float, **given: float) -> Tensor:
        settings = {name: torch.full((16, 1, 1, 1), value) for name, value in {**level, **given}.items()}
        return Scene(**SCENE, things=[0, 4])(seeds, 64, 48, things=torch.full((16, 1, 1, 1), things), **settings)

    plain = depths(0)
    assert (plain[:, :, :32] == 1).all(), "sky"
    below = (torch.arange(32, 64) + 0.5) / 64 - 0.5
    expected = (0.05 / below).clamp(max=1).view(1, 1, -1, 1).expand(16, 1, 32, 48)
    torch.testing.assert_close(plain[:, :, 32:], expected)
    things = depths(4)
    assert (things <= plain).all() and (things < plain).float().mean() > 0.05
    assert things.min() >= 0.1 - 1e-6 and things.max() == 1
    assert not torch.equal(things[0], things[1])
    hilly = depths(0, relief=0.4)
    assert hilly.min() > 0 and hilly.max() == 1 and (hilly[:, :, 48:] - plain[:, :, 48:]).abs().max() > 0.01
    # The picture of another size is the same scene.
    assert depths(4).shape == (16, 1, 64, 48)


def test_a_sample_does_not_depend_on_its_batch() -> None:
    whole, first = applied(haze(), 4), applied(pickle.loads(pickle.dumps(haze())), 1)
    for key in ("source", "transmission", "airlight", "depth", "parameters", "window", "window_real"):
        assert torch.equal(whole[key][:1], first[key]), key
    assert not torch.equal(whole["source"][0], whole["source"][1])


def test_light_is_scattered_with_linear() -> None:
    sample = applied(haze(linear=True))
    t, airlight = sample["transmission"], sample["airlight"]
    light = scattered(rgb_to_linear_rgb(sample["target"]), t, airlight)
    assert torch.equal(sample["source"], to_8_bit(linear_rgb_to_rgb(light)))
    assert sample["source"].mean() > applied(haze())["source"].mean() + 0.02, "black is lifted more"


def test_a_grey_picture_stays_grey() -> None:
    grey = torch.rand(4, 1, 32, 32).expand(-1, 3, -1, -1)
    sample = applied(haze(), target=grey)
    assert (sample["source"].amax(1) - sample["source"].amin(1)).max() == 0


def test_even_haze() -> None:
    sample = applied(EvenHaze([0.0, 1.0], [1.0, 1.0]), 64, 16)
    t = sample["transmission"]
    assert t.shape == (64, 1, 16, 16) and (t.amax((1, 2, 3)) == t.amin((1, 2, 3))).all()
    assert t.min() < 0.1 and t.max() > 0.9 and (sample["airlight"] == 1).all()
    assert torch.equal(sample["source"], to_8_bit(1 - (1 - sample["target"]) * t))


def test_what_was_drawn_is_written(pictures: Path, tmp_path: Path) -> None:
    words = ["task=dehazing", "degradation=haze", "data=image_folder", f"data.path={pictures}", "scale=smoke"]
    words += [f"output={tmp_path / 'pairs'}", f"paths.cache={tmp_path / 'cache'}", "count=3", "splits=[train]"]
    assert execute("degrade", [*words, "workers=0"]).code == 0
    rows = [json.loads(line) for line in (tmp_path / "pairs" / "manifest.jsonl").read_text().splitlines()]
    assert len(rows) == 3 and (tmp_path / "pairs" / "source" / "train" / "0000000.png").is_file()
    for row in rows:
        drawn = row["drawn"]
        assert 0.6 <= drawn["beta"] <= 1.8 and all(0.7 <= light <= 1.0 for light in drawn["airlight"])
        assert set(drawn["scene"]) == {"seed", *SCENE, "things"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"beta": [1.0, 0.5]}, r"beta=\[1, 0.5\]"),
        ({"beta": [-1.0, 0.5]}, "beta="),
        ({"airlight": [0.5, 1.5]}, "airlight="),
        ({"levels": 1}, "levels=1"),
    ],
)
def test_settings_out_of_range(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        haze(**given)


def test_scenes_and_veils_out_of_range() -> None:
    for name, wrong in {"horizon": [0.5, 1.0], "near": [0.0, 0.1], "things": [0, 5], "relief": [-1.0, 0.0]}.items():
        with pytest.raises(UserError, match=rf"scene\.{name}="):
            Scene(**{**SCENE, "things": [0, 4], name: wrong})
    with pytest.raises(UserError, match="transmission="):
        EvenHaze([0.0, 1.1], [1.0, 1.0])


def test_drawings_are_refused() -> None:
    with pytest.raises(UserError, match=r"a\.png: haze needs pictures in color"):
        haze().draw(np.zeros((8, 8, 1), np.uint8), generator_for(0), "a.png")
