"""TensorBoard, MLflow and Trackio: what they write is read back through their own readers."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from logged_run import panels, rows

from henkan.errors import UserError
from henkan.training.loggers.logger import Files, RunLogger

CONFIG: Any = {
    "recipe": "glcic",
    "task": {"_target_": "henkan.tasks.completion.Completion"},
    "loss": {"mse": {}},
    "weights": {"mse": 0.5},
    "seed": 3,
    "study": "mse_vs_gan",
    "variant": "gan",
    "point": {"weights_mse": 0.5},
    "schedule": {"reconstruction": {}, "joint": {}},
}
RECORD = {"identity": "0123456789abcdef0123", "nonce": "n0nce1", "title": "glcic-mse-seed3 mse=0.5"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "runs" / "glcic-mse-seed3-0123456789"
    found.mkdir(parents=True)
    return found


def shown(folder: Path, make: type[RunLogger], **settings: Any) -> None:
    """Show a run that was killed after iteration 7, and gone on with from a checkpoint at 5."""
    logger = make(**settings)
    assert logger.shown(folder) is None
    logger.start(folder, RECORD, CONFIG, [])
    for row in rows(1, 7):
        logger.log(row)
        if row["iteration"] in (4, 7):
            logger.images("validation", panels(), int(row["iteration"]))
    # As a kill leaves it, but for what its buffers held.
    if (inner := getattr(logger, "logger", None)) is not None:
        inner.save()
    if (process := getattr(logger, "run", None)) is not None:
        process.finish()
    logger = make(**settings)
    logger.start(folder, RECORD, CONFIG, rows(1, 5))
    for row in rows(6, 9):
        logger.log(row)
    logger.log({"iteration": 9, "val/psnr": 20.0, "val/l1": float("nan")})
    picture = folder / "panels" / "validation_0000004.png"
    logger.table("test", ["file", "output", "psnr"], [["a.png", None, 9.0], ["b|c.png", picture, 8.0]])
    logger.finish("done", {"psnr": 8.5})
    assert logger.shown(folder) == ""
    logger.finish("failed", {})


def test_tensorboard_holds_one_curve(folder: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs the package tensorboard: pip install 'henkan[tensorboard]'")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    from henkan.training.loggers.tensorboard import TensorBoard

    shown(folder, TensorBoard)
    found = EventAccumulator(str(folder / "tensorboard"), size_guidance={"images": 0, "scalars": 0, "tensors": 0})
    found.Reload()
    curve = [(event.step, pytest.approx(event.value)) for event in found.Scalars("loss/mse")]
    assert [step for step, _ in curve] == list(range(1, 10)) and curve[3][1] == 0.25
    assert [(event.step, event.value) for event in found.Scalars("val/psnr")] == [(9, 20.0)]
    assert "val/l1" not in found.Tags()["scalars"]
    assert found.Scalars("test/psnr")[0].value == 8.5
    # Pictures up to the checkpoint are kept; later ones are drawn again.
    assert [(event.step, event.width, event.height) for event in found.Images("validation")] == [(4, 22, 32)]
    assert [event.step for event in found.Images("test/output")] == [0]
    text = found.Tensors("test/text_summary")[0].tensor_proto.string_val[0].decode()
    assert text.splitlines() == ["| file | psnr |", "| --- | --- |", "| a.png | 9.0000 |", "| b\\|c.png | 8.0000 |"]
    assert "variant: gan" in found.Tensors("tags/text_summary")[0].tensor_proto.string_val[0].decode()
    data = HParamsPluginData.FromString(
        found.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    ).session_start_info.hparams
    told = (data["variant"].string_value, data["seed"].number_value, data["weights/mse"].number_value)
    assert told == ("gan", 3, 0.5)


@pytest.mark.slow
def test_mlflow_goes_on_with_its_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow", reason="needs the package mlflow: pip install 'henkan[mlflow]'")
    from mlflow.tracking import MlflowClient

    from henkan.training.loggers.mlflow import MLflow

    monkeypatch.chdir(folder.parents[1])
    shown(folder, MLflow, experiment="emoji", uri=None)
    client = MlflowClient(f"sqlite:///{folder.parent / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("emoji")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id], "tags.variant = 'gan' and tags.study = 'mse_vs_gan'")
    assert (run.info.run_name, run.info.status) == ("glcic-mse-seed3 mse=0.5", "FINISHED")
    assert (run.data.tags["point.weights_mse"], run.data.tags["phases"]) == ("0.5", "reconstruction>joint")
    assert (run.data.params["seed"], run.data.params["weights/mse"]) == ("3", "0.5")
    curve = {(one.step, one.value) for one in client.get_metric_history(run.info.run_id, "loss/mse")}
    assert curve == {(number, 1.0 / number) for number in range(1, 10)}
    assert run.data.metrics["test/psnr"] == 8.5 and "val/l1" not in run.data.metrics
    paths = [
        one.path
        for place in ("validation", "test", "test/pictures")
        for one in client.list_artifacts(run.info.run_id, place)
    ]
    assert [path for path in paths if path.endswith(("png", "csv"))] == [
        "validation/validation_0000004.png", "validation/validation_0000007.png", "test/scores.csv",
        "test/pictures/validation_0000004.png",
    ]  # fmt: skip
    # Nothing elsewhere.
    assert [path.name for path in folder.parents[1].iterdir()] == ["runs"]
    # A run that is not there any more is another one.
    client.delete_run(run.info.run_id)
    (folder / "mlflow" / "run").write_text(f"0000\nsqlite:///{folder.parent / 'mlflow.db'}\n")
    logger = MLflow("emoji", None)
    logger.start(folder, RECORD, CONFIG, rows(1, 2))
    logger.finish("interrupted", {})
    (again,) = client.search_runs([experiment.experiment_id])
    assert (again.info.status, again.data.tags["status"], again.data.metrics["iteration"]) == (
        "KILLED",
        "interrupted",
        2,
    )


@pytest.mark.slow
def test_trackio_holds_one_curve(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(folder.parents[1] / "trackio"))
    pytest.importorskip("trackio", reason="needs the package trackio, which takes no pillow of today yet")
    from trackio.sqlite_storage import SQLiteStorage

    from henkan.training.loggers.trackio import Trackio

    shown(folder, Trackio, project="emoji")
    assert SQLiteStorage.get_runs("emoji") == [folder.name]
    logs = SQLiteStorage.get_logs("emoji", folder.name)
    assert [(one["step"], one["loss/mse"]) for one in logs if "loss/mse" in one] == [
        (number, 1.0 / number) for number in range(1, 10)
    ]
    assert [one["step"] for one in logs if "validation" in one] == [4]
    assert [one["test/psnr"] for one in logs if "test/psnr" in one] == [8.5]
    config = SQLiteStorage.get_run_config("emoji", folder.name)
    assert config is not None and (config["variant"], config["tags"]["study"]) == ("gan", "mse_vs_gan")


@pytest.mark.parametrize(
    ("name", "kind", "settings"),
    [
        ("tensorboard", "TensorBoard", {}),
        ("mlflow", "MLflow", {"experiment": "henkan", "uri": None}),
        ("trackio", "Trackio", {"project": "henkan"}),
    ],
)
def test_without_the_package_one_line_names_the_extra(
    name: str, kind: str, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module(f"henkan.training.loggers.{name}")
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=rf"^logger={name} needs the package {name}: pip install 'henkan\[{name}\]'$"):
        getattr(module, kind)(**settings)
    assert issubclass(getattr(module, kind), Files)
