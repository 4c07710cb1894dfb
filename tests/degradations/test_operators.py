"""What operators draw, and the noise they are made of."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from henkan.data.operator import Draws, uniform
from henkan.degradations.hand import Redraw, Wobble
from henkan.degradations.noise import clouds, normal, white
from henkan.degradations.page import Noise
from henkan.errors import UserError

WOBBLE = Wobble(amplitude=[0.01, 0.02], wavelength=0.2)
REDRAW = Redraw(passes=[2, 4], offset=[0.0, 0.01])


def test_draws_lie_in_their_ranges_and_fill_them() -> None:
    draws = Draws({"wobble": WOBBLE, "redraw": REDRAW})
    rows = np.stack([draws.draw(number) for number in range(4000)])
    amplitude = rows[:, draws.columns["wobble", "amplitude"]]
    assert amplitude.min() >= 0.01 and amplitude.max() <= 0.02
    assert amplitude.mean() == pytest.approx(0.015, abs=2e-4)
    assert set(rows[:, draws.columns["redraw", "passes"]]) == {2.0, 3.0, 4.0}
    assert (rows[:, draws.columns["wobble", "wavelength"]] == 0.2).all()
    assert (rows[:, draws.columns["wobble", "happens"]] == 1).all()


def test_leaving_an_operator_out_changes_nothing_in_the_others() -> None:
    both, alone = Draws({"redraw": REDRAW, "wobble": WOBBLE}), Draws({"wobble": WOBBLE})
    told = both.describe(both.draw(7).tolist())
    assert told["wobble"] == alone.describe(alone.draw(7).tolist())["wobble"]
    assert told["redraw"] != both.describe(both.draw(8).tolist())["redraw"]


def test_chance_is_how_often_it_happens() -> None:
    draws = Draws({"noise": Noise(deviation=0.1, chance=0.25)})
    happens = [draws.draw(number)[0] for number in range(4000)]
    assert np.mean(happens) == pytest.approx(0.25, abs=0.03)
    missed = next(number for number, value in enumerate(happens) if not value)
    assert draws.describe(draws.draw(missed).tolist()) == {"noise": None}


@pytest.mark.parametrize(
    "settings", [{"amplitude": [0.2, 0.1]}, {"amplitude": [0.1, 0.2, 0.3]}, {"amplitude": 0.1, "chance": 1.5}]
)
def test_settings_that_cannot_be(settings: dict[str, object]) -> None:
    with pytest.raises(UserError, match="Wobble"):
        Wobble(wavelength=0.1, **settings)  # type: ignore[arg-type]


def test_splitmix64_gives_the_published_numbers() -> None:
    # The first outputs of SplitMix64 seeded by 1234567 are those of state + k * gamma, finalized.
    gamma = np.uint64(0x9E3779B97F4A7C15)
    with np.errstate(over="ignore"):
        states = np.uint64(1234567) + np.arange(2, dtype=np.uint64) * gamma
    expected = np.array([6457827717110365317, 3203168211198807973], np.uint64)
    assert uniform(states) == pytest.approx((expected >> np.uint64(11)) * 2.0**-53, abs=0)


def test_white_noise_is_uniform_without_correlation_and_depends_on_seed_and_place_alone() -> None:
    seeds = torch.tensor([3, 4, 2_000_000_000])
    noise = white(seeds, 64, 48, 2)
    assert noise.shape == (3, 2, 64, 48) and noise.min() >= 0 and noise.max() < 1
    assert noise.mean().item() == pytest.approx(0.5, abs=0.01)
    assert noise.var().item() == pytest.approx(1 / 12, abs=0.002)
    flat = noise - 0.5
    for shifted in (flat.roll(1, 2), flat.roll(1, 3), flat.roll(1, 1), flat.roll(1, 0)):
        assert abs((flat * shifted).mean().item()) < 0.002
    assert torch.equal(white(seeds[1:2], 32, 16)[0, 0], noise[1, 0, :32, :16])


def test_normal_and_smooth_noise() -> None:
    seeds = torch.arange(8)
    values = normal(seeds, 64, 64)
    assert values.isfinite().all() and values.std().item() == pytest.approx(1.0, abs=0.01)
    smooth = clouds(seeds, torch.full((8,), 0.25), 64, 64)
    # A quarter of the side apart: neighbors hardly differ.
    assert (smooth[..., 1:] - smooth[..., :-1]).abs().mean() < 0.15 * smooth.std()
    assert 0.4 < smooth.std().item() < 1.2
    assert torch.equal(clouds(seeds[2:3], torch.tensor([0.25]), 64, 64)[0], smooth[2])


def test_clouds_have_no_lattice() -> None:
    # Between the values that it interpolates, smooth noise is weaker; over many seeds no place may be.
    many = clouds(torch.arange(2000), torch.full((2000,), 0.3), 64, 64)
    spread = many.std(0)
    assert spread.min() > 0.85 * spread.mean() and spread.max() < 1.15 * spread.mean()
