"""A person's own sketch, with strokes of color or without, through a network of sketches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image
from torch import Tensor, nn

from henkan.degradations.identity import Identity
from henkan.errors import UserError
from henkan.launching.execute import execute
from henkan.prediction.sketch import PaintSketches, read_strokes
from henkan.tasks.sketch_to_picture import SketchToPicture
from henkan.transform import Transform


class Shown(nn.Module):
    """Returns the strokes it is shown, darkened by the sketch."""

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return {"raw": image[:, 1:] * image[:, :1]}


def predictor(**given: Any) -> PaintSketches:
    cfg = OmegaConf.create({"megapixels": 1.0, "invert": False, "resize": 1.0, "strokes": None, **given})
    return PaintSketches(Shown(), Transform(SketchToPicture(8), Identity()), cfg, OmegaConf.create({}))


def sketch(path: Path, mode: str = "L", paper: int = 255) -> Path:
    drawing = np.full((40, 56), paper, np.uint8)
    cv2.line(drawing, (4, 4), (50, 34), 0, 2)
    Image.fromarray(drawing).convert(mode).save(path)
    return path


def painted(path: Path, **given: Any) -> np.ndarray:
    predict = predictor(**given)
    predict.expect([path])
    ((ending, content),) = predict(path)
    assert ending == ".png"
    decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    return decoded[..., ::-1]


@pytest.mark.parametrize("mode", ["L", "RGB", "1", "P", "LA"])
def test_a_sketch_of_any_mode_without_strokes(tmp_path: Path, mode: str) -> None:
    result = painted(sketch(tmp_path / "a.png", mode))
    assert result.shape == (40, 56, 3)
    assert result[19, 27].max() < 100 and result[30, 5].min() > 250


def test_strokes_on_white_and_on_a_transparent_layer(tmp_path: Path) -> None:
    page = sketch(tmp_path / "a.png")
    layer = np.zeros((40, 56, 4), np.uint8)
    layer[30:34, 4:20] = (200, 30, 60, 255)
    Image.fromarray(layer).save(tmp_path / "layer.png")
    opaque = np.full((40, 56, 3), 252, np.uint8)
    opaque[30:34, 4:20] = (200, 30, 60)
    Image.fromarray(opaque).save(tmp_path / "opaque.png")
    results = [painted(page, strokes=str(tmp_path / f"{name}.png")) for name in ("layer", "opaque")]
    assert np.array_equal(*results)
    assert results[0][31, 10].tolist() == [200, 30, 60]
    assert (results[0][36:] == 255).all(), "white is no stroke"


def test_paper_is_made_white_and_dark_paper_is_refused(tmp_path: Path) -> None:
    result = painted(sketch(tmp_path / "a.png", paper=180))
    assert result[30, 5].min() == 255 and result[19, 27].max() < 100
    with pytest.raises(UserError, match="light lines on dark paper"):
        painted(sketch(tmp_path / "b.png", paper=20))


def test_resize_resizes_both(tmp_path: Path) -> None:
    page = sketch(tmp_path / "a.png")
    Image.new("RGB", (56, 40), (30, 160, 60)).save(tmp_path / "s.png")
    result = painted(page, strokes=str(tmp_path / "s.png"), resize=0.5)
    assert result.shape == (20, 28, 3) and result[18, 2].tolist() == [30, 160, 60]


def test_lines_unlike_those_trained_on_are_told(tmp_path: Path, capsys: Any) -> None:
    page = sketch(tmp_path / "a.png")
    for lines, said in (({"low": 1.0, "median": 2.0, "high": 2.5}, 0), ({"low": 5.0, "median": 6.0, "high": 8.0}, 1)):
        predict = predictor()
        predict.lines = lines
        predict.expect([page])
        list(predict(page))
        assert capsys.readouterr().err.count("those that the network was trained on 5 to 8: resize=") == said


def test_strokes_are_looked_up_by_the_sketch_s_stem(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "strokes").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "strokes" / "a.png")
    pages = [Path("x/a.jpg"), Path("x/b.jpg")]
    predict = predictor(strokes=str(tmp_path / "strokes"))
    assert predict.expect(pages) == [tmp_path / "strokes" / "a.png"] and predict.beside(pages[1]).strokes is None
    assert "1 of 2 sketches have no STEM.png" in capsys.readouterr().err
    with pytest.raises(UserError, match="one picture for 2 sketches"):
        predictor(strokes=str(tmp_path / "strokes" / "a.png")).expect(pages)
    with pytest.raises(UserError, match="neither a picture nor a folder"):
        predictor(strokes=str(tmp_path / "none")).expect(pages)


def test_what_cannot_be_strokes_costs_one_line(tmp_path: Path) -> None:
    page = sketch(tmp_path / "a.png")
    Image.new("RGB", (55, 40)).save(tmp_path / "small.png")
    with pytest.raises(UserError, match=r"small\.png has 55x40 pixels and .*a\.png 56x40"):
        painted(page, strokes=str(tmp_path / "small.png"))
    Image.new("CMYK", (56, 40)).save(tmp_path / "print.tif")
    with pytest.raises(UserError, match=r"print\.tif has colors in CMYK: save the strokes as PNG"):
        read_strokes(tmp_path / "print.tif")
    Image.fromarray(np.zeros((40, 56), np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(UserError, match="more than 8 bits"):
        read_strokes(tmp_path / "deep.png")
    with pytest.raises(UserError, match="there is no picture"):
        read_strokes(tmp_path / "none.png")


def test_tiles_equal_the_whole() -> None:
    rng = np.random.default_rng(0)
    page, strokes = rng.random((300, 260), np.float32), rng.random((300, 260, 3), np.float32)
    tiled = predictor(megapixels=0.02)
    tiled.network.context, tiled.network.multiple = 8, 8  # type: ignore[assignment]
    assert np.abs(tiled.painted(page, strokes) - page[..., None] * strokes).max() < 1e-6
    assert torch.is_inference_mode_enabled() is False


def test_a_trained_run_paints(pictures: Path, tmp_path: Path, capsys: Any) -> None:
    words = ["experiment=scribbler", "scale=smoke", "data=image_folder", f"data.path={pictures}", "logger=none"]
    words += [f"paths.runs={tmp_path / 'runs'}", f"paths.cache={tmp_path / 'cache'}", "metric=[psnr]", "loss=[mse]"]
    words += ["schedule.reconstruction.iterations=2", "schedule.joint.iterations=2", "evaluation.split=null"]
    assert execute("train", words).code == 0
    (run,) = (tmp_path / "runs").glob("scribbler*")
    page = sketch(tmp_path / "a.png")
    Image.new("RGBA", (56, 40), (0, 0, 200, 255)).save(tmp_path / "s.png")
    for more in ([], [f"strokes={tmp_path / 's.png'}"]):
        output = tmp_path / f"out{len(more)}"
        assert execute("predict", [f"run={run}", f"input={page}", f"output={output}", *more]).code == 0
    with_strokes, without = (cv2.imread(str(tmp_path / out / "a.png")) for out in ("out1", "out0"))
    assert with_strokes is not None and without is not None and with_strokes.shape == (40, 56, 3)
    assert not np.array_equal(with_strokes, without)
    capsys.readouterr()
    assert execute("predict", [f"run={run}", f"input={page}", f"output={tmp_path}"]).code == 2
    assert "is an input" in capsys.readouterr().err
