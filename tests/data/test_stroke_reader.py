"""Files of drawings as people have them, and many of them."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from svg_on_disk import INK, PAGE, SVG, drawn, write

from henkan.data import stroke_reader
from henkan.data.stroke_reader import Reader, read_all
from henkan.data.svg import read_strokes
from henkan.data.svg_folder import SvgFolder
from henkan.errors import UserError


def test_a_packed_file_is_read(tmp_path: Path) -> None:
    plain = write(tmp_path, INK)
    (tmp_path / "train").mkdir()
    packed = tmp_path / "train" / "a.SVGZ"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert np.array_equal(read_strokes(packed).points, read_strokes(plain).points)
    assert SvgFolder(tmp_path / "train", 32, cache=tmp_path / "cache").names("train")
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"a\.SVGZ is not a readable SVG file \(it cannot be unpacked\)"):
        read_strokes(packed)


def test_an_old_file_without_a_name_space_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text(f'<svg width="100" height="100">{INK}<path d="M0 0H1" stroke="#fff"/></svg>')
    assert drawn(tmp_path / "a.svg").mean() == pytest.approx(0.01, abs=0.0005)


def test_many_files_are_read_by_processes_and_one_that_ends_them_costs_itself(tmp_path: Path) -> None:
    paths = []
    for number in range(stroke_reader.DRAWINGS_WORTH_A_PROCESS):
        paths.append(tmp_path / f"{number}.svg")
        paths[-1].write_text(SVG.format(PAGE, f'<path d="M0 {number}H9" stroke="#000"/>'))
    paths[3].write_text("no drawing")
    found = read_all(paths, None)
    assert [len(one) for one in found] == [number != 3 for number in range(len(paths))]
    assert np.array_equal(found[7].points, read_strokes(paths[7]).points)


def test_a_file_that_takes_too_long_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, INK)
    reader = Reader(None)
    monkeypatch.setattr(stroke_reader, "PATIENCE", 0.0)
    assert len(reader.read(path)[1]) == 0
    monkeypatch.undo()
    assert len(reader.read(path)[1]) == 1
    reader.close()


LINK = '<image href="photo.png" width="50" height="50"/>'


@pytest.mark.parametrize("files", [2, stroke_reader.DRAWINGS_WORTH_A_PROCESS], ids=["here", "in processes"])
def test_linked_pictures_are_left_out_and_said(files: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for number in range(files):
        (tmp_path / f"{number}.svg").write_text(SVG.format(PAGE, INK + (LINK * 2 if number == 1 else "")))
    paths = [tmp_path / f"{number}.svg" for number in range(files)]
    found = read_all(paths, None)
    assert np.array_equal(found[1].points, found[0].points)
    said = f"henkan: linked pictures are left out of 1 of {files} SVG files ({paths[1]}): embed what is linked\n"
    assert capfd.readouterr().err == said
    read_strokes(paths[1])
    assert f"{paths[1]}: 2 linked pictures are left out" in capfd.readouterr().err
    read_strokes(paths[0])
    assert capfd.readouterr().err == ""
