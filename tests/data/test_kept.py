"""Decoded pictures stay in memory while they fit."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from henkan.data import image_folder
from henkan.data.image_folder import ImageFolder
from henkan.data.kept import Kept


def test_what_fits_is_decoded_once_and_what_does_not_each_time() -> None:
    decoded: list[str] = []

    def decode(name: str, side: int) -> np.ndarray:
        decoded.append(name)
        return np.zeros((side, side, 3), np.uint8)

    kept = Kept(budget=3 * 100)
    for _ in range(2):
        for name, side in (("a", 8), ("large", 20), ("b", 6)):
            kept(name, lambda name=name, side=side: decode(name, side))  # type: ignore[misc]
    assert decoded == ["a", "large", "b", "large"]
    assert kept.budget == 0
    assert pickle.loads(pickle.dumps(kept)).pictures == {}


def test_a_folder_decodes_a_picture_once(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, opened = ImageFolder(pictures), []
    real = image_folder.decode
    monkeypatch.setattr(image_folder, "decode", lambda path: opened.append(path) or real(path))
    assert folder.read("train", 0) is folder.read("train", 0)
    assert len(opened) == 1
