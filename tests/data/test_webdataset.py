"""Other people's tar files: any sample is read where it lies, by an index that is made once."""

from __future__ import annotations

import io
import pickle
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from henkan.data import webdataset
from henkan.data.degraded import Degraded
from henkan.data.framing import CropFlip
from henkan.data.stream import TrainingStream
from henkan.data.webdataset import WebDataset, field_of
from henkan.degradations.identity import Identity
from henkan.errors import BrokenPicture, UserError
from henkan.launching.execute import execute


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (10, 12, 3), np.uint8)


def packed(seed: int, format: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture(seed)).save(file, format, **({"lossless": True} if format == "WEBP" else {}))
    return file.getvalue()


def shard(path: Path, members: Mapping[str, bytes], mode: str = "w") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def singles(tmp_path: Path) -> Path:
    place = tmp_path / "shards"
    shard(
        place / "train-0000.tar", {f"{k:04d}.png": packed(k) for k in range(6)} | {"0000.json": b"{}", "0000.cls": b"1"}
    )
    shard(place / "train-0001.tar", {"./n01/a.WebP": packed(6, "WEBP"), "n01/a.txt": b"a cat", "n01/.b.png": b"x"})
    shard(place / "val" / "x.tar", {"写真.v2.tif": packed(7, "TIFF")})
    shard(place / "test.tar", {"0008.png": packed(8)})
    return place


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    members = {}
    for k in range(4):
        members |= {f"{k:04d}.input.png": packed(k), f"{k:04d}.target.webp": packed(10 + k, "WEBP")}
    shard(tmp_path / "pairs" / "train.tar", members)
    return tmp_path / "pairs"


def test_every_sample_is_read_where_it_lies(singles: Path, tmp_path: Path) -> None:
    data = WebDataset(singles, tmp_path / "cache")
    assert data.names("train") == (*(f"train-0000/{k:04d}" for k in range(6)), "train-0001/n01/a")
    assert (data.names("val"), data.names("test")) == (("val/x/写真",), ("test/0008",))
    other = pickle.loads(pickle.dumps(data))
    for k, name in sorted(enumerate((*data.names("train"), *data.names("val"), *data.names("test"))), reverse=True):
        assert np.array_equal(data.picture(name), picture(k)) and np.array_equal(other.picture(name), picture(k))
        assert data.companions(name) == {}
    one = WebDataset(singles / "train-0000.tar", tmp_path / "cache", group=r"\d\d$")
    assert len([name for names in one._names.values() for name in names]) == 6
    assert np.array_equal(one.picture("train-0000/0003"), picture(3))


def test_tar_files_are_looked_through_once(singles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    through = webdataset.looked_through
    monkeypatch.setattr(
        webdataset, "looked_through", lambda path, hashed: (looked.append(path.name), through(path, hashed))[1]
    )
    first = WebDataset(singles, tmp_path / "cache").manifest()
    assert sorted(looked) == ["test.tar", "train-0000.tar", "train-0001.tar", "x.tar"]
    assert WebDataset(singles, tmp_path / "cache").manifest() == first and len(looked) == 4
    shard(singles / "test.tar", {"0008.png": packed(9)})
    assert WebDataset(singles, tmp_path / "cache").manifest() != first and looked[4:] == ["test.tar"]


def test_pairs(pairs: Path, tmp_path: Path) -> None:
    for target, source in (("target", "input"), ("target.webp", "input.png"), (None, "input")):
        data = WebDataset(pairs, tmp_path / "cache", target, source)
        for k, name in enumerate(data.names("train")):
            assert name == f"train/{k:04d}"
            assert np.array_equal(data.picture(name), picture(10 + k))
            assert np.array_equal(data.companions(name)["source"], picture(k))
    stream = TrainingStream(data, CropFlip(8, None), Identity(), 3)
    again = TrainingStream(WebDataset(pairs, tmp_path / "cache", None, "input"), CropFlip(8, None), Identity(), 3)
    for i in (5, 0, 2):
        assert np.array_equal(stream["generator", i]["source"], again["generator", i]["source"])


def test_a_field_is_what_follows_the_first_dot_without_a_pictures_ending() -> None:
    assert [field_of(rest) for rest in ("input.png", "jpg", "JPEG", "v2.tif", "input", "seg.json", "")] == [
        "input", "", "", "v2", "input", "seg.json", ""
    ]  # fmt: skip


def test_what_is_written_by_degrade_is_read_alike(pictures: Path, tmp_path: Path) -> None:
    words = ["scale=smoke", "data=image_folder", f"data.path={pictures}", "degradation=rectangle", "splits=[train]"]
    words += ["count=5", "sheet=1", "format=tar", "shard=3", f"paths.cache={tmp_path / 'cache'}"]
    assert execute("degrade", [*words, f"output={tmp_path / 'pairs'}"]).code == 0
    own, foreign = Degraded(tmp_path / "pairs"), WebDataset(tmp_path / "pairs", tmp_path / "cache", "target", "source")
    assert len(own.names("train")) == len(foreign.names("train")) == 5
    for name, other in zip(own.names("train"), foreign.names("train"), strict=True):
        assert np.array_equal(own.picture(name), foreign.picture(other))
        assert np.array_equal(own.companions(name)["source"], foreign.companions(other)["source"])


def test_contents_tell_and_splits_apart(singles: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    learned, scored = ("train", "val"), ("test",)

    def hashes(place: Path = singles, **given: str) -> list[str]:
        found = WebDataset(place, cache, **given)  # type: ignore[arg-type]
        return [found.manifest_of(learned), found.manifest_of(scored)]  # type: ignore[arg-type]

    before, by_size = hashes(), hashes(manifest="files")
    assert hashes(singles.rename(tmp_path / "moved")) == before
    (tmp_path / "moved").rename(singles)
    content = packed(8)
    shard(singles / "test.tar", {"0008.png": content[:-1] + bytes([content[-1] ^ 1])})
    assert [now == then for now, then in zip(hashes(), before, strict=True)] == [True, False]
    assert hashes(manifest="files") == by_size != before


@pytest.mark.parametrize(
    ("members", "given", "line"),
    [
        ({"a.one.png": b"", "a.two.png": b""}, {}, r"sample a has several pictures \(a.one.png, a.two.png\): say what"),
        ({"a.target.png": b"", "a.target.jpg": b""}, {"target": "target"}, r"sample a has several pictures"),
        ({"a.input.png": b""}, {"target": "target", "source": "input"}, r"sample a has no target: say"),
        ({"a.png": b""}, {"target": "png", "source": "input"}, r"sample a has no source"),
        ({"a.json": b""}, {}, r"holds no sample with a picture: give another data\.path"),
        ({"a.png": b""}, {"target": "target"}, r"holds no sample with the picture target"),
        ({"a.png": b""}, {"group": "eve"}, r"data\.group=eve finds nothing"),
    ],
)
def test_what_is_no_set_of_samples(tmp_path: Path, members: dict[str, bytes], given: dict[str, str], line: str) -> None:
    shard(tmp_path / "s" / "a.tar", members)
    with pytest.raises(UserError, match=line):
        WebDataset(tmp_path / "s", tmp_path / "cache", **given)  # type: ignore[arg-type]


def test_what_is_no_tar_file(singles: Path, tmp_path: Path) -> None:
    whole = bytearray((singles / "train-0000.tar").read_bytes())
    with tarfile.open(singles / "train-0000.tar") as archive:
        whole[archive.getmembers()[2].offset] ^= 1
    for name, content in (
        ("header.tar", bytes(whole)),
        ("zip.tar", b"PK" + bytes(2000)),
        ("gz.tar", shard(tmp_path / "gz", {"a.png": packed(0)}, "w:gz").read_bytes()),
        ("cut.tar", (singles / "train-0000.tar").read_bytes()[:1300]),
    ):
        path = tmp_path / "bad" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        with pytest.raises(UserError, match=rf"{name} cannot be looked through as a tar file \(.*gunzip") as caught:
            WebDataset(path, tmp_path / "cache")
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="is no folder"):
        WebDataset(tmp_path / "nowhere")


def test_a_broken_member_is_named(tmp_path: Path) -> None:
    shard(tmp_path / "s" / "train.tar", {"a.png": packed(0)[:60], "b.png": packed(1)})
    data = WebDataset(tmp_path / "s", tmp_path / "cache", skip_broken=True)
    with pytest.raises(BrokenPicture, match=r"train\.tar/a\.png cannot be decoded"):
        data.picture("train/a")
    stream = TrainingStream(data, CropFlip(8, None), Identity(), 3)
    assert {stream["generator", i]["name"] for i in range(6)} == {"train/b"}
