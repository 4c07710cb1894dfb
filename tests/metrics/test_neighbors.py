"""Precision, recall, density and coverage: against scikit-learn, on sets told by hand, and on pictures."""

import math
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
from published import published
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from henkan.errors import MissingWeights
from henkan.metrics import lite0, vgg16
from henkan.metrics.neighbors import Coverage, Density, Precision, Recall

ALL = {"precision": Precision, "recall": Recall, "density": Density, "coverage": Coverage}


def scored(outputs: Tensor, targets: Tensor, **settings: Any) -> dict[str, float]:
    """Score sets of features."""
    found = {}
    for name, kind in ALL.items():
        metric = kind(minimum=2, **settings)
        metric._outputs, metric._targets = list(outputs.split(100)), list(targets.split(100))
        found[name] = metric.compute()
    return found


def by_sklearn(outputs: np.ndarray, targets: np.ndarray, k: int) -> dict[str, float]:
    def reach(points: np.ndarray) -> np.ndarray:
        far, _ = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(points).kneighbors(points)
        return np.asarray(far[:, -1])

    distance = np.sqrt(np.square(outputs[:, None] - targets[None]).sum(-1))
    in_targets, in_outputs = distance <= reach(targets), reach(outputs) >= distance.T
    return {
        "precision": in_targets.any(1).mean(),
        "recall": in_outputs.any(1).mean(),
        "density": in_targets.sum() / (k * len(outputs)),
        "coverage": in_targets.any(0).mean(),
    }


@pytest.mark.parametrize(("k", "width", "shift"), [(3, 1.0, 0.0), (3, 0.6, 0.5), (5, 1.5, 1.0), (5, 0.3, 0.0)])
def test_they_are_those_of_another_implementation(k: int, width: float, shift: float) -> None:
    random = np.random.default_rng(k)
    # More than are there at once.
    outputs, targets = shift + width * random.normal(size=(600, 4)), random.normal(size=(600, 4))
    found = scored(torch.from_numpy(outputs), torch.from_numpy(targets), k=k)
    assert found == pytest.approx(by_sklearn(outputs, targets, k), abs=1e-12)
    assert 0 < found["recall"] <= 1 and 0 < found["precision"] <= 1


def test_on_a_line() -> None:
    # Balls of 1 around each of 0, 1, 2, 3, and of 7 and 13 around 10 and 16, up to the nearest; outputs' of 0.5 and 20.
    targets = torch.tensor([[0.0], [1.0], [2.0], [3.0], [10.0]], dtype=torch.float64)
    outputs = torch.tensor([[0.5], [0.5], [2.5], [30.0], [31.0]], dtype=torch.float64)
    found = scored(outputs, targets, k=1)
    # 0.5 twice in the balls of 0 and 1, 2.5 in those of 2 and 3; the farther ones in none (10's ball ends at 3 and 17).
    assert found["precision"] == pytest.approx(3 / 5)
    assert found["density"] == pytest.approx((2 + 2 + 2) / 5)
    assert found["coverage"] == pytest.approx(4 / 5)
    # Outputs reach 0, 0, 2, 1 and 1 far: 1, 2 and 3 lie within 2 of 2.5.
    assert found["recall"] == pytest.approx(3 / 5)


def test_the_defaults_are_the_papers() -> None:
    assert [kind().k for kind in ALL.values()] == [3, 3, 5, 5]


def test_sets_of_one_distribution_score_high_and_other_ones_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, 1000, 16, generator=generator, dtype=torch.float64)
    alike, apart = scored(x, y), scored(x + 100, y)
    assert alike["precision"] > 0.7 and alike["recall"] > 0.7 and alike["coverage"] > 0.9
    assert alike["density"] == pytest.approx(1, abs=0.1)
    assert set(apart.values()) == {0}


def test_what_is_the_same_is_inside_a_ball_without_width() -> None:
    same = torch.full((50, 1280), 1 / 3, dtype=torch.float64)
    assert scored(same, same.clone()) == {"precision": 1, "recall": 1, "density": 10, "coverage": 1}
    targets = torch.randn(50, 1280, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert scored(targets.clone(), targets)["precision"] == 1


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    """Forty-eight crops of photographs, 64 px."""
    crops = [
        torch.from_numpy(photograph[y : y + 64, x : x + 64].copy()).permute(2, 0, 1)
        for photograph in (skimage.data.chelsea(), skimage.data.coffee(), skimage.data.astronaut())
        for y in np.linspace(0, photograph.shape[0] - 64, 4).astype(int)
        for x in np.linspace(0, photograph.shape[1] - 64, 4).astype(int)
    ]
    return torch.stack(crops) / 255


def of_pictures(output: Tensor, target: Tensor, batch: int = 48) -> dict[str, float]:
    metrics = {name: kind(minimum=2) for name, kind in ALL.items()}
    for ours, theirs in zip(output.split(batch), target.split(batch), strict=True):
        for metric in metrics.values():
            metric.update(output=ours, target=theirs)
    return {name: metric.compute() for name, metric in metrics.items()}


def test_a_collapsed_set_loses_recall_and_an_ugly_one_precision(pictures: Tensor) -> None:
    random = torch.Generator().manual_seed(0)
    good = of_pictures((pictures + 0.01 * torch.randn(pictures.shape, generator=random)).clamp(0, 1), pictures)
    assert min(good.values()) > 0.9
    # One of them, again and again, with hardly any difference.
    one = pictures[20:21] + 0.004 * torch.randn(pictures.shape, generator=random)
    collapsed = of_pictures(one.clamp(0, 1), pictures)
    assert collapsed["precision"] == 1 and collapsed["recall"] < 0.1 and collapsed["coverage"] < 0.5
    ugly = of_pictures((pictures + 0.5 * torch.randn(pictures.shape, generator=random)).clamp(0, 1), pictures)
    assert ugly["precision"] < 0.6 and ugly["density"] < 0.5
    # No picture at all.
    assert set(of_pictures(torch.rand(pictures.shape, generator=random), pictures).values()) == {0}


def test_batches_do_not_matter_and_pictures_pass_once(pictures: Tensor) -> None:
    pictures = pictures[:24]
    output = pictures.flip(0) * 0.8
    passes: list[int] = []
    handle = lite0._network().register_forward_hook(lambda *_: passes.append(1))
    whole = of_pictures(output, pictures)
    handle.remove()
    assert len(passes) == 2
    assert of_pictures(output, pictures, batch=7) == whole


def test_of_too_few_pictures_they_are_nan(pictures: Tensor) -> None:
    metric = Coverage(k=5, minimum=2)
    metric.update(output=pictures[:5], target=pictures[:5])
    assert math.isnan(metric.compute())
    metric.update(output=pictures[5:6], target=pictures[5:6])
    assert metric.compute() == 1
    metric.reset()
    assert math.isnan(metric.compute()) and math.isnan(Precision().compute())


def test_on_vgg16_they_need_its_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    vgg16.network.cache_clear()
    monkeypatch.setenv("HENKAN_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(MissingWeights, match=r"vgg16_oxford\.safetensors is missing"):
        Precision(features="vgg16")


def test_on_vgg16_a_collapsed_set_loses_recall_too(pictures: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HENKAN_WEIGHTS", str(published("vgg16_oxford.safetensors").parent))
    vgg16.network.cache_clear()
    pictures = pictures[::2, :, :32, :32]
    precision, recall = (kind(minimum=2, features="vgg16") for kind in (Precision, Recall))
    for metric in (precision, recall):
        metric.update(output=pictures[20:21].expand_as(pictures), target=pictures)
    assert precision.compute() == 1 and recall.compute() < 0.1
    vgg16.network.cache_clear()
