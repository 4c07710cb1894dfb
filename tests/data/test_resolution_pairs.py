"""Pairs of pictures of two sizes: cut, turned and mirrored so that they stay together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from omegaconf import DictConfig
from PIL import Image

from henkan.config.resolved import Config
from henkan.data.framing import Center, CropFlip, Fit, Framing, TurnCrop
from henkan.data.patches import Patches
from henkan.data.pictures import Picture
from henkan.data.resolution_pairs import ResolutionPairs
from henkan.data.statistics import measure
from henkan.data.stream import EvaluationSet, TrainingStream
from henkan.degradations.identity import Identity
from henkan.errors import UserError
from henkan.launching.execute import execute
from henkan.runs.plan import plan_run
from henkan.runs.settle import settle

Compose = Callable[..., DictConfig]
SCALE = 3


def places(height: int, width: int) -> Picture:
    """A picture whose pixel at (y, x) is (y, x, 7)."""
    y, x = np.mgrid[:height, :width]
    return np.stack((y, x, np.full_like(y, 7)), axis=2).astype(np.uint8)


def save(path: Path, picture: Picture) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """DIV2K's layout: LR/X3/NAMEx3.png beside HR/NAME.png, in all three splits."""
    for number, split in enumerate(("train", "train", "val", "test", "test")):
        height, width = 40 + 2 * number, 44
        save(tmp_path / "pairs" / "LR" / "X3" / split / f"{number}x3.png", places(height, width))
        large = places(height * SCALE, width * SCALE)
        save(tmp_path / "pairs" / "HR" / split / f"{number}.png", large)
    return tmp_path / "pairs"


def data(folder: Path, scale: int | None = None) -> ResolutionPairs:
    return ResolutionPairs(folder, folder.parent / "cache", "LR/X3", "HR", "x3", scale=scale)


@pytest.mark.parametrize(
    "framing", [Patches(24), CropFlip(24, None), Center(24)], ids=lambda framing: type(framing).__name__
)
def test_crops_turns_and_mirrors_stay_aligned(folder: Path, framing: Framing) -> None:
    stream = TrainingStream(data(folder), framing, Identity(), seed=0)
    corners = set()
    for i in range(48):
        sample = stream["generator", i]
        small, large = sample["source"], sample["target"]
        assert small.shape == (3, 8, 8) and large.shape == (3, 24, 24)
        # Every pixel of the source lies at the 3 x 3 pixels of the target that were its own, however both were turned.
        assert np.array_equal(large[:2] // SCALE, small[:2].repeat(SCALE, 1).repeat(SCALE, 2))
        corners.add(tuple(small[:2, 0, 0]))
    assert len(corners) == 2 if isinstance(framing, Center) else len(corners) > 30


def test_every_place_of_the_source_is_as_likely(folder: Path) -> None:
    framing = Patches(SCALE * 38, flip=0.0, turn=False)
    stream = TrainingStream(data(folder), framing, Identity(), seed=0)
    found = np.zeros((3, 7), int)
    for i in range(0, 840, 2):
        sample = stream["generator", i]
        if sample["name"] == "train/0.png":
            found[tuple(sample["source"][:2, 0, 0])] += 1
    assert found.min() > 0.3 * found.mean() and found.max() < 2 * found.mean()


def test_whole_pictures_are_scored_at_their_own_sizes(folder: Path) -> None:
    samples = EvaluationSet(data(folder), "test", None, Identity(), 0)
    assert [(one["name"], one["source"].shape, one["target"].shape) for one in samples] == [
        ("test/3.png", (3, 46, 44), (3, 138, 132)),
        ("test/4.png", (3, 48, 44), (3, 144, 132)),
    ]


def test_partners_side_by_side_in_one_folder(tmp_path: Path) -> None:
    # RealSR's names.
    save(tmp_path / "Canon_001_HR.png", places(24, 16))
    save(tmp_path / "Canon_001_LR4.png", places(6, 4))
    pairs = ResolutionPairs(tmp_path, tmp_path / "cache", ".", ".", "_LR4", "_HR")
    name = "Canon_001_HR.png"
    assert pairs.scale == 4 and [name] == [name for split in ("train", "val", "test") for name in pairs.names(split)]
    assert pairs.companions(name)["source"].shape == (6, 4, 3) and pairs.picture(name).shape == (24, 16, 3)
    before = pairs.manifest()
    save(tmp_path / "Canon_001_LR4.png", 255 - places(6, 4))
    assert pairs.manifest() != before and pairs.companions(name)["source"].max() == 255


@pytest.mark.parametrize(
    ("size", "scale", "message"),
    [
        ((14, 12), None, r"0\.png is 14x12 pixels and its source 4x4: pairs need a whole number of times"),
        ((12, 8), None, r"0\.png is 12x8 pixels and its source 4x4: pairs need a whole number of times"),
        ((2, 2), None, "a whole number of times"),
        ((12, 12), 4, "pairs need 4 times, the same for both sides"),
    ],
)
def test_sizes_without_that_ratio_are_refused(
    tmp_path: Path, size: tuple[int, int], scale: int | None, message: str
) -> None:
    save(tmp_path / "source" / "0.png", places(4, 4))
    save(tmp_path / "target" / "0.png", places(size[1], size[0]))
    with pytest.raises(UserError, match=message):
        ResolutionPairs(tmp_path, scale=scale)


def test_a_pair_of_another_ratio_is_named_when_it_is_read(folder: Path) -> None:
    save(folder / "LR" / "X3" / "test" / "4x3.png", places(72, 66))
    with pytest.raises(
        UserError, match=r"test/4\.png: its source is 66x72 pixels, its target 132x144: make it 3 times"
    ):
        EvaluationSet(data(folder), "test", None, Identity(), 0)[1]


def test_no_picture_has_the_suffix(folder: Path) -> None:
    with pytest.raises(UserError, match="X3 holds no picture whose name ends in x4"):
        ResolutionPairs(folder, None, "LR/X3", "HR", "x4")


@pytest.mark.parametrize(
    ("framing", "message"),
    [
        (Patches(25), "size=25 is no multiple of 3"),
        (CropFlip(24, [96, 120]), "never interpolated"),
        (Center(24, 36), "never interpolated"),
        (TurnCrop(24, [1.0, 1.0]), "never interpolated"),
        (Fit(24), "never interpolated"),
        (Patches(132), r"train/.\.png is 44x4. pixels, smaller than the 44x44 patch"),
    ],
)
def test_what_would_part_a_pair_is_refused(folder: Path, framing: Framing, message: str) -> None:
    with pytest.raises(UserError, match=message):
        TrainingStream(data(folder), framing, Identity(), 0)["generator", 0]


@pytest.fixture
def words(folder: Path, tmp_path: Path) -> list[str]:
    return [
        *("experiment=srresnet", "scale=smoke", "data=resolution_pairs", "degradation=none", f"data.path={folder}"),
        *("data.source=LR/X3", "data.target=HR", "data.source_suffix=x3", f"paths.cache={tmp_path / 'cache'}"),
        *(f"paths.runs={tmp_path / 'runs'}", "size=24", "trainer.precision=32-true", "logger=none"),
    ]


def test_the_task_and_the_network_take_the_scale_from_the_sizes(composed: Compose, words: list[str]) -> None:
    config: Config = plan_run(composed(words)).config
    assert (config["data"]["scale"], config["task"]["scale"], config["generator"]["scale"]) == (3, 3, 3)
    # Statistics are those of the large pictures.
    _, pictures = settle(composed(words))
    found = measure(pictures, ["mean"], config["paths"]["cache"])["mean"]
    assert np.allclose(np.multiply(found, 255), [(120 * 119 + 126 * 125) / 2 / (120 + 126), 65.5, 7.0])
    with pytest.raises(UserError, match="small pictures of its own, and degradation would make others"):
        plan_run(composed([word for word in words if word != "degradation=none"]))
    with pytest.raises(
        UserError, match="targets are 3 times larger than its sources, and the task is to make pictures 2"
    ):
        plan_run(composed([*words, "task.scale=2"]))


def test_training_scores_preview_and_degrade(composed: Compose, words: list[str], folder: Path, tmp_path: Path) -> None:
    short = ["schedule.joint.iterations=2", "metric=[psnr_y_crop,psnr]", "trainer.workers=0"]
    assert execute("train", [*words, *short]).code == 0
    (scores,) = (tmp_path / "runs").rglob("scores*.csv")
    assert "test/3.png" in scores.read_text()
    assert execute("preview", [*words, "samples=2", f"output={tmp_path / 'preview.png'}"]).code == 0
    assert Image.open(tmp_path / "preview.png").size[0] > 200
    assert execute("degrade", [*words, "count=3", f"output={tmp_path / 'out'}"]).code == 0
    small, large = (Image.open(tmp_path / "out" / layer / "train" / "0000000.png") for layer in ("source", "target"))
    assert (small.size, large.size) == ((8, 8), (24, 24))
    assert np.array_equal(np.asarray(large)[::3, ::3, :2] // 3, np.asarray(small)[..., :2])
