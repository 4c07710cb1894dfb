"""Near-grey pictures are passed over when training draws them; folders name classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from henkan.color import BINS
from henkan.data.counted import counted
from henkan.data.framing import CropFlip
from henkan.data.image_folder import ImageFolder, class_of
from henkan.data.line_folder import LineFolder
from henkan.data.near_grey import NearGrey
from henkan.data.statistics import measure
from henkan.data.stream import BROKEN, EvaluationSet, TrainingStream
from henkan.degradations.identity import Identity
from henkan.errors import BrokenPicture, UserError


def folder(path: Path, **pictures: tuple[int, int, int]) -> Path:
    """Pictures of two halves: grey 100, and a color."""
    for name, color in pictures.items():
        place = path / name.replace("__", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((12, 16, 3), 100, np.uint8)
        pixels[:, 8:] = color
        Image.fromarray(pixels).save(place.with_suffix(".png"))
    return path


def stream(place: Path, screen: NearGrey | None = None, **given: bool) -> TrainingStream:
    pictures = ImageFolder(place, place / ".cache", **given)
    if screen is not None:
        screen.leave_out(pictures)
    return TrainingStream(pictures, CropFlip(8, None), Identity(), 3)


def test_another_takes_the_place_of_a_grey_one_and_nothing_shifts(tmp_path: Path) -> None:
    colors = {f"train__{k}": (200, 30, 25 * k) for k in range(6)}
    place = folder(tmp_path / "a", **colors, train__grey=(200, 200, 200), train__pale=(101, 100, 100))
    before, after = stream(place), stream(place, NearGrey())
    samples = [after["generator", i] for i in range(64)]
    grey = {"train/grey.png", "train/pale.png"}
    taken = []
    for i, sample in enumerate(samples):
        plain = before["generator", i]
        if plain["name"] in grey:
            taken.append(sample["name"])
        else:
            assert sample["name"] == plain["name"] and np.array_equal(sample["target"], plain["target"])
        assert sample["index"] == i and BROKEN not in sample
    assert len(taken) == 16 and not grey & set(taken) and len(set(taken)) > 3
    # In any order, by a process that has met none of them before: (seed, i, attempt) alone decides.
    for i in (63, 5, 31, 0):
        alone = stream(place, NearGrey())["generator", i]
        assert alone["name"] == samples[i]["name"] and np.array_equal(alone["target"], samples[i]["target"])


def test_a_grey_picture_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = folder(tmp_path / "a", train__red=(200, 30, 30), train__grey=(200, 200, 200))
    read: list[str] = []
    picture = ImageFolder.picture
    monkeypatch.setattr(ImageFolder, "picture", lambda self, name: (read.append(name), picture(self, name))[1])
    samples = stream(place, NearGrey())
    assert read == [], "before the first sample none is looked at"
    assert {samples["generator", i]["name"] for i in range(20)} == {"train/red.png"}
    assert read.count("train/grey.png") == 1


def test_broken_ones_and_grey_ones_are_passed_over_alike(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", train__red=(200, 30, 30), train__grey=(200, 200, 200), train__b=(0, 0, 255))
    (place / "train" / "b.png").write_bytes(b"no picture")
    found = [stream(place, NearGrey(), skip_broken=True)["generator", i] for i in range(12)]
    assert {sample["name"] for sample in found} == {"train/red.png"}
    assert all("train/b.png" in message for sample in found for message in sample[BROKEN])
    assert any(sample[BROKEN] for sample in found) and not all(sample[BROKEN] for sample in found)
    with pytest.raises(BrokenPicture):
        [stream(place, NearGrey())["generator", i] for i in range(12)]


def test_what_is_scored_is_not_screened_and_that_is_said(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", train__red=(200, 30, 30), val__grey=(9, 9, 9), test__grey=(10, 10, 10))
    pictures = ImageFolder(place, tmp_path / "cache")
    assert len(counted(pictures)) == 1
    NearGrey().leave_out(pictures)
    assert counted(pictures)[1].endswith("passes over pictures that are near grey; val and test are scored with them")
    for split in ("val", "test"):
        assert EvaluationSet(pictures, split, None, Identity(), 0)[0]["name"] == f"{split}/grey.png"  # type: ignore[arg-type]
    assert TrainingStream(pictures, CropFlip(8, None), Identity(), 3, "val")["generator", 0]["name"] == "val/grey.png"


def test_statistics_are_of_colored_ones(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", train__red=(200, 30, 30), train__grey=(1, 1, 1))
    pictures, cache = ImageFolder(place, tmp_path / "cache"), tmp_path / "cache"
    plain = measure(pictures, ["mean"], cache)
    NearGrey().leave_out(pictures)
    assert measure(pictures, ["mean"], cache)["mean"] == pytest.approx([150 / 255, 65 / 255, 65 / 255]) != plain["mean"]
    NearGrey(least=500.0).leave_out(pictures)
    with pytest.raises(UserError, match="none of 2 training pictures can be read and is not near grey"):
        measure(pictures, ["mean"], cache)


def test_the_threshold_is_the_sum_of_both_ranges() -> None:
    pixels = np.full((4, 4, 3), 100, np.uint8)
    pixels[:, 2:] = (108, 100, 96)
    assert not NearGrey(least=5.0)(pixels)
    assert NearGrey(least=12.0)(pixels)
    assert NearGrey()(np.full((4, 4, 3), (200, 10, 10), np.uint8)), "one flat color has no range"


def test_nothing_but_grey(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", train__a=(5, 5, 5), train__b=(7, 7, 7))
    with pytest.raises(UserError, match=r"256 pictures of .* in a row are near grey: henkan data counts them; give "):
        stream(place, NearGrey())["generator", 0]
    with pytest.raises(UserError, match="screen.attempts=0 must be 1 or more"):
        NearGrey(attempts=0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("train/cats/a.png", "cats"), ("cats/b/a.png", "cats"), ("test/a.png", ""), ("a.png", "")],
)
def test_a_class_is_the_uppermost_folder(name: str, expected: str) -> None:
    assert class_of(name) == expected


def test_labels_are_numbers_of_training_classes(tmp_path: Path) -> None:
    red = (200, 30, 30)
    place = folder(
        tmp_path / "a", train__cats__a=red, train__dogs__a=red, train__b=red, test__dogs__a=red, test__birds__a=red
    )
    pictures = ImageFolder(place, tmp_path / "cache", labels=True)
    assert pictures.classes == ("cats", "dogs")
    found = {name: pictures.facts_of(name)["label"] for split in ("train", "test") for name in pictures.names(split)}  # type: ignore[arg-type]
    assert found == {
        "train/cats/a.png": 0, "train/dogs/a.png": 1, "train/b.png": -1, "test/dogs/a.png": 1, "test/birds/a.png": -1,
    }  # fmt: skip
    assert measure(pictures, ["classes"], tmp_path / "cache") == {"classes": 2}
    silent = ImageFolder(place, tmp_path / "cache")
    assert silent.classes == () and silent.facts_of("train/cats/a.png") == {}


def test_one_class_is_none(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", train__cats__a=(200, 0, 0), train__cats__b=(200, 0, 0))
    with pytest.raises(UserError, match=r"two at least .* and there is only cats"):
        ImageFolder(place, labels=True)


def test_one_class_is_none_of_what_is_left(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", train__cats__a=(200, 0, 0), train__dogs__a=(9, 9, 9))
    pictures = ImageFolder(place, tmp_path / "cache", labels=True)
    with pytest.raises(UserError, match=r"two at least that training pictures come from, and there is only cats"):
        pictures.leave_out(["train/dogs/a.png"])


def test_drawings_are_no_pictures_of_color(tmp_path: Path) -> None:
    pictures = LineFolder(folder(tmp_path / "a", train__a=(5, 5, 5)), cache=tmp_path / "cache")
    with pytest.raises(UserError, match="gives grey drawings, which nothing about color is learned from"):
        NearGrey().leave_out(pictures)


def test_the_prior_counts_colors(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", train__red=(255, 0, 0), train__grey=(100, 100, 100))
    (prior,) = measure(ImageFolder(place, tmp_path / "cache"), ["ab_prior"], tmp_path / "cache").values()
    # Three quarters are neutral; red has a = 80, b = 67.
    assert len(prior) == BINS**2 and sum(prior) == pytest.approx(1)
    assert prior[264] == pytest.approx(0.75) and prior[19 * BINS + 18] == pytest.approx(0.25)
