from pathlib import Path

import numpy as np
import pytest
from pictures_on_disk import folder_of, noise
from PIL import Image

from henkan.data import statistics
from henkan.data.image_folder import ImageFolder
from henkan.data.line_folder import LineFolder
from henkan.data.statistics import measure
from henkan.errors import BrokenPicture

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


def test_of_many_pictures_some_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"train/{k}.png" for k in range(40)]
    data = ImageFolder(folder_of(tmp_path, names, 4, 6), tmp_path / ".cache")
    exact = measure(data, BOTH, tmp_path / ".cache")
    monkeypatch.setattr(statistics, "ENOUGH", 10)
    some = statistics.sample(data.names("train"))
    assert len(some) == 10 and set(some) < set(names) and list(some) == sorted(some)
    # One more picture takes the place of one at most.
    assert len(set(some) - set(statistics.sample([*names, "train/another.png"]))) <= 1
    found = measure(data, BOTH, tmp_path / ".cache")
    assert found != exact
    pixels = np.stack([data.picture(name) for name in some])
    assert found["mean"] == pytest.approx((pixels.mean((0, 1, 2)) / 255).tolist(), abs=1e-12)


def test_reading_ahead_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"train/{k}.png" for k in range(40)]
    path = folder_of(tmp_path, names, 4, 6)
    (path / "train" / "7.png").write_bytes(b"<html>")
    data = ImageFolder(path, skip_broken=True)
    one_by_one = measure(data, BOTH, tmp_path / "a")
    monkeypatch.setattr(statistics, "PICTURES_WORTH_A_BAR", 10)
    assert measure(data, BOTH, tmp_path / "b") == one_by_one
    assert len(list(statistics.read_ahead(data, data.names("train")))) == 39
    with pytest.raises(BrokenPicture, match=r"train/7\.png"):
        measure(ImageFolder(path), BOTH, tmp_path / "c")
