"""An exported program is applied as its network is; what is wrong with one costs a line."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image
from tiny_model import write_model
from tiny_program import write_program

from henkan.config.composition import compose_root
from henkan.errors import UserError
from henkan.exporting.written import export
from henkan.files import digest_of, write_json
from henkan.prediction import loaded
from henkan.prediction.model import is_run, load
from henkan.prediction.predictor import Predictor
from henkan.prediction.program import ExportedNetwork
from henkan.runs.lines import recorded
from henkan.training import checkpoint, program_file
from henkan.zoo import networks as zoo

CPU = ["trainer.accelerator=cpu"]


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A network that takes points of color, as a model file and in TorchScript."""
    folder = tmp_path_factory.mktemp("programs")
    model = write_model(folder / "color.safetensors", "colorization", gain=0.5)
    words = {"run": str(model), "format": "torchscript", "output": str(folder / "color.pt")}
    return model, export(OmegaConf.merge(compose_root("export", []), words))


def test_points_of_color_reach_a_program(scripted: tuple[Path, Path]) -> None:
    model, program = (load(place, CPU) for place in scripted)
    assert isinstance(program.generator, ExportedNetwork) and program.discriminator is None
    assert (program.task, program.takes) == ("colorization", model.takes)
    picture = np.random.default_rng(0).integers(110, 140, (70, 90, 3), np.uint8)
    said = [[30, 40, "#a07060"], [60, 20, "#6080a0"]]
    plain, hinted = (program(picture, **more).astype(int) for more in ({}, {"points": said}))
    assert not np.array_equal(plain, hinted)
    # Where a color is outside of what a screen shows, the program says what is shown.
    assert np.mean(abs(hinted - model(picture, points=said)) <= 2) > 0.97
    with pytest.raises(UserError, match="takes no style"):
        program(picture, style=picture)


def test_code_is_run_only_for_whom_it_was_exported_by(
    scripted: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(UserError, match=r"color.pt was not exported here, and reading torchscript can run any code"):
        load(scripted[1], CPU)
    assert load(scripted[1], [*CPU, "trust=true"]).task == "colorization"


@pytest.mark.parametrize("size", [(37, 45), (64, 71), (2, 3)])
def test_a_graph_takes_pictures_of_any_size(size: tuple[int, int], tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    model = load(write_program(tmp_path / "turn.onnx"), CPU)
    picture = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    assert np.array_equal(model(picture), 255 - picture)
    assert np.array_equal(model(picture, megapixels=0.05), 255 - picture)


def test_what_is_no_program_or_asked_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    file = write_program(tmp_path / "turn.onnx")
    assert zoo.find(str(file)) == file and not is_run(file) and recorded(file) is None
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"weights alone")
    assert not program_file.is_program(weights)
    given = compose_root("predict", [])

    def opened(place: Path, **changes: object) -> Predictor:
        return loaded.load(OmegaConf.merge(given, {"run": str(place)}, changes), list(changes))

    for changes, wrong in (
        ({"iteration": 3}, "iteration: .* is an exported program"),
        ({"other": str(file), "blend": 0.5}, "other: .* is an exported program"),
        ({"evaluation": {"ensemble": True}}, "evaluation.ensemble: .* is an exported program"),
    ):
        with pytest.raises(UserError, match=wrong):
            opened(file, **changes)
    with pytest.raises(UserError, match="for this, name its run or its model file"):
        checkpoint.find_checkpoint(file)
    beside = program_file.card_beside(file)
    good = json.loads(beside.read_text())
    for change, wrong in (
        ({"sha256": "0" * 64}, "is not the program that turn.onnx.json is of"),
        ({"takes": {"source": "3"}}, "is no card of an exported program .its takes."),
        ({"multiple": 0}, "its least"),
        ({"makes": None}, "its makes"),
        ({"config": good["config"].replace("henkan.tasks.dehazing.Dehazing", "os.system")}, "no class that henkan has"),
    ):
        write_json(beside, {**good, **change})
        with pytest.raises(UserError, match=wrong):
            opened(file)
    grey = write_program(tmp_path / "grey.onnx", channels=1)
    with pytest.raises(UserError, match=r"grey.onnx cannot be applied to this"):
        opened(grey).made(Image.new("RGB", (70, 70)))
    for content in (b"", b"no graph"):
        file.write_bytes(content)
        write_json(beside, {**good, "sha256": digest_of(file)})
        with pytest.raises(UserError, match="is nothing that this onnxruntime runs"):
            opened(file)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r"is run by the package onnxruntime: pip install 'henkan\[export\]'"):
        opened(file)
    beside.unlink()
    with pytest.raises(UserError, match=r"turn.onnx has no card beside it, turn.onnx.json, .*: copy both"):
        opened(file)


def test_its_runtime_reports_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY")
    program_file.onnxruntime()
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
