"""What an offline run of W&B holds."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any, ClassVar

import pytest
import safetensors
import safetensors.torch
import torch
from logged_run import LoggedRun, agent, history, inspect, offline_file, panels, records, rows

from henkan.evaluation.shown import show_again
from henkan.training import checkpoint
from henkan.training.loggers import Files, WeightsAndBiases
from henkan.training.recorder import Ended


def test_an_offline_run_holds_everything(
    run: LoggedRun, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, config, folder = run
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    logger = WeightsAndBiases("henkan", "offline")
    logger.start(folder, {**record, "title": "glcic-mse-seed0 lr=1e-4"}, config, [])
    for row in rows(1, 5):
        logger.log(row)
    logger.log({"iteration": 5, "val/psnr": 9.0})
    logger.images("validation", panels(), 5)
    shutil.copy(folder / "panels" / "validation_0000005.png", folder / "picture.png")
    logger.table("test", ["file", "psnr", "picture"], [["a.png", 9.0, folder / "picture.png"], ["b.png", 8.0, None]])
    logger.finish("done", {"psnr": 8.5})

    found = history(folder)
    assert [row["iteration"] for row in found if "loss/mse" in row] == [1, 2, 3, 4, 5]
    assert [row["loss/mse"] for row in found if "loss/mse" in row] == [1.0 / number for number in range(1, 6)]
    assert [row["iteration"] for row in found if any(key.startswith("validation") for key in row)] == [5]
    files = folder / "wandb"
    assert list(files.glob("offline-run-*/files/media/images/validation*.png"))
    assert list(files.glob("offline-run-*/files/media/table/test*.json"))
    text = inspect(folder)
    for expected in (
        '"glcic-mse-seed0 lr=1e-4"',
        '"mse_vs_gan"',
        '"henkan"',
        '"completion"',
        '"reconstruction>joint"',
        "0123456789abcdef-n0nce1",
    ):
        assert expected in text
    assert [record["exit_code"] for record in records(folder, "exit")] == [0]
    summary = json.loads(inspect(folder, "--summary"))["summary"]
    assert summary["test/psnr"] == 8.5
    assert summary["val/psnr"] == {"max": 9.0}
    metrics = {record.get("name") or record["glob_name"]: record for record in records(folder, "metric")}
    assert all(metrics[name]["step_metric"] == "iteration" for name in ("*", "val/psnr", "val/l1"))
    assert metrics["val/l1"]["summary"] == {"min": True}
    assert not (home / ".local").exists()


def test_data_and_model_are_artifacts_of_the_run(
    run: LoggedRun, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, config, folder = run
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    networks = {"generator.w": torch.zeros(2), "average.network.w": torch.ones(2), "discriminator.w": torch.ones(999)}
    checkpoint.save({"iteration": 7, "state_dict": networks, "optimizers": {}}, checkpoint.last(folder))
    (folder / "config.yaml").write_text("seed: 0\n")
    logger = WeightsAndBiases("henkan", "offline")
    logger.start(folder, record, config, [])
    logger.finish("done", {})
    artifacts = {found["type"]: found for found in records(folder, "artifact")}
    data, model = artifacts["dataset"], artifacts["model"]
    assert (data["name"], json.loads(data["metadata"])) == (
        "openmoji", {"manifest": "fedcba", "_target_": "henkan.data.openmoji.OpenMoji", "side": 64}
    )  # fmt: skip
    # The run's input, and its output.
    assert data["use_after_commit"] and not model.get("use_after_commit")
    assert model["name"] == folder.name
    origin = {"identity": record["identity"], "manifest": "fedcba", "iteration": "7"}
    assert json.loads(model["metadata"]) == origin
    # The generator that is scored and nothing else, in a file that is found from any directory.
    paths = {content["path"]: Path(content["local_path"]) for content in model["manifest"]["contents"]}
    weights = folder / "wandb" / "model" / "generator.safetensors"
    assert paths == {"generator.safetensors": weights.absolute(), "config.yaml": (folder / "config.yaml").absolute()}
    assert safetensors.torch.load_file(weights)["w"].tolist() == [1, 1]
    with safetensors.safe_open(weights, "pt") as file:
        assert (file.keys(), file.metadata()) == (["w"], origin)
    assert list(home.rglob("*")) == []


def test_dashboards_can_group_over_seeds(run: LoggedRun, capsys: pytest.CaptureFixture[str]) -> None:
    record, config, folder = run
    logger = WeightsAndBiases("henkan", "offline")
    logger.start(folder, record, config, [])
    logger.finish("done", {})
    (written,) = records(folder, "run")
    assert (written["run_group"], written["job_type"]) == ("mse_vs_gan", "gan")
    told = {"study": "mse_vs_gan", "variant": "gan", "point": {"weights_adversarial": 0.01}, "seed": 0}
    assert {key: written["config"]["update"][key] for key in told} == told
    (line,) = capsys.readouterr().err.splitlines()
    (files,) = (folder / "wandb").glob("offline-run-*")
    assert line == f"henkan: W&B: offline; `henkan sync {folder}` uploads it, as does `wandb sync {files}`"


def test_what_was_done_already_is_shown_from_its_folder_once(run: LoggedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    record, config, folder = run
    files = Files()
    files.start(folder, record, config, [])
    for iteration in (2, 4):
        files.images("validation", panels(), iteration)
    logger = WeightsAndBiases("henkan", "offline")
    assert logger.shown(folder) is None
    assert WeightsAndBiases("henkan", "disabled").shown(folder) == ""
    (folder / "pictures").mkdir()
    (folder / "pictures" / "index.json").write_text('["b.png"]')
    shutil.copy(folder / "panels" / "validation_0000002.png", folder / "pictures" / "00_output.png")
    (folder / "scores.csv").write_text("file,psnr\na.png,9.0\nb.png,8.0\n")
    (folder / "evaluation.json").write_text('{"split": "test"}')
    show_again(logger, folder, {**record, "metrics": {"psnr": 8.5}}, config, rows(1, 4), "done")
    found = history(folder)
    assert [row["iteration"] for row in found if "loss/mse" in row] == [1, 2, 3, 4]
    assert [row["iteration"] for row in found if any(key.startswith("validation") for key in row)] == [2, 4]
    (table,) = [one for one in records(folder, "artifact") if one["type"] == "run_table"]
    picture, content = sorted(table["manifest"]["contents"], key=lambda one: str(one["path"]))
    assert picture["path"].startswith("media/images/") and content["path"] == "test.table.json"
    written = json.loads(Path(content["local_path"]).read_text())
    assert written["columns"] == ["file", "output", "psnr"]
    (first, second) = written["data"]
    assert first == ["a.png", None, 9.0] and (second[0], second[1]["path"]) == ("b.png", picture["path"])
    assert json.loads(inspect(folder, "--summary"))["summary"]["test/psnr"] == 8.5
    told = logger.shown(folder)
    assert told is not None and f"`henkan sync {folder}` uploads it" in told
    # The run that another agent wants is not there.
    agent(monkeypatch, "agent1")
    assert logger.shown(folder) is None
    agent(monkeypatch, None)
    file = offline_file(folder)
    file.with_suffix(".wandb.synced").touch()
    assert logger.shown(folder) == f"W&B: its run {record['identity'][:16]}-n0nce1 was uploaded"


@pytest.mark.parametrize(("status", "code", "waited"), [("interrupted", 1, 1), ("stopped", 0, 0)])
def test_an_interrupted_run_is_to_be_gone_on_with_and_a_stopped_one_has_not_failed(
    status: Ended, code: int, waited: int, run: LoggedRun
) -> None:
    record, config, folder = run
    logger = WeightsAndBiases("henkan", "offline")
    logger.start(folder, record, config, [])
    logger.log(rows(1, 1)[0])
    logger.finish(status, {})
    assert [record["exit_code"] for record in records(folder, "exit")] == [code]
    assert len(records(folder, "preempting")) == waited


def test_a_failed_run_is_finished_as_failed(run: LoggedRun) -> None:
    record, config, folder = run
    logger = WeightsAndBiases("henkan", "offline")
    logger.start(folder, record, config, [])
    logger.log(rows(1, 1)[0])
    logger.finish("failed", {})
    assert [record["exit_code"] for record in records(folder, "exit")] == [1]


def test_finishing_what_never_started_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    logger = WeightsAndBiases("henkan", "offline")
    logger.finish("failed", {})
    assert logger.run is None
    assert list(tmp_path.iterdir()) == []


def test_after_a_kill_and_a_resume_there_is_one_run_with_one_curve(run: LoggedRun) -> None:
    record, config, folder = run
    first = WeightsAndBiases("henkan", "offline")
    first.start(folder, record, config, [])
    for row in rows(1, 7):
        first.log(row)
    first.images("validation", panels(), 4)
    first.images("validation", panels(), 7)
    assert first.run is not None
    first.run.finish()  # A kill leaves the folder just as well.
    time.sleep(1.1)  # W&B names its folders by the second.

    second = WeightsAndBiases("henkan", "offline")
    second.start(folder, record, config, rows(1, 5))
    for row in rows(6, 9):
        second.log(row)
    second.finish("done", {})
    found = history(folder)
    assert [row["iteration"] for row in found if "loss/mse" in row] == list(range(1, 10))
    # Pictures up to the checkpoint are kept; later ones are drawn again.
    assert [row["iteration"] for row in found if any(key.startswith("validation") for key in row)] == [4]


class Server:
    """Stands for the server's run, which was gone on with after a kill in the middle of a validation."""

    id, dir, resumed = "here", "/nowhere/files", True
    summary: ClassVar[dict[str, float]] = {"iteration": 500, "loss/generator": 0.5, "val/psnr": 18.0}

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def log(self, row: dict[str, Any]) -> None:
        self.sent.append(row)


def test_a_validation_that_a_kill_kept_back_is_sent(tmp_path: Path) -> None:
    logger = WeightsAndBiases("henkan", "online")
    server = Server()
    logger.run, logger.last, logger.known = server, dict(server.summary), 500  # type: ignore[assignment]
    for row in (
        {"iteration": 450, "loss/generator": 0.6},
        {"iteration": 500, "loss/generator": 0.5},
        {"iteration": 500, "val/psnr": 20.0},
        {"iteration": 550, "loss/generator": 0.4},
    ):
        logger.log(row)
    assert server.sent == [{"iteration": 500, "val/psnr": 20.0}, {"iteration": 550, "loss/generator": 0.4}]


def test_disabled_there_are_files_alone(run: LoggedRun) -> None:
    record, config, folder = run
    logger = WeightsAndBiases("henkan", "disabled")
    logger.start(folder, record, config, rows(1, 2))
    logger.log({"iteration": 3, "loss/mse": 0.1})
    logger.table("test", ["file"], [["a.png"]])
    logger.finish("done", {})
    assert not (folder / "wandb").exists()
