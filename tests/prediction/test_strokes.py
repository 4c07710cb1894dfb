"""Strokes and points as people have them: painted in files with loss, and written as tables in many ways."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from henkan import color
from henkan.errors import UserError
from henkan.prediction.colorization import points, scribbled
from henkan.prediction.sketch import on_paper, read_strokes
from henkan.prediction.strokes import parted, read_layer

SIDES = (120, 160)


def strokes() -> np.ndarray:
    layer = np.full((*SIDES, 3), 255, np.uint8)
    layer[20:32, 10:80], layer[80:92, 60:150], layer[50:110, 20:28] = (200, 40, 40), (40, 80, 220), (30, 160, 60)
    return layer


@pytest.mark.parametrize("dirty", ["a.jpg", "a.webp", "once.png"])
def test_strokes_that_were_compressed_are_those_that_were_painted(dirty: str, tmp_path: Path) -> None:
    Image.fromarray(strokes()).save(tmp_path / "clean.png")
    place = tmp_path / dirty
    Image.fromarray(strokes()).save(tmp_path / "a.jpg", quality=75)
    if dirty == "once.png":
        Image.open(tmp_path / "a.jpg").save(place)
    else:
        Image.fromarray(strokes()).save(place, quality=75)
    painted = (strokes() < 255).any(axis=2)
    assert np.array_equal(parted(read_layer(tmp_path / "clean.png"))[1], painted)
    found = parted(read_layer(place))[1]
    assert 0.9 * painted.sum() < found.sum() < 1.15 * painted.sum()
    chroma = {}
    for path in (tmp_path / "clean.png", place):
        given = scribbled(read_layer(path), (*SIDES, 3), (60, 80, 3), "photo.png")
        ab = given["hints"] * color.AB
        chroma[path] = float(torch.linalg.vector_norm(ab, dim=1)[given["hint_mask"][:, 0] > 0].mean())
    assert chroma[place] > 0.9 * chroma[tmp_path / "clean.png"] > 40
    # Those of sketches likewise.
    share = (on_paper(read_strokes(place)) < 1).any(axis=2).mean()
    assert share == pytest.approx(painted.mean(), rel=0.15)


def test_pale_strokes_in_a_clean_file_are_strokes(tmp_path: Path) -> None:
    layer = strokes()
    layer[100:115, 100:150] = (255, 235, 240)
    Image.fromarray(layer).save(tmp_path / "pale.png")
    assert parted(read_layer(tmp_path / "pale.png"))[1][105, 120]


@pytest.mark.parametrize(
    "text",
    [
        "x,y,color\n20,30,#a04040\n60.5,30,red\n",
        "X,Y,Color\n20,30,#a04040\n60.5,30,red\n",
        "x, y, color\n20, 30, #a04040\n60.5, 30, red\n",
        "X;Y;Farbe\r\n20;30;#a04040\r\n60,5;30;red\r\n",
        "20\t30\t#a04040\n\n60.5\t30\tred",
        ' 20 , 30 , "#a04040" \n60.5,30,red',
    ],
)
def test_tables_of_points(text: str, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(text)
    found = points(str(tmp_path / "p.csv"))
    assert [(x, y, word.strip('"')) for x, y, word in found] == [(20.0, 30.0, "#a04040"), (60.5, 30.0, "red")]


@pytest.mark.parametrize("row", ["60,thirty,red", "60,30", "60,30,red,4", "nan,30,red", "60,30,"])
def test_a_row_that_is_no_point_is_named(row: str, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(f"x,y,color\n20,30,#a04040\n{row}\n")
    with pytest.raises(UserError, match=rf"p.csv, row 3 \({row}\)"):
        points(str(tmp_path / "p.csv"))
