from pathlib import Path

import numpy as np
import pytest
from pictures_on_disk import noise
from PIL import Image

from henkan.data.image_folder import ImageFolder
from henkan.data.line_folder import LineFolder
from henkan.data.statistics import measure

BOTH = ("mean", "deviation")


def folder(path: Path) -> ImageFolder:
    for split, color in (("train", 0), ("val", 200), ("test", 100)):
        (path / split).mkdir(parents=True)
        Image.fromarray(np.full((4, 6, 3), color, np.uint8)).save(path / split / "a.png")
    Image.fromarray(np.full((4, 18, 3), (255, 51, 0), np.uint8)).save(path / "train" / "b.png")
    return ImageFolder(path, path / ".cache")


def test_mean_over_all_training_pixels(tmp_path: Path) -> None:
    found = measure(folder(tmp_path), BOTH, tmp_path / ".cache")
    assert found["mean"] == pytest.approx([0.75, 0.15, 0.0], abs=1e-15)
    # Of all channels of a picture together, each picture's own: one is black, the other all of (1, 0.2, 0).
    assert found["deviation"] == pytest.approx((0 + np.std([1.0, 0.2, 0.0])) / 2, abs=1e-12)


def test_grey_pictures_have_one_mean(tmp_path: Path) -> None:
    folder(tmp_path)
    page = np.zeros((4, 6, 3), np.uint8)
    page[0] = 255
    Image.fromarray(page).save(tmp_path / "train" / "a.png")
    found = measure(LineFolder(tmp_path, invert=True), BOTH, tmp_path / ".cache")
    assert len(found["mean"]) == 1
    # A quarter of one page is black, and the other is of one tone.
    assert found["deviation"] == pytest.approx((0.25 * 0.75) ** 0.5 / 2)


def test_remembered_until_the_contents_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = folder(tmp_path)
    first = measure(data, BOTH, tmp_path / ".cache")
    with monkeypatch.context() as patched:
        patched.delattr(ImageFolder, "picture")
        assert measure(data, BOTH, tmp_path / ".cache") == first
    Image.fromarray(noise(4, 6)).save(tmp_path / "train" / "a.png")
    assert measure(data, BOTH, tmp_path / ".cache") != first
