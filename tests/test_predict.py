"""`henkan predict`: what is kept, what is written, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from henkan.cli import execute

BOX = np.s_[10:20, 12:25]


def write(folder: Path, mode: str, name: str = "a.png") -> Path:
    channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}[mode]
    pixels = np.random.default_rng(0).integers(0, 256, (40, 48, channels), np.uint8)
    Image.fromarray(pixels.squeeze()).save(folder / name)
    mask = np.zeros((40, 48), np.uint8)
    mask[BOX] = 255
    Image.fromarray(mask).save(folder / f"{Path(name).stem}_mask.png")
    return folder / name


def predict(folder: Path, *more: str) -> int:
    command = ["generator=telea", f"output={folder / 'out'}", "trainer.accelerator=cpu", *more]
    return execute("predict", command).code


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_known_pixels_mode_and_alpha_stay(mode: str, tmp_path: Path) -> None:
    path = write(tmp_path, mode)
    assert predict(tmp_path, f"input={path}") == 0
    with Image.open(path) as before, Image.open(tmp_path / "out" / "a.png") as after:
        assert after.mode == mode
        old, new = np.asarray(before), np.asarray(after)
    known = np.ones((40, 48), bool)
    known[BOX] = False
    assert (old[known] == new[known]).all()
    assert (old[BOX] != new[BOX]).any()
    if mode in ("LA", "RGBA"):
        assert (old[..., -1] == new[..., -1]).all()


def test_a_bad_file_does_not_stop_the_others(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "RGB")
    broken = write(tmp_path, "RGB", "b.png")
    broken.write_bytes(broken.read_bytes()[:400])
    write(tmp_path, "RGB", "c.png")
    with pytest.raises(SystemExit) as left:
        predict(tmp_path, f"input={tmp_path}", "postprocess=poisson")
    assert left.value.code == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "c.png"]
    assert "1 of 3 pictures failed" in capfd.readouterr().err


def test_what_it_refuses(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "RGB")
    assert predict(tmp_path, f"input={tmp_path / 'nothing.png'}") == 2
    assert "there are no pictures" in capfd.readouterr().err
    assert predict(tmp_path, f"input={path}", f"output={tmp_path}") == 2
    assert "is an input" in capfd.readouterr().err
    assert predict(tmp_path, f"input={path}", "generator=glcic") == 2
    assert "name a trained run" in capfd.readouterr().err
    (tmp_path / "a_mask.png").unlink()
    assert predict(tmp_path, f"input={path}") == 2
    assert "has no mask" in capfd.readouterr().err
    Image.fromarray(np.zeros((40, 48), np.uint16)).save(path)
    assert predict(tmp_path, f"input={path}") == 2
    assert "8 bits" in capfd.readouterr().err
