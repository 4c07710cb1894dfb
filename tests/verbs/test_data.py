"""`henkan data`: all that is wrong with a folder, in one pass that goes on where it was interrupted."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from henkan.data import survey
from henkan.launching.execute import execute


@pytest.fixture
def folder(pictures: Path, tmp_path: Path) -> Path:
    """The shapes, with what people's folders have: broken files, a grey picture, one twice, other kinds and sizes."""
    root = shutil.copytree(pictures, tmp_path / "own")
    (root / "train" / "000.png").write_bytes((root / "train" / "000.png").read_bytes()[:60])
    (root / "val" / "000.png").write_bytes(b"<html>")
    (root / "train" / "link.png").symlink_to(tmp_path / "nowhere.png")
    shutil.copy(root / "train" / "001.png", root / "test" / "copy.png")
    cv2.imwrite(str(root / "train" / "grey.png"), np.full((20, 30), 90, np.uint8))
    Image.open(root / "train" / "002.png").convert("P").resize((24, 20)).save(root / "train" / "palette.gif")
    return root


def words(folder: Path, output: Path, *more: str) -> list[str]:
    return ["data=image_folder", f"data.path={folder}", f"paths.cache={folder / '.cache'}", f"output={output}", *more]


def rows(output: Path) -> dict[str, dict[str, str]]:
    with (output / "pictures.csv").open() as file:
        return {row["name"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize("workers", [0, 2])
def test_everything_is_listed(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], workers: int) -> None:
    output = tmp_path / "seen"
    assert execute("data", words(folder, output, f"workers={workers}")).code == 2
    said = capfd.readouterr()
    lines = said.out.splitlines()
    assert lines[0] == f"{folder}: 26 train, 4 val, 7 test, by the folders test, train, val"
    assert f"left out: {folder}/train/link.png (a link to nothing)" in lines
    unreadable = [line for line in lines if line.startswith("cannot be read: ")]
    assert [name for line in unreadable for name in ("train/000", "val/000") if name in line] == [
        "train/000",
        "val/000",
    ]
    assert "sizes: 3, mostly 48x40 (33); shorter sides 20 to 40, half of them under 41" in lines
    assert "files: 33 PNG RGB, 1 PNG L, 1 GIF P" in lines
    assert "grey: 1: train/grey.png" in lines
    assert "same pixels: 1 more than once: train/001.png = test/copy.png" in lines
    assert any(line.startswith("same pixels in several splits: 1, ") for line in lines)
    assert lines[-1] == str(output)
    assert said.err.splitlines()[-1].startswith("henkan: 2 of 37 pictures cannot be read: mend or remove them")

    found = rows(output)
    assert len(found) == 37 and found["train/grey.png"]["grey"] == "True"
    assert found["train/palette.gif"] | {"pixels": "", "grey": ""} == {
        "split": "train", "name": "train/palette.gif", "width": "24", "height": "20", "format": "GIF", "mode": "P",
        "grey": "", "pixels": "", "broken": "",
    }  # fmt: skip
    assert "is not a picture" in found["val/000.png"]["broken"]
    sheet = cv2.imread(str(output / "sheet.png"))
    assert sheet is not None and sheet.shape[1] == 12 * 100 + 4 and sheet.std() > 20


def test_a_folder_in_order_ends_well(pictures: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    given = ["data=image_folder", f"data.path={pictures}", f"paths.cache={tmp_path / 'cache'}"]
    assert execute("data", [*given, f"output={tmp_path / 'seen'}", "workers=0", "sheet=3"]).code == 0
    assert "cannot be read" not in capfd.readouterr().out
    sheet = cv2.imread(str(tmp_path / "seen" / "sheet.png"))
    assert sheet is not None and sheet.shape[0] == 3 * 120
    assert execute("data", [*given, "sheet=0"]).code == 2


def test_it_goes_on_where_it_was_interrupted(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    real = survey.look

    def some(pictures: Any, name: str) -> survey.Facts:
        if len(seen) == 20:
            raise KeyboardInterrupt
        seen.append(name)
        return real(pictures, name)

    monkeypatch.setattr(survey, "look", some)
    with pytest.raises(KeyboardInterrupt):
        execute("data", words(folder, tmp_path / "seen", "workers=0"))
    # A batch of them was done.
    assert len(seen) == 20 and not (tmp_path / "seen").exists()
    rest: list[str] = []

    def counted(pictures: Any, name: str) -> survey.Facts:
        rest.append(name)
        return real(pictures, name)

    monkeypatch.setattr(survey, "look", counted)
    assert execute("data", words(folder, tmp_path / "seen", "workers=0")).code == 2
    assert len(rest) == 37 - survey.BATCH and not set(rest) & set(seen[: survey.BATCH])
    (folder / "train" / "000.png").write_bytes((folder / "train" / "001.png").read_bytes())
    rest.clear()
    assert execute("data", words(folder, tmp_path / "seen", "workers=0")).code == 2
    assert rest == ["train/000.png"] and rows(tmp_path / "seen")["train/000.png"]["broken"] == ""


def test_pairs_of_other_sizes_are_bad_too(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for side in ("source", "target"):
        (tmp_path / side / "train").mkdir(parents=True)
        for name in ("a", "b"):
            size = (5, 8, 3) if (side, name) == ("source", "b") else (6, 8, 3)
            cv2.imwrite(str(tmp_path / side / "train" / f"{name}.png"), np.full(size, 90, np.uint8))
    given = ["data=paired_folder", f"data.path={tmp_path}", f"paths.cache={tmp_path / 'cache'}", "workers=0"]
    assert execute("data", [*given, f"output={tmp_path / 'seen'}"]).code == 2
    assert "cannot be read: train/b.png: its source is 8x5 pixels, its target 8x6" in capfd.readouterr().out
