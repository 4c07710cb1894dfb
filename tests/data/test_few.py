"""Few training pictures: some of more, and what is scored stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from pictures_on_disk import folder_of

from henkan.data.few import Few
from henkan.data.image_folder import ImageFolder
from henkan.errors import UserError


def test_fewer_pictures_are_some_of_more(tmp_path: Path) -> None:
    folder_of(tmp_path, [f"train/{k}.png" for k in range(12)] + ["val/a.png", "test/b.png"])
    kept = []
    for count in (3, 7):
        pictures = ImageFolder(tmp_path)
        Few(count).leave_out(pictures)
        kept.append(set(pictures.names("train")))
        assert len(kept[-1]) == count
        assert pictures.names("val") == ("val/a.png",) and pictures.names("test") == ("test/b.png",)
    assert kept[0] < kept[1] < set(ImageFolder(tmp_path).names("train"))
    # Not the first ones by name, which in many folders are alike.
    assert kept[0] != set(ImageFolder(tmp_path).names("train")[:3])


def test_more_than_there_are_is_refused(tmp_path: Path) -> None:
    folder_of(tmp_path, ["train/a.png", "train/b.png"])
    with pytest.raises(UserError, match="has 2 training pictures: lower screen.count=3"):
        Few(3).leave_out(ImageFolder(tmp_path))
    with pytest.raises(UserError, match=r"screen\.count=0"):
        Few(0)
