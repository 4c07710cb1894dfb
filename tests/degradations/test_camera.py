"""What lenses, sensors and files do: kernels, noise, JPEG, one by one."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from henkan.data.operator import Draws
from henkan.degradations.blur_kernels import SHAPES, blur_kernels
from henkan.degradations.camera import Blur, CameraOperator, Jpeg, Resize, Ringing, SensorNoise, UnsharpMask, filtered
from henkan.degradations.jpeg import basis, compressed
from henkan.degradations.shot_noise import shot_noise
from henkan.errors import UserError

SIZE = (16, 16)
METHODS = {"area": 1.0, "bilinear": 1.0, "bicubic": 1.0}


def kernels(shape: str, **settings: float) -> np.ndarray:
    given = {"side": 21.0, "sigma": 1.5, "ratio": 1.0, "angle": 0.0, "power": 1.0, "cutoff": np.pi / 2, **settings}
    one = {name: np.array([value]) for name, value in given.items()}
    sigma = np.stack((one["sigma"], one["sigma"] * one["ratio"]), axis=1)
    index = np.array([SHAPES.index(shape)])
    return blur_kernels(21, one["side"], index, sigma, one["angle"], one["power"], one["cutoff"])[0]


def smooth(batch: int = 1, side: int = 32) -> Tensor:
    """Pictures with structure, in [0.2, 0.8]."""
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    waves = [0.5 + 0.3 * torch.sin(x / (2 + c) + b) * torch.cos(y / (3 + c)) for b in range(batch) for c in range(3)]
    return torch.stack(waves).view(batch, 3, side, side)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("side", [7, 15, 21])
def test_kernels_sum_to_one_within_their_side(shape: str, side: int) -> None:
    kernel = kernels(shape, side=side, ratio=2.0, angle=0.7, power=1.7)
    assert kernel.shape == (21, 21) and kernel.sum() == pytest.approx(1.0)
    rim = (21 - side) // 2
    inside = kernel[rim : 21 - rim, rim : 21 - rim]
    assert np.count_nonzero(kernel) == np.count_nonzero(inside) and inside[0, side // 2] != 0
    # Half a turn changes nothing.
    assert np.allclose(kernel, kernel[::-1, ::-1])


def test_kernels_are_the_published_formulas() -> None:
    gaussian = kernels("gaussian")
    assert gaussian[10, 12] / gaussian[10, 10] == pytest.approx(np.exp(-4 / (2 * 1.5**2)))
    assert np.allclose(kernels("generalized"), gaussian)
    pointed = kernels("generalized", power=0.5)
    assert pointed[10, 12] / pointed[10, 10] == pytest.approx(np.exp(-0.5 * (2 / 1.5)))
    flat = kernels("plateau", power=2.0)
    assert flat[10, 12] / flat[10, 10] == pytest.approx(1 / (1 + (4 / 1.5**2) ** 2))
    # Along its own first axis sigma is the first one; turned by a quarter it lies across.
    long = kernels("gaussian", ratio=2.0)
    assert long[12, 10] > long[10, 12]
    assert np.allclose(kernels("gaussian", ratio=2.0, angle=np.pi / 2), long.T)


def test_ringing_lets_low_frequencies_through_and_no_high_ones() -> None:
    kernel = kernels("sinc", cutoff=np.pi / 3)
    spectrum = np.abs(np.fft.fft2(np.fft.ifftshift(kernel), (21, 21)))[0]
    # Of 21 steps to a whole turn, 3.5 are a third of the highest.
    assert spectrum[:2] == pytest.approx([1.0, 1.0], abs=0.1) and spectrum[7:11].max() < 0.1
    assert kernel.min() < 0


def test_a_tiny_deviation_is_a_delta_and_each_picture_has_its_own_kernel() -> None:
    pictures = torch.rand(2, 3, 12, 9)
    both = np.stack((kernels("gaussian", sigma=0.05), kernels("gaussian", sigma=5.0)))
    found = filtered(pictures, both)
    torch.testing.assert_close(found[0], pictures[0])
    assert found[1].std() < 0.3 * pictures[1].std()
    torch.testing.assert_close(filtered(pictures[1:], both[1:]), found[1:])
    assert torch.allclose(filtered(torch.full((2, 3, 4, 4), 0.3), both), torch.tensor(0.3))


SETTINGS = {"sigma_x": [0.2, 3.0], "sigma_y": [0.2, 3.0], "generalized": [0.5, 4.0], "plateau": [1.0, 2.0]}


def drawn(operator: CameraOperator, count: int = 4000) -> dict[str, np.ndarray]:
    draws = Draws({"one": operator})
    rows = np.stack([draws.draw(number) for number in range(count)])
    return {
        setting: np.array([operator.drawn(setting, share) for share in rows[:, draws.columns["one", setting]]])
        for setting in draws.settings("one")
    }


def test_names_are_drawn_by_their_weights_and_exponents_about_one() -> None:
    weights = {"anisotropic": 3.0, "sinc": 1.0, "isotropic": 0.0}
    blur = Blur(kinds=weights, **SETTINGS)
    found = drawn(blur)
    said = [blur.said("kinds", kind) for kind in found["kinds"]]
    assert set(said) == {"anisotropic", "sinc"} and said.count("sinc") / len(said) == pytest.approx(0.25, abs=0.02)
    assert set(found["reach"]) == set(range(3, 11))
    beta = found["generalized"]
    assert beta.min() >= 0.5 and 3.9 < beta.max() <= 4.0 and np.mean(beta < 1) == pytest.approx(0.5, abs=0.02)
    assert beta[beta < 1].mean() == pytest.approx(0.75, abs=0.01) and beta[beta > 1].mean() == pytest.approx(
        2.5, abs=0.1
    )
    assert np.mean(found["plateau"] == 1.0) == pytest.approx(0.5, abs=0.02)
    assert 0.2 <= found["sigma_x"].min() < found["sigma_x"].max() <= 3.0
    assert abs(np.corrcoef(found["sigma_x"], found["sigma_y"])[0, 1]) < 0.05


def test_which_kernel_a_kind_means() -> None:
    blur = Blur(kinds={"sinc": 1.0}, **SETTINGS)
    count = len(blur.names["kinds"])
    one = np.ones(count)
    given = {"reach": 10 * one, "sigma_x": one, "sigma_y": 3 * one, "angle": 90 * one, "generalized": 0.5 * one}
    found = blur.kernels(np.arange(count), **given, plateau=2 * one, cutoff=0.9 * one, cutoff_wide=0.5 * one)
    # Wide by the second deviation and a quarter turn, or alike in both directions.
    alike = [np.allclose(kernel, kernel.T) for kernel in found]
    assert dict(zip(blur.names["kinds"], alike, strict=True)) == {
        name: "anisotropic" not in name or "_iso" in name for name in blur.names["kinds"]
    } | {"anisotropic": False, "generalized_anisotropic": False, "plateau_anisotropic": False}
    assert np.allclose(found[0], kernels("gaussian", sigma=1.0))
    assert np.allclose(found[2], kernels("generalized", sigma=1.0, power=0.5))
    assert np.allclose(found[4], kernels("plateau", sigma=1.0, power=2.0))
    assert np.allclose(found[6], kernels("sinc", cutoff=np.pi / 2))
    small = {**given, "reach": 5 * one}
    narrow = blur.kernels(np.full(count, 6), **small, plateau=2 * one, cutoff=0.9 * one, cutoff_wide=0.5 * one)
    assert np.allclose(narrow[0], kernels("sinc", side=11, cutoff=0.9 * np.pi))


def test_ringing_overshoots_at_an_edge() -> None:
    edge = (torch.arange(32) >= 16).float().expand(1, 3, 32, 32) * 0.5 + 0.25
    found = Ringing()(edge, torch.tensor([1]), SIZE, reach=np.array([10.0]), cutoff=np.array([1 / 3]))
    assert torch.stack(list(found)).max() > 0.78


def test_resizing_takes_each_picture_to_its_own_size() -> None:
    pictures = smooth(3, 16)
    resize = Resize(ways={"up": 1.0, "down": 1.0, "keep": 1.0}, up=[1.0, 1.5], down=[0.15, 1.0], methods=METHODS)
    settings = {"up": np.full(3, 1.5), "down": np.full(3, 0.3), "methods": np.array([2.0, 0.0, 1.0])}
    found = resize(pictures, torch.arange(3), SIZE, ways=np.array([0.0, 1.0, 2.0]), **settings)
    assert [tuple(one.shape) for one in found] == [(3, 24, 24), (3, 4, 4), (3, 16, 16)]
    assert torch.equal(found[2], pictures[2])
    assert torch.allclose(found[1], torch.nn.functional.interpolate(pictures[1:2], (4, 4), mode="area")[0])
    # A factor is of `size`, whatever the picture has become.
    (one,) = resize(
        pictures[:1], torch.arange(1), (8, 6), ways=np.array([0.0]), **{k: v[:1] for k, v in settings.items()}
    )
    assert tuple(one.shape) == (3, 12, 9)


def noise(kind: int, color: int, pictures: Tensor, amount: float, seeds: Tensor | None = None) -> Tensor:
    operator = SensorNoise(
        kinds={"gaussian": 1.0, "poisson": 1.0}, colors={"grey": 1.0, "color": 1.0}, deviation=1.0, strength=1.0
    )
    count = len(pictures)
    settings = {"kinds": kind, "colors": color, "deviation": amount, "strength": amount}
    seeds = torch.arange(count) + 7 if seeds is None else seeds
    found = operator(pictures, seeds, SIZE, **{name: np.full(count, float(value)) for name, value in settings.items()})
    return torch.stack(list(found))


def test_gaussian_noise_has_its_deviation_grey_or_in_color() -> None:
    flat = torch.full((2, 3, 64, 64), 0.5)
    for color in (0, 1):
        added = noise(0, color, flat, 20.0) - flat
        assert added.std().item() == pytest.approx(20 / 255, rel=0.03) and abs(added.mean()) < 0.002
        assert torch.equal(added[:, 0], added[:, 1]) == (color == 0)
    assert noise(0, 1, flat, 500.0).min() == 0 and noise(0, 1, flat, 500.0).max() == 1


def test_shot_noise_is_poissons() -> None:
    # A ramp of all 256 levels: white is 256 photons, so a level of k has k · 256/255 of them.
    ramp = (torch.arange(256) / 255).expand(1, 1, 400, 256)
    added = shot_noise(ramp, torch.tensor([5]))[0, 0]
    photons = (added + ramp[0, 0]) * 256
    torch.testing.assert_close(photons, photons.round(), atol=1e-3, rtol=0)
    mean = torch.arange(256) * 256 / 255
    assert ((photons.mean(0) - mean).abs() < 5 * (mean / 400).sqrt() + 1e-3).all()
    assert (photons.var(0)[1:] / mean[1:]).mean().item() == pytest.approx(1.0, abs=0.03)
    assert photons[:, 0].abs().max() == 0
    few = photons[:, 1].round().long().bincount(minlength=4)[:4] / 400
    expected = torch.tensor([np.exp(-256 / 255) * (256 / 255) ** n / max(1, n * (n - 1)) for n in range(3)])
    assert (few[:3] - expected).abs().max() < 0.08
    # Four levels are four photons.
    coarse = (torch.arange(4) / 3).repeat(64).expand(1, 1, 32, 256)
    counted = (shot_noise(coarse, torch.tensor([6])) + (coarse * 255).round() / 255) * 4
    torch.testing.assert_close(counted, counted.round(), atol=1e-4, rtol=0)


def test_noise_of_photons_has_its_strength_grey_or_in_color() -> None:
    pictures = smooth(2, 64)
    once, twice = (noise(1, 1, pictures, strength) - pictures for strength in (0.5, 1.0))
    assert (twice.std() / once.std()).item() == pytest.approx(2.0, abs=0.02)
    grey = noise(1, 0, pictures, 1.0) - pictures
    torch.testing.assert_close(grey[:, 0], grey[:, 2], atol=1e-6, rtol=0)
    assert grey.std() > 0.01 and not torch.equal(once[:, 0], once[:, 1])


def test_a_pictures_noise_depends_on_its_own_seed_alone() -> None:
    pictures, seeds = smooth(3, 16), torch.tensor([1, 2, 3])
    for kind in (0, 1):
        whole = noise(kind, 1, pictures, 1.0, seeds)
        assert torch.equal(noise(kind, 1, pictures[1:2], 1.0, seeds[1:2])[0], whole[1])
        assert not torch.equal(noise(kind, 1, pictures, 1.0, seeds + 1), whole)


def photograph(height: int = 77, width: int = 90) -> np.ndarray:
    from skimage.data import astronaut

    return astronaut()[60 : 60 + height, 180 : 180 + width]


@pytest.mark.parametrize(("quality", "least"), [(30, 42.0), (50, 43.0), (75, 45.0), (95, 45.0)])
def test_jpeg_is_that_of_libjpeg(quality: int, least: float) -> None:
    picture, file = photograph(), io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    expected = np.asarray(Image.open(file)) / 255.0
    given = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None] / 255
    found = compressed(given, torch.tensor([float(quality)]))[0].permute(1, 2, 0).numpy()
    assert -10 * np.log10(np.square(found - expected).mean()) > least
    # It loses as much as a file does, and keeps nothing that a file would not.
    ours, theirs = (np.square(one - picture / 255.0).mean() for one in (found, expected))
    assert ours / theirs == pytest.approx(1.0, abs=0.05)


def test_jpeg_works_on_blocks_and_leaves_flat_ones_alone() -> None:
    cosines = basis(torch.device("cpu"))
    torch.testing.assert_close(cosines @ cosines.T, torch.eye(8), atol=1e-6, rtol=0)
    grey = torch.full((1, 3, 20, 20), 100 / 255)
    torch.testing.assert_close(compressed(grey, torch.tensor([90.0])), grey)
    levels = compressed(smooth(2, 20), torch.tensor([30.0, 90.0])) * 255
    torch.testing.assert_close(levels, levels.round(), atol=1e-4, rtol=0)
    torch.testing.assert_close(compressed(smooth(2, 20)[1:], torch.tensor([90.0])) * 255, levels[1:])
    one = compressed(smooth(1, 16)[:, :1], torch.tensor([50.0]))
    assert one.shape == (1, 1, 16, 16) and (one - smooth(1, 16)[:, :1]).abs().mean() < 0.03


def test_jpeg_takes_each_its_quality() -> None:
    pictures = torch.from_numpy(photograph().copy()).permute(2, 0, 1).expand(2, -1, -1, -1) / 255
    found = Jpeg(quality=[30, 95])(pictures, torch.arange(2), SIZE, quality=np.array([30.0, 95.0]))
    errors = [(one - pictures[0]).square().mean() for one in found]
    assert errors[0] > 4 * errors[1]
    assert set(drawn(Jpeg(quality=[30, 95]))["quality"]) == set(range(30, 96))


def test_sharpening_is_of_edges_alone() -> None:
    flat = torch.full((1, 3, 60, 60), 0.4)
    torch.testing.assert_close(UnsharpMask()(flat), flat)
    edge = torch.where(torch.arange(60) < 30, 0.3, 0.7).expand(1, 3, 60, 60).contiguous()
    sharp = UnsharpMask()(edge)
    assert sharp[..., 30].min() > 0.75 and sharp[..., 29].max() < 0.25
    torch.testing.assert_close(UnsharpMask(threshold=255.0)(edge), edge)
    faint = 0.5 + (edge - 0.5) * 0.05
    torch.testing.assert_close(UnsharpMask()(faint), faint)


def test_settings_that_cannot_be() -> None:
    with pytest.raises(UserError, match=r"Blur\.kinds\.round: there are isotropic, anisotropic"):
        Blur(kinds={"round": 1.0}, **SETTINGS)
    with pytest.raises(UserError, match=r"Resize\.ways=\{'up': 0\.0\}: weights are 0 or more, not all 0"):
        Resize(ways={"up": 0.0}, methods=METHODS)
    with pytest.raises(UserError, match=r"Blur\.plateau=\[1\.5, 2\.0\] must hold 1"):
        Blur(kinds={"sinc": 1.0}, **{**SETTINGS, "plateau": [1.5, 2.0]})
    with pytest.raises(UserError, match=r"Jpeg\.quality=\[95\.0, 30\.0\] must rise"):
        Jpeg(quality=[95, 30])
    for reach in ([3, 11], [-1, 3]):
        with pytest.raises(UserError, match=r"Ringing\.reach=\[.*\] must lie in \[0, 10\]"):
            Ringing(reach=reach)
    with pytest.raises(UserError, match=r"Blur\.sigma_y=\[0, 1\] must be 0\.01 or more"):
        Blur(kinds={"sinc": 1.0}, **{**SETTINGS, "sigma_y": [0, 1]})
    with pytest.raises(UserError, match=r"Jpeg\.quality=\[30, 101\] must lie in \[1, 100\]"):
        Jpeg(quality=[30, 101])
    with pytest.raises(UserError, match=r"UnsharpMask\.side=50 must be odd"):
        UnsharpMask(side=50)
