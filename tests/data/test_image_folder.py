import os
import pickle
from hashlib import file_digest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures_on_disk import folder_of, noise
from PIL import Image

from henkan.data import contents
from henkan.data.image_folder import ImageFolder, list_pictures
from henkan.data.pictures import Picture
from henkan.errors import UserError

RED = np.full((6, 8, 3), (255, 0, 0), np.uint8)


def read_only_one(path: Path) -> Picture:
    (name,) = list_pictures(path)
    return ImageFolder(path).picture(name)


def save(image: Image.Image, path: Path, **options: object) -> Picture:
    image.save(path, **options)
    picture = read_only_one(path.parent)
    assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3
    assert picture.flags.c_contiguous
    return picture


def test_lists_every_depth_and_extension_but_nothing_hidden(tmp_path: Path) -> None:
    folder_of(tmp_path, ["b.png", "deep/er/c.JPG", "a.webp", ".hidden.png", ".thumbnails/d.png"])
    (tmp_path / "notes.txt").write_text("no picture")
    assert list_pictures(tmp_path) == ["a.webp", "b.png", "deep/er/c.JPG"]


def test_splits_by_hash_and_by_folder(tmp_path: Path) -> None:
    folder_of(tmp_path, ["a.png", "b.png", "c.png", "n.png", "train/a.png", "val/b.png", "test/x/b.png"])
    folder = ImageFolder(tmp_path)
    assert folder.names("train") == ("b.png", "train/a.png")
    assert folder.names("val") == ("a.png", "val/b.png")
    assert folder.names("test") == ("c.png", "n.png", "test/x/b.png")
    assert np.array_equal(folder.picture(folder.names("test")[1]), noise(12, 16, 3))


def test_follows_links_once(tmp_path: Path) -> None:
    folder_of(tmp_path / "elsewhere", ["b.png"])
    data = folder_of(tmp_path / "data", ["train/e.png"])
    (data / "linked").symlink_to(tmp_path / "elsewhere")
    (data / "linked" / "round").symlink_to(data)
    assert list_pictures(data) == ["linked/b.png", "train/e.png"]


def test_transparency_lies_on_white(tmp_path: Path) -> None:
    layers = np.dstack([RED, np.full((6, 8), 51, np.uint8)])
    layers[:, 4:, 3] = 0
    picture = save(Image.fromarray(layers), tmp_path / "a.png")
    assert picture[0, 0].tolist() == [255, 204, 204]
    assert picture[0, 7].tolist() == [255, 255, 255]


def test_16_bit_grey(tmp_path: Path) -> None:
    values = np.array([[0, 257, 65535], [32896, 300, 65400]], np.uint16)
    picture = save(Image.fromarray(values), tmp_path / "a.png")
    assert picture[..., 1].tolist() == [[0, 1, 255], [128, 1, 254]]


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere is no folder"):
        ImageFolder(tmp_path / "nowhere")


def test_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(UserError, match="holds no picture"):
        ImageFolder(tmp_path)


def test_empty_split(tmp_path: Path) -> None:
    folder = ImageFolder(folder_of(tmp_path, ["train/a.png"]))
    with pytest.raises(UserError, match="the split val is empty"):
        folder.some_names("val")


def test_manifest_depends_on_contents_alone(tmp_path: Path) -> None:
    names = ["a.png", "deep/b.png"]
    here, there = (folder_of(tmp_path / place, names) for place in ("here", "there"))
    cache = tmp_path / "cache"
    first = ImageFolder(here, cache).manifest()
    assert ImageFolder(there, cache).manifest() == first
    assert ImageFolder(here, tmp_path / "other").manifest() == first

    Image.fromarray(noise(12, 16, 9)).save(there / "a.png")
    assert ImageFolder(there, cache).manifest() != first

    (here / "a.png").rename(here / "c.png")
    assert ImageFolder(here, cache).manifest() != first


def test_manifest_reads_each_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = ImageFolder(folder_of(tmp_path / "data", ["a.png", "b.png"]), tmp_path / "cache")
    first = folder.manifest()
    read: list[str] = []

    def counted(file: Any, digest: Any) -> Any:
        read.append(Path(file.name).name)
        return file_digest(file, digest)

    monkeypatch.setattr(contents, "file_digest", counted)
    assert folder.manifest() == first
    assert read == []
    os.utime(tmp_path / "data" / "a.png", ns=(0, 0))
    assert folder.manifest() == first
    assert read == ["a.png"]


def test_pickles(tmp_path: Path) -> None:
    folder = ImageFolder(folder_of(tmp_path, ["b.png"]))
    copy = pickle.loads(pickle.dumps(folder))
    assert np.array_equal(copy.picture(copy.names("train")[0]), folder.picture(folder.names("train")[0]))


def test_unwritable_cache(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    folder = ImageFolder(folder_of(tmp_path / "data", ["a.png"]), tmp_path / "cache")
    with pytest.raises(UserError, match=r"cannot be written .*: set paths\.cache"):
        folder.manifest()


def test_what_was_hashed_before_an_interruption_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{k}.png" for k in range(8)]
    folder = ImageFolder(folder_of(tmp_path / "data", names), tmp_path / "cache")
    whole = ImageFolder(tmp_path / "data", tmp_path / "other").manifest()

    def interrupted(file: Any, digest: Any) -> Any:
        if Path(file.name).name == "5.png":
            raise KeyboardInterrupt
        return file_digest(file, digest)

    monkeypatch.setattr(contents, "file_digest", interrupted)
    with pytest.raises(KeyboardInterrupt):
        folder.manifest()
    read: list[str] = []

    def counted(file: Any, digest: Any) -> Any:
        read.append(Path(file.name).name)
        return file_digest(file, digest)

    monkeypatch.setattr(contents, "file_digest", counted)
    assert folder.manifest() == whole
    assert sorted(read) == names[5:]


def test_an_unreadable_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(contents, "file_digest", denied)
    with pytest.raises(UserError, match=r"a\.png cannot be read \(Permission denied\): remove it"):
        ImageFolder(folder_of(tmp_path / "data", ["a.png"]), tmp_path / "cache").manifest()


def test_names_and_sizes_alone_where_a_person_asks_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder_of(tmp_path / "data", ["a.png", "b.png"])
    first = ImageFolder(path, tmp_path / "cache", manifest="files").manifest()
    assert first != ImageFolder(path, tmp_path / "cache").manifest()
    monkeypatch.delattr(contents, "file_digest")
    content = bytearray((path / "a.png").read_bytes())
    content[-1] ^= 1
    (path / "a.png").write_bytes(content)
    assert ImageFolder(path, tmp_path / "cache", manifest="files").manifest() == first
    (path / "a.png").write_bytes(content + b"\0")
    assert ImageFolder(path, tmp_path / "cache", manifest="files").manifest() != first
