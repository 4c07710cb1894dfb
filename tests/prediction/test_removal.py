"""An object goes by a box, and what replaces it fades into the picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from henkan.errors import UserError
from henkan.launching.execute import execute
from henkan.prediction.model import load
from henkan.prediction.removal import feathered, grown, object_in


class Bright:
    """Takes what is bright for the object."""

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        return (picture.mean(axis=2) > 127).astype(np.float32)


def scene() -> np.ndarray:
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[10:20, 30:40] = 255
    pixels[30:34, 2:6] = 255
    return pixels


def test_only_what_stands_out_in_the_box_is_the_object() -> None:
    found = object_in(scene(), [25, 5, 10, 20], Bright(), "a.png")  # type: ignore[arg-type]
    assert found.sum() == 10 * 5 and found[10:20, 30:35].all()
    with pytest.raises(UserError, match=r"a.png: nothing stands out in remove=\[10, 0, 5, 5\]"):
        object_in(scene(), [10, 0, 5, 5], Bright(), "a.png")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"no box .* inside a.png \(60x40 pixels\)"):
        object_in(scene(), [50, 0, 20, 5], Bright(), "a.png")  # type: ignore[arg-type]


def test_a_hole_grows_by_so_many_pixels_in_every_direction() -> None:
    hole = np.zeros((21, 21), bool)
    hole[10, 10] = True
    wide = grown(hole, 3)
    assert wide[10, 7] and wide[7, 10] and not wide[10, 6] and not wide[7, 7]
    assert grown(hole, 0) is hole


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_feathers_lie_inside_of_the_hole(mode: str) -> None:
    before, after = (Image.new("RGB", (20, 9), color).convert(mode) for color in ("black", "white"))
    hole = np.zeros((9, 20), bool)
    hole[:, 5:15] = True
    row = np.asarray(feathered(before, after, hole, 3).convert("L"))[4].tolist()
    assert row[:5] == [0] * 5 and row[15:] == [0] * 5
    assert row[5:9] == [64, 128, 191, 255]
    assert feathered(before, after, hole, 0) is after


def test_its_weights_are_sought_where_the_model_was_told_to(tmp_path: Path) -> None:
    (tmp_path / "u2netp.onnx").write_bytes(b"no network")
    model = load(None, ["generator=telea", f"paths.weights={tmp_path}", "trainer.accelerator=cpu"])
    with pytest.raises(UserError, match=f"{tmp_path}/u2netp.onnx is damaged"):
        model(scene(), remove=[25, 5, 20, 20])


def test_by_the_command(tmp_path: Path, beside: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HENKAN_WEIGHTS", str(beside("weights/u2netp.onnx").parent))
    path = tmp_path / "a.png"
    Image.fromarray(np.where(scene() > 0, np.uint8([230, 40, 40]), np.uint8([60, 120, 60]))).save(path)
    words = ["generator=telea", f"input={path}", f"output={tmp_path / 'out'}", "grow=2", "feather=1"]
    assert execute("predict", [*words, "remove=[24,4,22,22]"]).code == 0
    result = np.asarray(Image.open(tmp_path / "out" / "a.png"))
    assert np.array_equal(result[:, :20], np.asarray(Image.open(path))[:, :20])
    assert np.abs(result[13:17, 33:37].astype(int) - [60, 120, 60]).max() < 30
    assert execute("predict", [*words, "remove=[24,4]"]).code == 2
    assert execute("predict", [*words, "remove=[24,4,22,22]", f"mask={path}"]).code == 2
