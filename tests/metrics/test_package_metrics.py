"""Metrics of other people's packages and weights: SSIMULACRA 2, FLIP, DISTS and FID."""

import builtins
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
import torchmetrics.functional.image.dists as reference
from scipy.linalg import sqrtm
from torch import Tensor, nn
from torchvision.models import vgg16 as vgg16_network
from torchvision.transforms.functional import gaussian_blur

from henkan.errors import MissingPackage, MissingWeights, UserError
from henkan.metrics import dists, fid
from henkan.metrics.dists import DISTS
from henkan.metrics.fid import FID
from henkan.metrics.flip import FLIP
from henkan.metrics.ssimulacra2 import SSIMULACRA2
from henkan.pretrained import weights
from henkan.scoring.evaluator import Evaluator


@pytest.fixture(scope="module")
def picture() -> Tensor:
    return torch.from_numpy(skimage.data.astronaut()[:96, 180:276].copy()).permute(2, 0, 1)[None] / 255


def flat(*color: float, side: int = 64) -> Tensor:
    return torch.tensor(color).view(1, 3, 1, 1).expand(1, 3, side, side)


def noise(side: int, state: int) -> Tensor:
    """Pixels of a linear congruential generator."""
    values = []
    for _ in range(3 * side * side):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        values.append(state >> 33 & 255)
    return torch.tensor(values).view(side, side, 3).permute(2, 0, 1)[None] / 255


def ramp(side: int) -> Tensor:
    return (torch.arange(side) * 255 // (side - 1)).expand(1, 3, side, side) / 255


@pytest.mark.parametrize(
    ("target", "value", "wanted", "within"),
    [
        # What libjxl's own program says, as it is recorded by the tests of its port to Rust. Of flat pictures its
        # single precision is most of the difference, the more the nearer they are.
        (ramp(64), 128, -64.56872, 0.05),
        (noise(64, 42), 128, -47.33573, 0.5),
        (flat(*[128 / 255] * 3), 178, -8.75942, 0.1),
        (flat(*[128 / 255] * 3), 148, 56.05856, 0.2),
        (flat(*[128 / 255] * 3), 138, 80.24289, 0.3),
        (flat(*[128 / 255] * 3, side=128), 148, 54.27884, 1),
        (flat(*[128 / 255] * 3, side=32), 178, 85.01410, 0.5),
    ],
)
def test_ssimulacra2_is_the_reference(target: Tensor, value: int, wanted: float, within: float) -> None:
    output = flat(*[value / 255] * 3, side=target.shape[-1])
    assert SSIMULACRA2()(output, target).item() == pytest.approx(wanted, abs=within)


@pytest.mark.parametrize(("metric", "best", "sign"), [(SSIMULACRA2, 100, -1), (FLIP, 0, 1)])
def test_blur_makes_them_worse(metric: Callable[[], Any], best: float, sign: int, picture: Tensor) -> None:
    score = metric()
    others = torch.cat([gaussian_blur(picture, [15, 15], [sigma, sigma]) for sigma in (0.5, 1.0, 2.0)])
    found = score(others, picture.expand_as(others))
    assert score(picture, picture).item() == best and found.dtype == torch.float32
    assert 0 < sign * (found[0] - best) < sign * (found[1] - best) < sign * (found[2] - best)
    # Each by itself, and grey ones as RGB of their own.
    assert torch.equal(score(others[1:2], picture), found[1:2])
    grey, other = picture[:, :1], others[1:2, :1]
    assert torch.equal(score(other, grey), score(other.expand(-1, 3, -1, -1), grey.expand(-1, 3, -1, -1)))


def hunt(color: tuple[float, ...]) -> np.ndarray:
    """CIELAB after Hunt's adjustment, as FLIP takes it, from sRGB."""
    values = np.array(color)
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    matrix = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    x = matrix @ linear / matrix.sum(1)
    f = np.where(x > (6 / 29) ** 3, np.cbrt(x), x * (29 / 6) ** 2 / 3 + 4 / 29)
    lightness = 116 * f[1] - 16
    return np.array([lightness, 5 * lightness * (f[0] - f[1]), 2 * lightness * (f[1] - f[2])])


def far(ours: tuple[float, ...], theirs: tuple[float, ...]) -> float:
    """HyAB to the power of 0.7."""
    difference = hunt(ours) - hunt(theirs)
    return float((abs(difference[0]) + np.hypot(*difference[1:])) ** 0.7)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [((0, 0, 0), (1, 1, 1)), ((0, 1, 0), (0, 0, 1)), ((0.5,) * 3, (0.6,) * 3), ((0.2, 0.4, 0.6), (0.3, 0.4, 0.5))],
)
def test_flip_of_flat_pictures_is_that_of_their_colors(ours: tuple[float, ...], theirs: tuple[float, ...]) -> None:
    most, found = far((0, 1, 0), (0, 0, 1)), far(ours, theirs)
    knee = 0.4 * most
    wanted = 0.95 * found / knee if found < knee else 0.95 + 0.05 * (found - knee) / (most - knee)
    assert FLIP()(flat(*ours), flat(*theirs)).item() == pytest.approx(wanted, abs=1e-3)


def test_a_screen_that_is_nearer_shows_more(picture: Tensor) -> None:
    other = gaussian_blur(picture, [15, 15], [1.0, 1.0])
    assert FLIP(ppd=30)(other, picture) > FLIP()(other, picture)


@pytest.mark.parametrize(
    ("name", "module", "build"),
    [
        ("ssimulacra2", "ssimulacra2", SSIMULACRA2),
        ("flip", "flip_evaluator", FLIP),
        ("fid", "torch_fidelity.feature_extractor_inceptionv3", FID),
    ],
)
def test_without_their_packages_they_are_absent(
    name: str, module: str, build: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    there = builtins.__import__

    def without(wanted: str, *arguments: Any, **others: Any) -> Any:
        if wanted == module:
            raise ModuleNotFoundError(wanted)
        return there(wanted, *arguments, **others)

    fid._network.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingPackage, match=rf"^{name} needs the package .*: pip install 'henkan\[metrics\]'$"):
        build()
    node: dict[str, Any] = {"_target_": f"{build.__module__}.{build.__name__}"}  # type: ignore[attr-defined]
    evaluator = Evaluator({name: node})
    assert "pip install" in evaluator.absent[name] and not evaluator.functions


def test_pictures_that_are_too_small_are_refused() -> None:
    assert SSIMULACRA2()(torch.zeros(1, 3, 8, 9), torch.zeros(1, 3, 8, 9)).item() == 100
    with pytest.raises(UserError, match="8 pixels at least, not 7"):
        SSIMULACRA2()(torch.zeros(1, 3, 7, 40), torch.zeros(1, 3, 7, 40))


@pytest.fixture
def random_vgg16(monkeypatch: pytest.MonkeyPatch) -> Iterator[nn.Module]:
    """Stand random weights in for those of VGG-16: what comes out is plumbing, no DISTS."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = vgg16_network(weights=None)
    monkeypatch.setattr(weights, "load", lambda url: network.state_dict())
    dists._network.cache_clear()
    yield network
    dists._network.cache_clear()


def test_dists_is_torchmetrics_with_our_trunk(
    random_vgg16: nn.Module, picture: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "vgg16", lambda weights: random_vgg16)
    wanted = reference.DISTSNetwork().eval()
    targets = torch.cat([picture[..., :48, :48], picture[..., 48:, 48:]])
    outputs = gaussian_blur(targets, [15, 15], [1.0, 1.0])
    score = DISTS()
    found = score(outputs, targets)
    assert torch.allclose(found, wanted(outputs, targets), atol=1e-6) and (found > 0).all()
    assert torch.allclose(score(outputs[:1], targets[:1]), found[:1], atol=1e-6)
    assert score(targets, targets).abs().max() < 1e-5
    with pytest.raises(UserError, match="16 pixels at least, not 15"):
        score(torch.zeros(1, 3, 15, 40), torch.zeros(1, 3, 15, 40))


@pytest.mark.parametrize(
    ("build", "file"), [(DISTS, "vgg16-397923af.pth"), (FID, "weights-inception-2015-12-05-6726825d.pth")]
)
def test_without_weights_they_say_which(
    build: Callable[[], Any], file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dists._network.cache_clear()
    fid._network.cache_clear()
    monkeypatch.setenv("HENKAN_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(MissingWeights, match=f"{file} is missing"):
        build()


def test_a_file_that_is_not_inception_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fid._network.cache_clear()
    monkeypatch.setenv("HENKAN_WEIGHTS", str(tmp_path))
    (tmp_path / "weights-inception-2015-12-05-6726825d.pth").write_bytes(b"something else")
    with pytest.raises(UserError, match="is damaged"):
        FID()


class Means(nn.Module):
    """Mean and deviation of each channel: features enough for a closed form."""

    num_features = 6

    def forward(self, images: Tensor) -> Tensor:
        assert images.dtype == torch.uint8
        values = images.double().flatten(2) / 255
        return torch.cat([values.mean(2), values.std(2)], 1)


def test_fid_is_the_distance_of_two_normal_distributions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fid, "_network", Means)
    generator = torch.Generator().manual_seed(0)
    bytes_ = torch.randint(256, (2, 60, 3, 6, 6), generator=generator)
    target = bytes_[1] / 255
    output = (bytes_[0] // 2) / 255
    metric = FID(minimum=50)
    for ours, theirs in zip(output.split(25), target.split(25), strict=True):
        metric.update(output=ours, target=theirs)
    x, y = (Means()((255 * images).round().byte()).numpy() for images in (output, target))
    a, b = np.cov(x.T), np.cov(y.T)
    wanted = np.square(x.mean(0) - y.mean(0)).sum() + np.trace(a + b - 2 * sqrtm(a @ b).real)
    assert metric.compute() == pytest.approx(wanted, rel=1e-5)
    metric.reset()
    metric.update(output=target[:49], target=target[:49])
    assert math.isnan(metric.compute())
    metric.update(output=target[49:], target=target[49:])
    assert metric.compute() == pytest.approx(0, abs=1e-6)
