"""Near-grey training pictures are left out and counted; folders name classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from henkan.color import BINS
from henkan.data.image_folder import ImageFolder, class_of
from henkan.data.line_folder import LineFolder
from henkan.data.near_grey import NearGrey
from henkan.data.statistics import measure
from henkan.errors import UserError


def folder(path: Path, **pictures: tuple[int, int, int]) -> Path:
    """Pictures of two halves: grey 100, and a color."""
    for name, color in pictures.items():
        place = path / name.replace("__", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((12, 16, 3), 100, np.uint8)
        pixels[:, 8:] = color
        Image.fromarray(pixels).save(place.with_suffix(".png"))
    return path


def test_grey_training_pictures_are_left_out(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    place = folder(
        tmp_path / "a", train__red=(200, 30, 30), train__grey=(200, 200, 200), train__pale=(101, 100, 100),
        test__grey=(10, 10, 10), val__blue=(0, 0, 255),
    )  # fmt: skip
    pictures = ImageFolder(place, tmp_path / "cache")
    NearGrey(cache=tmp_path / "cache").leave_out(pictures)
    assert pictures.names("train") == ("train/red.png",)
    # What is scored stays.
    assert pictures.names("test") == ("test/grey.png",)
    assert "2 of 3 training pictures are near grey" in capfd.readouterr().err


def test_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = folder(tmp_path / "a", train__red=(200, 30, 30), train__grey=(1, 1, 1))
    screen = NearGrey(cache=tmp_path / "cache")
    assert screen.found(ImageFolder(place, tmp_path / "cache")) == ["train/grey.png"]
    monkeypatch.delattr(ImageFolder, "picture")
    assert screen.found(ImageFolder(place, tmp_path / "cache")) == ["train/grey.png"]


def test_the_threshold_is_the_sum_of_both_ranges() -> None:
    pixels = np.full((4, 4, 3), 100, np.uint8)
    pixels[:, 2:] = (108, 100, 96)
    assert not NearGrey(least=5.0)(pixels)
    assert NearGrey(least=12.0)(pixels)
    assert NearGrey()(np.full((4, 4, 3), (200, 10, 10), np.uint8)), "one flat color has no range"


def test_nothing_but_grey(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", train__a=(5, 5, 5), train__b=(7, 7, 7))
    with pytest.raises(UserError, match=r"all 2 training pictures are grey: give colored ones"):
        NearGrey(cache=tmp_path / "cache").leave_out(ImageFolder(place, tmp_path / "cache"))


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
        NearGrey(cache=tmp_path / "cache").leave_out(pictures)


def test_drawings_are_no_pictures_of_color(tmp_path: Path) -> None:
    pictures = LineFolder(folder(tmp_path / "a", train__a=(5, 5, 5)), cache=tmp_path / "cache")
    with pytest.raises(UserError, match="gives grey drawings, which nothing about color is learned from"):
        NearGrey(cache=tmp_path / "cache").leave_out(pictures)


def test_the_prior_counts_colors(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", train__red=(255, 0, 0), train__grey=(100, 100, 100))
    (prior,) = measure(ImageFolder(place, tmp_path / "cache"), ["ab_prior"], tmp_path / "cache").values()
    # Three quarters are neutral; red has a = 80, b = 67.
    assert len(prior) == BINS**2 and sum(prior) == pytest.approx(1)
    assert prior[264] == pytest.approx(0.75) and prior[19 * BINS + 18] == pytest.approx(0.25)
