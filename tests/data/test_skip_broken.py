"""With data.skip_broken=true a broken picture's place is taken by another, and no other sample is another for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pictures_on_disk import folder_of

from henkan.data.framing import CropFlip
from henkan.data.image_folder import ImageFolder
from henkan.data.line_folder import LineFolder
from henkan.data.statistics import measure
from henkan.data.stream import ATTEMPTS, BROKEN, TrainingStream
from henkan.degradations.identity import Identity
from henkan.errors import BrokenPicture, UserError

NAMES = [f"train/{k}.png" for k in range(8)]


def stream(path: Path, skip_broken: bool) -> TrainingStream:
    return TrainingStream(ImageFolder(path, path / ".cache", skip_broken=skip_broken), CropFlip(8, None), Identity(), 3)


def broken(path: Path, *names: str) -> Path:
    for name in names:
        (path / name).write_bytes((path / name).read_bytes()[:60])
    return path


def test_another_takes_its_place_and_nothing_shifts(tmp_path: Path) -> None:
    path = folder_of(tmp_path, NAMES)
    whole = [stream(path, False)["generator", i] for i in range(32)]
    bad = {i for i, item in enumerate(whole) if item["name"] == "train/3.png"}
    assert len(bad) == 4
    broken(path, "train/3.png")
    with pytest.raises(BrokenPicture, match=r"train/3\.png"):
        [stream(path, False)["generator", i] for i in range(32)]
    passed = [stream(path, True)["generator", i] for i in range(32)]
    for i, (before, after) in enumerate(zip(whole, passed, strict=True)):
        assert after["index"] == i
        if i in bad:
            assert after["name"] != "train/3.png" and len(after[BROKEN]) >= 1 and "train/3.png" in after[BROKEN][0]
        else:
            assert after[BROKEN] == [] and after["name"] == before["name"]
            assert np.array_equal(after["target"], before["target"])
    # In any order, in any process: what takes a place depends on (seed, i, attempt) alone.
    again = stream(path, True)
    for i in reversed(range(32)):
        item = again["generator", i]
        assert item["name"] == passed[i]["name"] and np.array_equal(item["target"], passed[i]["target"])
    assert len({passed[i]["name"] for i in bad}) > 1


def test_a_folder_of_broken_pictures_ends(tmp_path: Path) -> None:
    path = broken(folder_of(tmp_path, NAMES), *NAMES)
    with pytest.raises(UserError, match=rf"{ATTEMPTS} pictures of .* in a row cannot be read, the last: .*henkan data"):
        stream(path, True)["generator", 0]
    with pytest.raises(UserError, match="none of 8 training pictures can be read"):
        measure(ImageFolder(path, path / ".cache", skip_broken=True), ["mean"], path / ".cache")


def test_statistics_are_of_the_others(tmp_path: Path) -> None:
    path = folder_of(tmp_path / "all", NAMES)
    folder_of(tmp_path / "others", NAMES[:-1])
    broken(path, NAMES[-1])
    found = [
        measure(ImageFolder(place, tmp_path / "cache", skip_broken=True), ["mean"], tmp_path / "cache")
        for place in (path, tmp_path / "others")
    ]
    assert found[0] == found[1]


def test_drawings_are_passed_over_too(tmp_path: Path) -> None:
    path = folder_of(tmp_path, NAMES)
    (path / NAMES[0]).write_bytes(b"<html>")
    with pytest.raises(BrokenPicture):
        LineFolder(path).prepare()
    drawings = LineFolder(path, invert=False, skip_broken=True)
    drawings._looked_at = True
    order = drawings.epoch(np.random.default_rng(0))
    assert len(order) == 8 and 0 not in order
