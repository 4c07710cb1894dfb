"""Decoded pictures stay in memory while they fit, and while their files stay as they are."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from henkan.data import folder
from henkan.data.image_folder import ImageFolder
from henkan.data.kept import Kept

SIDES = {"a": 8, "large": 20, "b": 6}


def test_what_fits_is_decoded_once_and_what_does_not_each_time(tmp_path: Path) -> None:
    decoded: list[str] = []

    def decode(path: Path) -> np.ndarray:
        decoded.append(path.name)
        return np.zeros((SIDES[path.name], SIDES[path.name], 3), np.uint8)

    for name in SIDES:
        (tmp_path / name).touch()
    kept = Kept(budget=3 * 100)
    for _ in range(2):
        for name in SIDES:
            kept(tmp_path / name, decode)
    assert decoded == ["a", "large", "b", "large"]
    assert kept.budget == 0
    os.utime(tmp_path / "a", ns=(0, 1))
    for _ in range(2):
        kept(tmp_path / "a", decode)
    assert decoded[4:] == ["a"] and kept.budget == 0
    assert pickle.loads(pickle.dumps(kept)).pictures == {}


def test_a_folder_decodes_a_picture_once(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, opened = ImageFolder(pictures), []
    real = folder.decode
    monkeypatch.setattr(folder, "decode", lambda path: opened.append(path) or real(path))
    assert source.picture(source.names("train")[0]) is source.picture(source.names("train")[0])
    assert len(opened) == 1
