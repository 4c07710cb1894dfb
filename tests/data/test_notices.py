"""What is said of files is said once in a process, and can be asked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from henkan.data import notices


def test_a_kind_is_told_of_once(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        for kind in ("pages of TIFF", "pages of GIF"):
            notices.once(kind, f"there are {kind}")
    assert capsys.readouterr().err.splitlines() == ["henkan: there are pages of TIFF", "henkan: there are pages of GIF"]
    notices.forget()
    notices.once("pages of GIF", "again")
    assert capsys.readouterr().err == "henkan: again\n"


def test_what_is_left_out_is_counted_named_and_kept(capsys: pytest.CaptureFixture[str]) -> None:
    notices.leave_out(Path("photos"), {})
    assert capsys.readouterr().err == "" and notices.left_out() == {}
    odd = os.fsdecode(b"\xff.png")
    notices.leave_out(Path("photos"), {odd: "its name is no UTF-8"})
    assert capsys.readouterr().err == "henkan: photos: 1 file is left out: \\xff.png (its name is no UTF-8)\n"
    many = {f"{number}.png": "a link to nothing" for number in range(1_200)}
    for _ in range(2):
        notices.leave_out(Path("frames"), many)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("henkan: frames: 1,200 files are left out: 0.png (a link to nothing), 1.png")
    assert line.endswith("2.png (a link to nothing), ...") and len(notices.left_out()) == 1_201
    assert notices.left_out()["photos/\\xff.png"] == "its name is no UTF-8"
