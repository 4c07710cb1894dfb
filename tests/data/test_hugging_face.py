"""Data sets of Hugging Face's package that lie on the disk: saved, Parquet, image folders; nothing from elsewhere."""

from __future__ import annotations

import io
import pickle
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from henkan.data.framing import CropFlip
from henkan.data.hugging_face import HuggingFace
from henkan.data.stream import TrainingStream
from henkan.degradations.identity import Identity
from henkan.errors import BrokenPicture, UserError


@pytest.fixture
def datasets(monkeypatch: pytest.MonkeyPatch) -> Any:
    found = pytest.importorskip("datasets", reason="the package datasets is absent: pip install 'henkan[hf]'")

    def fetched(*arguments: Any, **settings: Any) -> None:
        raise AssertionError("something was fetched")

    monkeypatch.setattr(socket.socket, "connect", fetched)
    return found


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (10, 12, 3), np.uint8)


def packed(seed: int) -> dict[str, bytes]:
    file = io.BytesIO()
    Image.fromarray(picture(seed)).save(file, "PNG")
    return {"bytes": file.getvalue(), "path": None}  # type: ignore[dict-item]


def table(datasets: Any, seeds: range) -> Any:
    columns = {"image": [packed(k) for k in seeds], "edited": [packed(100 + k) for k in seeds], "n": list(seeds)}
    features = datasets.Features(image=datasets.Image(), edited=datasets.Image(), n=datasets.Value("int64"))
    return datasets.Dataset.from_dict(columns, features)


def parts(datasets: Any) -> dict[str, Any]:
    return {
        "train": table(datasets, range(5)),
        "validation": table(datasets, range(5, 7)),
        "test": table(datasets, range(7, 8)),
    }


def saved(datasets: Any, place: Path) -> Path:
    datasets.DatasetDict(parts(datasets)).save_to_disk(str(place))
    return place


def parquet(datasets: Any, place: Path) -> Path:
    (place / "data").mkdir(parents=True)
    for name, rows in parts(datasets).items():
        rows.to_parquet(str(place / "data" / f"{name}-00000-of-00001.parquet"))
    return place


def folders(datasets: Any, place: Path) -> Path:
    for name, rows in parts(datasets).items():
        (place / name).mkdir(parents=True)
        for seed in rows["n"]:
            Image.fromarray(picture(seed)).save(place / name / f"{seed}.png")
    return place


@pytest.mark.parametrize("write", [saved, parquet, folders])
def test_rows_are_pictures_and_splits_are_its_own(
    datasets: Any, write: Callable[[Any, Path], Path], tmp_path: Path
) -> None:
    data = HuggingFace(write(datasets, tmp_path / "set"), tmp_path / "cache")
    names = [name for split in ("train", "val", "test") for name in data.names(split)]  # type: ignore[arg-type]
    assert len(data.names("train")) == 5 and names[0] == "train/0000000" and names[-2:][0] == "validation/0000001"
    other = pickle.loads(pickle.dumps(data))
    for k, name in reversed(list(enumerate(names))):
        assert np.array_equal(data.picture(name), picture(k)) and np.array_equal(other.picture(name), picture(k))
        assert all(file.is_file() for file in data.files(name)) and data.companions(name) == {}


def test_pairs_are_two_columns(datasets: Any, tmp_path: Path) -> None:
    data = HuggingFace(saved(datasets, tmp_path / "set"), tmp_path / "cache", "edited", "image")
    name = data.names("train")[3]
    assert np.array_equal(data.picture(name), picture(103))
    assert np.array_equal(data.companions(name)["source"], picture(3))
    streams = [TrainingStream(data, CropFlip(8, None), Identity(), 3) for _ in range(2)]
    for i in (4, 0):
        first, second = (stream["generator", i] for stream in streams)
        assert np.array_equal(first["source"], second["source"]) and first["name"] == second["name"]


def test_one_split_is_split_by_hash(datasets: Any, tmp_path: Path) -> None:
    rows = table(datasets, range(40))
    rows.save_to_disk(str(tmp_path / "one"))
    rows.to_parquet(str(tmp_path / "one.parquet"))
    for place in (tmp_path / "one", tmp_path / "one.parquet"):
        data = HuggingFace(place, tmp_path / "cache")
        assert [len(data.names(split)) for split in ("train", "val", "test")] == [32, 1, 7]  # type: ignore[arg-type]
        assert np.array_equal(data.picture("0000017"), picture(17))


@pytest.mark.parametrize("write", [saved, parquet, folders])
def test_contents_tell_and_splits_apart(datasets: Any, write: Callable[[Any, Path], Path], tmp_path: Path) -> None:
    learned, place = ("train", "val"), write(datasets, tmp_path / "set")

    def hashes(place: Path) -> list[str]:
        found = HuggingFace(place, tmp_path / "cache")
        return [found.manifest_of(learned), found.manifest_of(["test"])]  # type: ignore[arg-type]

    before = hashes(place)
    assert hashes(shutil.copytree(place, tmp_path / "copy")) == before and before[0] != before[1]
    shutil.rmtree(place)
    own = parts(datasets)
    own["test"] = table(datasets, range(8, 9))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "parts", lambda datasets: own)
        write(datasets, place)
    assert [now == then for now, then in zip(hashes(place), before, strict=True)] == [True, False]


def test_what_is_no_data_set(datasets: Any, tmp_path: Path) -> None:
    place, cache = saved(datasets, tmp_path / "set"), tmp_path / "cache"
    for words in ({"target": "n"}, {"source": "mask"}):
        with pytest.raises(
            UserError, match=r"has no column (n|mask) of pictures; such are: image, edited \(data\.target"
        ):
            HuggingFace(place, cache, **words)
    with pytest.raises(UserError, match=r"there is no data set .*cifar10: give local files"):
        HuggingFace("cifar10", cache)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "train.parquet").write_bytes(b"nonsense")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "state.json").write_text("{}")
    for bad in ("bad", "empty"):
        with pytest.raises(UserError, match=rf"{bad} cannot be read as a data set \(") as caught:
            HuggingFace(tmp_path / bad, cache)
        assert "\n" not in str(caught.value)


def test_a_row_without_a_picture_is_named(datasets: Any, tmp_path: Path) -> None:
    features = datasets.Features(image=datasets.Image())
    rows = [packed(0), None, {"bytes": b"GIF89a", "path": None}]
    datasets.DatasetDict(
        {"train": datasets.Dataset.from_dict({"image": rows}, features), "test": table(datasets, range(1))}
    ).save_to_disk(str(tmp_path / "set"))
    data = HuggingFace(tmp_path / "set", tmp_path / "cache", skip_broken=True)
    with pytest.raises(BrokenPicture, match="row 1 of train has no image: remove it"):
        data.picture("train/0000001")
    with pytest.raises(BrokenPicture, match=r"set/train/2\.image (is not a picture|cannot be decoded)"):
        data.picture("train/0000002")
    stream = TrainingStream(data, CropFlip(8, None), Identity(), 3)
    assert {stream["generator", i]["name"] for i in range(6)} == {"train/0000000"}


def test_the_extra_is_named_where_it_is_absent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match=r"^data=hugging_face needs the package datasets: pip install 'henkan\[hf\]'$"):
        HuggingFace(tmp_path)
