from pathlib import Path

import numpy as np
import pytest
from pictures_on_disk import noise
from PIL import Image

from henkan.data.image_folder import ImageFolder
from henkan.data.statistics import mean_color


def folder(path: Path) -> ImageFolder:
    for split, color in (("train", 0), ("val", 200), ("test", 100)):
        (path / split).mkdir(parents=True)
        Image.fromarray(np.full((4, 6, 3), color, np.uint8)).save(path / split / "a.png")
    Image.fromarray(np.full((4, 18, 3), (255, 51, 0), np.uint8)).save(path / "train" / "b.png")
    return ImageFolder(path, path / ".cache")


def test_mean_over_all_training_pixels(tmp_path: Path) -> None:
    assert mean_color(folder(tmp_path), tmp_path / ".cache") == pytest.approx([0.75, 0.15, 0.0], abs=1e-15)


def test_remembered_until_the_contents_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = folder(tmp_path)
    first = mean_color(data, tmp_path / ".cache")
    with monkeypatch.context() as patched:
        patched.delattr(ImageFolder, "picture")
        assert mean_color(data, tmp_path / ".cache") == first
    Image.fromarray(noise(4, 6)).save(tmp_path / "train" / "a.png")
    assert mean_color(data, tmp_path / ".cache") != first
