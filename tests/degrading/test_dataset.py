"""The contact sheet of a folder of samples."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from henkan.data.pictures import Picture
from henkan.degrading import dataset


class Samples:
    """Two samples whose sources are larger than what is made of them, and one of another size."""

    def __init__(self, output: Path) -> None:
        self.sides = {"a": 2, "b": 2, "c": 3}

    def names(self, split: str) -> tuple[str, ...]:
        return tuple(self.sides)

    def picture(self, name: str) -> Picture:
        return np.full((self.sides[name], 2 * self.sides[name], 1), 30, np.uint8)

    def companions(self, name: str) -> dict[str, Picture]:
        side = 4 * self.sides[name]
        return {"source": np.full((side, 2 * side, 3), (200, 10, 90), np.uint8)}


def test_a_source_may_be_larger_than_its_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "Degraded", Samples)
    dataset.contact_sheet(tmp_path, "train", 8)
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    # Source above target, each 8 x 16 pixels, two of them, with 4 pixels around each.
    assert sheet is not None and sheet.shape == (4 + 16 + 4, 4 + 16 + 4 + 16 + 4, 3)
    assert (sheet[4:12, 4:20] == (90, 10, 200)).all() and (sheet[12:20, 24:40] == 30).all()
