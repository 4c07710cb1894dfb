from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from henkan.data.stream import collate
from henkan.degradations.style_picture import StylePicture
from henkan.errors import UserError
from henkan.sample import to_float

TARGET = np.full((16, 20, 3), 7, np.uint8)


def style(path: Path, mode: str = "RGB", sides: tuple[int, int] = (48, 32)) -> Path:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (sides[1], sides[0], 3), np.uint8)).convert(mode).save(path)
    return path


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "1"])
def test_a_style_picture_of_any_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    degradation = StylePicture(style(tmp_path / "a.png", mode))
    drawn = degradation.draw(TARGET, np.random.default_rng(0))
    assert drawn["style_picture"].shape == (3, 32, 48) and drawn["style_picture"].dtype == np.uint8
    if mode in ("L", "1"):
        assert (drawn["style_picture"] == drawn["style_picture"][:1]).all()
    batch = collate([{"target": TARGET.transpose(2, 0, 1), **drawn} for _ in range(2)])
    sample = degradation.apply(to_float(batch))
    assert sample["style_picture"].shape == (2, 3, 32, 48) and 0 <= sample["style_picture"].max() <= 1
    assert sample["source"] is sample["target"] and sample["mask"].shape == (2, 1, 16, 20)


def test_it_is_shrunk_and_never_enlarged(tmp_path: Path) -> None:
    path = style(tmp_path / "a.png")
    sides = {
        size: StylePicture(path, size).draw(TARGET, np.random.default_rng(0))["style_picture"].shape
        for size in (None, 24, 512)
    }
    assert sides == {None: (3, 32, 48), 24: (3, 16, 24), 512: (3, 32, 48)}
    dot = style(tmp_path / "dot.png", sides=(1, 1))
    assert StylePicture(dot, 2).draw(TARGET, np.random.default_rng(0))["style_picture"].shape == (3, 1, 1)


def test_its_contents_count_and_not_its_place(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    here, there = (StylePicture(style(folder / "a.png")) for folder in (tmp_path, tmp_path / "elsewhere"))
    assert here.manifest() == there.manifest() != StylePicture(style(tmp_path / "b.png", "L")).manifest()


def test_a_sample_photograph_by_name_and_what_is_absent() -> None:
    drawn = StylePicture("skimage/ihc.png", 64).draw(TARGET, np.random.default_rng(0))
    assert drawn["style_picture"].shape == (3, 64, 64)
    absent = StylePicture("nowhere.jpg")  # a trained network paints without it
    for ask in (absent.manifest, lambda: absent.draw(TARGET, np.random.default_rng(0))):
        with pytest.raises(UserError, match="no picture nowhere.jpg; give a file, or a sample photograph: skimage/"):
            ask()
    with pytest.raises(UserError, match="must be 1 or more"):
        StylePicture("nowhere.jpg", 0)
