"""Pages through a network of drawings: any size, any paper, in tiles, as lines that other programs open."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import yaml
from omegaconf import OmegaConf

from henkan.config.build import build
from henkan.data.stream import collate
from henkan.degradations.identity import Identity
from henkan.errors import UserError
from henkan.generators.simplification import SimplificationNetwork
from henkan.launching.execute import execute
from henkan.prediction.line_drawing import RedrawPages, whitened
from henkan.runs.record import write_record
from henkan.tasks.line_drawing import LineDrawing
from henkan.training.assemble import build_transform, training_stream
from henkan.transform import Transform


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a few iterations."""
    root = tmp_path_factory.mktemp("run")
    for split in ("train", "val", "test"):
        (root / "lines" / split).mkdir(parents=True)
        for number in range(3):
            cv2.imwrite(str(root / "lines" / split / f"{number}.png"), page(40, 48, 7 * number + 4))
    words = ["experiment=sketch_simplification_2016", "scale=smoke", "data=line_folder", f"data.path={root / 'lines'}"]
    words += [f"paths.runs={root / 'runs'}", f"paths.cache={root / 'cache'}", "logger=none", "metric=[mse]"]
    words += ["schedule.joint.iterations=3", "evaluation.split=null"]
    assert execute("train", words).code == 0
    return next((root / "runs").glob("sketch*"))


def page(height: int, width: int, row: int, ink: int = 0, paper: int = 255, pen: int = 2) -> np.ndarray:
    drawing = np.full((height, width, 3), paper, np.uint8)
    cv2.line(drawing, (3, row), (width - 4, height - row), (ink, ink, ink), pen)
    return drawing


def predict(run: Path, *more: str) -> int:
    return execute("predict", [f"run={run}", *more]).code


def test_a_page_of_any_size_becomes_a_grey_png(run: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), page(61, 83, 10))
    assert predict(run, f"input={tmp_path / 'a.png'}", f"output={tmp_path / 'out'}") == 0
    made = cv2.imread(str(tmp_path / "out" / "a.png"), cv2.IMREAD_UNCHANGED)
    assert made is not None and made.shape == (61, 83)


def test_an_svg_that_can_be_parsed(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("vtracer")
    cv2.imwrite(str(tmp_path / "a.png"), page(61, 83, 10))
    assert predict(run, f"input={tmp_path / 'a.png'}", f"output={tmp_path / 'out'}", "vector=svg") == 0
    root = ET.parse(tmp_path / "out" / "a.svg").getroot()
    assert root.tag.endswith("svg") and (root.get("width"), root.get("height")) == ("83", "61")


def network(width: float = 0.1) -> SimplificationNetwork:
    torch.manual_seed(0)
    return SimplificationNetwork([0.9], 0.3, width=width).eval()


def predictor(megapixels: float, **given: Any) -> RedrawPages:
    cfg = OmegaConf.create({"megapixels": megapixels, "vector": None, "invert": False, "resize": 1.0, **given})
    trained = OmegaConf.create({"channels": 1, "data": {}})
    return RedrawPages(network(), Transform(LineDrawing(8), Identity()), cfg, trained)


def test_tiles_equal_the_whole() -> None:
    drawing = np.random.default_rng(0).random((520, 600), np.float32)
    whole = predictor(1.0).redrawn(drawing)
    tiled = predictor(0.2).redrawn(drawing)
    assert whole.shape == drawing.shape
    assert np.abs(whole - tiled).max() < 1e-5


@pytest.mark.slow
def test_a_scanned_page_of_12_megapixels_needs_no_more_than_its_tiles(run: Path, tmp_path: Path) -> None:
    big = np.full((4000, 3000), 255, np.uint8)
    for row in range(100, 3900, 200):
        cv2.line(big, (50, row), (2950, row + 50), 0, 2)
    cv2.imwrite(str(tmp_path / "scan.png"), big)
    assert predict(run, f"input={tmp_path / 'scan.png'}", f"output={tmp_path / 'out'}") == 0
    made = cv2.imread(str(tmp_path / "out" / "scan.png"), cv2.IMREAD_UNCHANGED)
    assert made is not None and made.shape == (4000, 3000)


def test_light_lines_on_dark_paper_are_said_and_turned_around(run: Path, tmp_path: Path, capsys: Any) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), page(60, 80, 10, ink=255, paper=0))
    assert predict(run, f"input={tmp_path / 'a.png'}", f"output={tmp_path / 'out'}") == 2
    assert "invert=true turns it around" in capsys.readouterr().err
    assert predict(run, f"input={tmp_path / 'a.png'}", f"output={tmp_path / 'out'}", "invert=true") == 0
    cv2.imwrite(str(tmp_path / "b.png"), page(60, 80, 10))
    assert predict(run, f"input={tmp_path / 'b.png'}", f"output={tmp_path / 'out'}", "invert=true") == 2
    assert "drop invert=true" in capsys.readouterr().err


def test_colored_paper_becomes_white_and_ink_stays(capsys: Any) -> None:
    drawing = page(60, 80, 10).astype(np.float32) / 255 * np.array([0.9, 0.8, 0.5], np.float32)
    white = whitened(drawing, "a.png", invert=False)
    assert "#e5cc80" in capsys.readouterr().err
    assert np.median(white) == pytest.approx(1.0, abs=0.01) and white.min() == 0
    whitened(page(60, 80, 10).astype(np.float32) / 255, "a.png", invert=False)
    assert capsys.readouterr().err == ""


def shaded(paper: tuple[float, ...], ink: tuple[float, ...], pen: int = 2) -> np.ndarray:
    """A drawing in two colors (red, green, blue), in [0, 1]."""
    share = page(120, 160, 20, pen=pen).astype(np.float32) / 255
    return np.asarray(share * np.array(paper) + (1 - share) * np.array(ink), np.float32)


@pytest.mark.parametrize("paper", [(0.5, 0.5, 0.5), (0.7, 0.7, 0.7), (0.24, 0.47, 0.78), (0.0, 0.0, 0.0)])
def test_light_lines_are_told_from_paper_of_any_tone(paper: tuple[float, ...]) -> None:
    chalk = shaded(paper, (1.0, 1.0, 1.0))
    with pytest.raises(UserError, match="invert=true turns it around"):
        whitened(chalk, "a.png", invert=False)
    turned = whitened(chalk, "a.png", invert=True)
    assert np.median(turned) == pytest.approx(1.0, abs=0.01) and turned.min() < 0.1


@pytest.mark.parametrize("paper", [(0.55, 0.4, 0.27), (0.3, 0.3, 0.3), (1.0, 1.0, 0.0), (1.0, 0.0, 0.0)])
@pytest.mark.parametrize("pen", [2, 9])
def test_dark_lines_on_dark_or_saturated_paper_are_dark_lines(paper: tuple[float, ...], pen: int) -> None:
    white = whitened(shaded(paper, (0.0, 0.0, 0.0), pen), "a.png", invert=False)
    assert np.isfinite(white).all()
    assert np.median(white) == pytest.approx(1.0, abs=0.01) and white.min() < 0.75
    with pytest.raises(UserError, match="drop invert=true"):
        whitened(shaded(paper, (0.0, 0.0, 0.0), pen), "a.png", invert=True)


def test_a_page_in_uneven_light_is_no_dark_page(capsys: Any) -> None:
    light = np.linspace(0.3, 1.0, 160, dtype=np.float32)[None, :, None]
    white = whitened(shaded((1.0, 1.0, 1.0), (0.0, 0.0, 0.0)) * light, "a.png", invert=False)
    assert white.min() < 0.1 and np.quantile(white, 0.1) > 0.9
    assert "a.png: its paper is lit unevenly, down to 3" in capsys.readouterr().err


def test_light_that_falls_across_a_page_erases_no_ink(capsys: Any) -> None:
    drawing = shaded((1.0, 1.0, 1.0), (0.75, 0.75, 0.75))
    light = np.linspace(0.9, 0.7, 160, dtype=np.float32)[None, :, None]
    white, ink = whitened(drawing * light, "a.png", invert=False), drawing[..., 0] < 0.8
    assert white[ink] == pytest.approx(drawing[..., 0][ink], abs=0.03)
    assert white[drawing[..., 0] == 1] == pytest.approx(1, abs=0.03)


def test_wide_lines_on_white_paper_are_lines() -> None:
    assert whitened(shaded((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), 41), "a.png", invert=False).min() == 0


def lines_of(run: Path) -> dict[str, float]:
    return json.loads((run / "run.json").read_text())["lines"]


def test_what_is_trained_on_is_measured_and_no_advice_is_given_about_it(run: Path, tmp_path: Path, capsys: Any) -> None:
    known = lines_of(run)
    assert 0.5 < known["low"] <= known["median"] <= known["high"] < 5
    # What its sketches are made of, as they are shown: targets are a pen of two pixels, sources a pencil's traces.
    sources(run, tmp_path / "sketches")
    assert predict(run, f"input={tmp_path / 'sketches'}", f"output={tmp_path / 'out'}") == 0
    assert "resize=" not in capsys.readouterr().err
    assert len(list((tmp_path / "out").glob("*.png"))) == 8


def sources(run: Path, folder: Path) -> None:
    """Write eight sketches that a run was trained on, four times each in one picture."""
    config = yaml.safe_load((run / "config.yaml").read_text())
    pictures = build(config["data"])
    pictures.prepare()
    stream, transform = training_stream(config, pictures), build_transform(config)
    folder.mkdir()
    for number in range(8):
        source = transform.prepare(collate([stream[0, number]]))["source"][0, 0].numpy()
        cv2.imwrite(str(folder / f"{number}.png"), np.tile((source * 255).round().astype(np.uint8), (2, 2)))


def test_lines_unlike_those_of_training_are_said_with_the_scale_that_fits(
    run: Path, tmp_path: Path, capsys: Any
) -> None:
    cv2.imwrite(str(tmp_path / "wide.png"), page(200, 200, 30, pen=15))
    assert predict(run, f"input={tmp_path / 'wide.png'}", f"output={tmp_path / 'out'}", "resize=0.8") == 0
    said = capsys.readouterr().err
    known, width = lines_of(run), float(re.search(r"about ([\d.]+) pixels wide", said)[1])  # type: ignore[index]
    assert width == pytest.approx(12, abs=1.5)
    fits = float(re.search(r"resize=([\d.]+) fits", said)[1])  # type: ignore[index]
    assert fits == pytest.approx(0.8 * known["median"] / width, rel=0.05)


def test_a_run_of_before_it_was_measured_gives_no_advice(run: Path, tmp_path: Path, capsys: Any) -> None:
    old = tmp_path / "old"
    shutil.copytree(run, old)
    record = json.loads((old / "run.json").read_text())
    write_record(old, {name: value for name, value in record.items() if name not in ("lines", "seal")})  # type: ignore[arg-type]
    cv2.imwrite(str(tmp_path / "wide.png"), page(200, 200, 30, pen=15))
    assert predict(old, f"input={tmp_path / 'wide.png'}", f"output={tmp_path / 'out'}") == 0
    assert "resize=" not in capsys.readouterr().err


def test_resize_changes_the_size(run: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), page(60, 80, 10))
    assert predict(run, f"input={tmp_path / 'a.png'}", f"output={tmp_path / 'out'}", "resize=0.5") == 0
    made = cv2.imread(str(tmp_path / "out" / "a.png"), cv2.IMREAD_UNCHANGED)
    assert made is not None and made.shape == (30, 40)


def test_a_page_grows_to_what_can_be_opened_again(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), page(60, 80, 10))
    assert predict(run, f"input={tmp_path / 'a.png'}", f"output={tmp_path / 'out'}", "resize=300") == 2
    assert "has 24000x18000 pixels by resize=300, more than 179 million: lower it" in capsys.readouterr().err


def test_without_the_tracer_it_says_which_package(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vtracer", None)
    cv2.imwrite(str(tmp_path / "a.png"), page(60, 80, 10))
    with pytest.raises(UserError, match=r"henkan\[vector\]"):
        list(predictor(1.0, vector="svg")(tmp_path / "a.png"))
    assert predict(run, f"input={tmp_path / 'a.png'}", f"output={tmp_path / 'out'}", "vector=pdf") == 2


def test_nothing_of_the_tracer_is_imported_for_a_png() -> None:
    code = "import henkan.prediction.line_drawing, sys; assert 'vtracer' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
