"""Pictures made smaller once, in one file that processes map: the same ones, whoever made them and however often."""

from __future__ import annotations

import errno
import os
import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from omegaconf import DictConfig
from pictures_on_disk import folder_of, noise
from PIL import Image

from henkan.config.history import without_defaults
from henkan.data import shelf as module
from henkan.data.decode import decode
from henkan.data.depth_folder import DepthFolder
from henkan.data.image_folder import ImageFolder
from henkan.data.labelled_folder import LabelledFolder
from henkan.data.line_folder import LineFolder
from henkan.data.paired_folder import PairedFolder
from henkan.data.paired_lines import PairedLines
from henkan.data.resolution_pairs import ResolutionPairs
from henkan.data.shelf import Shelf, kept_at, shrunk, shrunk_size
from henkan.data.statistics import measure
from henkan.errors import UserError
from henkan.files import Damaged
from henkan.runs.identity import without_place

NAMES = [f"train/{number}.png" for number in range(5)] + ["val/a.png", "test/a.png"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "pictures", NAMES, 24, 31)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are decoded in the test."""
    found: list[str] = []
    monkeypatch.setattr("henkan.data.folder.decode", lambda path: (found.append(path.name), decode(path))[1])
    return found


def test_the_shorter_side_is_at_most_so_long() -> None:
    assert shrunk_size(24, 31, 12) == (12, 16) and shrunk_size(31, 24, 12) == (16, 12)
    assert shrunk_size(10, 400, 12) == (10, 400) == shrunk_size(10, 400, None)
    picture = noise(24, 31)
    assert shrunk(picture, 24) is picture
    assert np.array_equal(shrunk(picture, 12), cv2.resize(picture, (16, 12), interpolation=cv2.INTER_AREA))
    assert shrunk(picture[..., :1], 12).shape == (12, 16, 1)


def test_each_is_decoded_once_for_all_processes(folder: Path, tmp_path: Path, decoded: list[str]) -> None:
    first = ImageFolder(folder, tmp_path / "cache", cache_side=12)
    first.prepare()
    assert len(decoded) == len(NAMES)
    # Another process.
    other = ImageFolder(folder, tmp_path / "cache", cache_side=12)
    other.prepare()
    for name in NAMES:
        expected = shrunk(decode(folder / name), 12)
        assert np.array_equal(first.picture(name), expected) and np.array_equal(other.picture(name), expected)
        assert other.picture(name).shape == (12, 16, 3)
    assert len(decoded) == len(NAMES)
    worker = pickle.loads(pickle.dumps(other))
    assert np.array_equal(worker.picture(NAMES[0]), first.picture(NAMES[0])) and len(decoded) == len(NAMES)
    # Whatever is not there yet is the same.
    fresh = ImageFolder(folder, tmp_path / "none", cache_side=12)
    assert np.array_equal(fresh.picture(NAMES[1]), first.picture(NAMES[1]))


def test_what_has_changed_is_written_anew_and_nothing_else(folder: Path, tmp_path: Path, decoded: list[str]) -> None:
    ImageFolder(folder, tmp_path / "cache", cache_side=12).prepare()
    decoded.clear()
    Image.fromarray(noise(40, 30, seed=9)).save(folder / "train" / "2.png")
    folder_of(folder, ["train/new.png"], 24, 31)
    data = ImageFolder(folder, tmp_path / "cache", cache_side=12)
    assert np.array_equal(data.picture("train/2.png"), shrunk(noise(40, 30, seed=9), 12))
    data.prepare()
    assert sorted(decoded) == ["2.png", "2.png", "new.png"]
    assert np.array_equal(data.picture("train/2.png"), shrunk(noise(40, 30, seed=9), 12))
    assert len(decoded) == 3


def test_it_goes_on_where_it_was_interrupted(
    folder: Path, tmp_path: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("henkan.data.ahead.cores", lambda: 1)
    monkeypatch.setattr(module, "BETWEEN", 2)
    data = ImageFolder(folder, tmp_path / "cache", cache_side=12)
    real = data.decoded

    def killed(path: Path) -> Any:
        if len(decoded) == 6:
            raise KeyboardInterrupt
        return real(path)

    data.decoded = killed  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        data.prepare()
    done = len(ImageFolder(folder, tmp_path / "cache", cache_side=12)._kept._rows())  # type: ignore[union-attr]
    assert 2 <= done <= 6
    # A picture that was being written.
    with data._kept.pixels.open("ab") as file:  # type: ignore[union-attr]
        file.write(b"half a picture")
    decoded.clear()
    again = ImageFolder(folder, tmp_path / "cache", cache_side=12)
    again.prepare()
    assert len(decoded) == len(NAMES) - done
    assert all(np.array_equal(again.picture(name), shrunk(decode(folder / name), 12)) for name in NAMES)


def test_a_damaged_one_is_made_anew(folder: Path, tmp_path: Path, capsys: Any) -> None:
    def made() -> ImageFolder:
        data = ImageFolder(folder, tmp_path / "cache", cache_side=12)
        data.prepare()
        return data

    expected = [np.array(made().picture(name)) for name in NAMES]
    pixels = made()._kept.pixels  # type: ignore[union-attr]
    content = pixels.read_bytes()
    damages: list[tuple[Path, bytes]] = [
        (pixels, b""),
        (pixels, content[:-1]),
        (pixels.with_suffix(".json"), b"nothing"),
        (pixels.with_suffix(".json"), b""),
    ]
    for path, damaged in damages:
        path.write_bytes(damaged)
        data = made()
        assert "made anew" in capsys.readouterr().err
        assert all(np.array_equal(data.picture(name), one) for name, one in zip(NAMES, expected, strict=True))
    pixels.unlink()
    assert np.array_equal(made().picture(NAMES[0]), expected[0])
    flipped = bytearray(content)
    flipped[5] ^= 1
    pixels.write_bytes(flipped)
    with pytest.raises(Damaged, match=r"was damaged \(at .*\.png\) and is removed: the same command makes it anew"):
        [made().picture(name) for name in NAMES]
    assert all(np.array_equal(made().picture(name), one) for name, one in zip(NAMES, expected, strict=True))


def test_who_reads_sees_the_old_pixels_while_all_are_written_anew(folder: Path, tmp_path: Path) -> None:
    paths = [folder / name for name in NAMES]
    reader = Shelf(12, tmp_path / "cache", folder, 3)
    reader.prepare(paths, decode)
    expected = [np.array(reader(path, decode)) for path in paths]
    # Each was looked at by its checksum, which is done once.
    reader.table.write_bytes(b"nothing")
    writer = Shelf(12, tmp_path / "cache", folder, 3)
    writer.prepare(paths[::-1], decode)
    for shelf in (reader, writer):
        assert all(np.array_equal(shelf(path, decode), one) for path, one in zip(paths, expected, strict=True))


def test_a_full_disk_is_one_line(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(UserError, match=r"cache .* cannot be written \(No space left on device\): set paths\.cache"):
        ImageFolder(folder, tmp_path / "cache", cache_side=12).prepare()


@pytest.mark.parametrize("side", [0, -3])
def test_a_side_has_a_pixel(side: int, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"data.cache_side={side} must be 1 pixel or more, or null"):
        ImageFolder(folder, tmp_path, cache_side=side)


def test_a_broken_picture_is_none_of_them(folder: Path, tmp_path: Path) -> None:
    (folder / "train" / "1.png").write_bytes(b"nothing")
    data = ImageFolder(folder, tmp_path / "cache", cache_side=12)
    data.prepare()
    with pytest.raises(UserError, match=r"train/1\.png is not a picture"):
        data.picture("train/1.png")
    assert data.picture("train/0.png").shape == (12, 16, 3)


def test_it_is_another_run(folder: Path, tmp_path: Path, composed: Any) -> None:
    manifests = {side: ImageFolder(folder, tmp_path, cache_side=side).manifest() for side in (None, 12, 20)}
    assert len(set(manifests.values())) == 3
    configs: dict[int | None, DictConfig] = {
        side: composed(["scale=smoke", "data=image_folder", f"data.path={folder}", f"data.cache_side={side or 'null'}"])
        for side in manifests
    }
    told = {side: without_defaults(without_place(dict(cfg.data))) for side, cfg in configs.items()}
    assert "cache_side" not in told[None] and told[12]["cache_side"] == 12
    # Statistics are those of the pictures that are trained on.
    means = [measure(ImageFolder(folder, tmp_path, cache_side=side), ["deviation"], tmp_path) for side in (None, 12)]
    assert means[0]["deviation"] > 1.2 * means[1]["deviation"]


def test_pairs_and_drawings(tmp_path: Path) -> None:
    for side in ("source", "target"):
        folder_of(tmp_path / "pairs" / side, ["train/a.png", "train/b.png"], 24, 31)
    pairs = PairedFolder(tmp_path / "pairs", tmp_path / "cache", cache_side=12)
    pairs.prepare()
    assert pairs.companions("train/a.png")["source"].shape == pairs.picture("train/a.png").shape == (12, 16, 3)
    page = np.full((40, 60), 230, np.uint8)
    page[10:12] = 40
    for name in ("lines/train/a.png", "sketches/target/train/a.png", "sketches/source/train/a.png"):
        (tmp_path / name).parent.mkdir(parents=True)
        Image.fromarray(page).save(tmp_path / name)
    small = cv2.resize(page, (30, 20), interpolation=cv2.INTER_AREA)
    for invert in (False, True):
        lines = LineFolder(tmp_path / "lines", 0.5, invert, tmp_path / "cache", cache_side=20)
        lines._looked_at = True
        lines.prepare()
        tones = 255 - small if invert else small
        assert np.array_equal(lines.picture("train/a.png")[..., 0], np.where(tones < 127.5, 0, tones))
    sketches = PairedLines(tmp_path / "sketches", cache=tmp_path / "cache", cache_side=20)
    sketches.prepare()
    assert np.array_equal(sketches.companions("train/a.png")["source"][..., 0], small)
    assert sketches.picture("train/a.png").shape == (20, 30, 1)
    assert lines._area("train/a.png") == 20 * 30


@pytest.mark.parametrize("kind", [DepthFolder, LabelledFolder, ResolutionPairs])
def test_maps_and_sizes_are_not_shrunk(kind: type[PairedFolder], tmp_path: Path) -> None:
    for side in ("depth", "labels", "pictures", "source", "target"):
        folder_of(tmp_path / side, ["train/a.png"], 24, 31)
    with pytest.raises(UserError, match="data.cache_side=12: what lies in .* cannot be kept shrunk; leave it out"):
        kind(tmp_path, tmp_path / "cache", cache_side=12)


def test_drawings_and_pictures_of_one_folder_do_not_meet(folder: Path, tmp_path: Path) -> None:
    color, lines = (kind(folder, cache=tmp_path / "cache", cache_side=12) for kind in (ImageFolder, LineFolder))
    lines._looked_at = True
    for data in (color, lines):
        data.prepare()
    assert color.picture(NAMES[0]).shape == (12, 16, 3) and lines.picture(NAMES[0]).shape == (12, 16, 1)


def test_drawings_are_decoded_once_and_kept_grey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for side in ("source", "target"):
        (tmp_path / side / "train").mkdir(parents=True)
        Image.fromarray(np.full((40, 60, 3), 230, np.uint8)).save(tmp_path / side / "train" / "a.png")
    read: list[str] = []
    monkeypatch.setattr("henkan.data.drawings.decode", lambda path: (read.append(path.name), decode(path))[1])
    data = PairedLines(tmp_path, cache=tmp_path / "cache")
    budget = data._kept.budget  # type: ignore[union-attr]
    for _ in range(3):
        assert data.picture("train/a.png").shape == data.companions("train/a.png")["source"].shape == (40, 60, 1)
    assert len(read) == 2 and budget - data._kept.budget == 2 * 40 * 60  # type: ignore[union-attr]


def test_without_a_side_pictures_are_kept_as_they_are(tmp_path: Path) -> None:
    assert not isinstance(kept_at(None, tmp_path, tmp_path, 3), Shelf)
