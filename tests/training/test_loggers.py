"""What a run shows: nothing, pictures in files, or all of it in an offline W&B run."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import safetensors
import safetensors.torch
import torch
import wandb
import yaml
from hydra.utils import get_object

from henkan.config.build import build
from henkan.config.composition import compose_root
from henkan.config.trees import config_folder
from henkan.errors import UserError
from henkan.evaluation.shown import show_again
from henkan.training import checkpoint
from henkan.training.loggers import Files, RunLogger, Silent, WeightsAndBiases, weights_and_biases
from henkan.training.loggers.logger import group_of, kind_of
from henkan.training.recorder import Ended

Record = dict[str, Any]


@pytest.fixture
def run(tmp_path: Path) -> tuple[Record, dict[str, Any], Path]:
    """Return the record, config and folder of a run."""
    config = {
        "paths": {"runs": str(tmp_path)},
        "recipe": "glcic",
        "task": {"_target_": "henkan.tasks.completion.Completion"},
        "loss": {"mse": {}},
        "seed": 0,
        "study": "mse_vs_gan",
        "variant": "gan",
        "point": {"weights_adversarial": 0.01},
        "schedule": {"reconstruction": {}, "joint": {}},
        "metric": {"psnr": {"better": "higher"}, "l1": {"better": "lower"}},
        "data": {"_target_": "henkan.data.openmoji.OpenMoji", "side": 64},
    }
    record = {"identity": "0123456789abcdef0123", "nonce": "n0nce1", "manifest": "fedcba"}
    folder = tmp_path / "glcic-mse-seed0-0123456789"
    folder.mkdir()
    return record, config, folder


def rows(first: int, last: int) -> list[dict[str, float | int | str]]:
    return [{"iteration": number, "phase": "joint", "loss/mse": 1.0 / number} for number in range(first, last + 1)]


def panels() -> list[dict[str, torch.Tensor]]:
    return [{"source": torch.zeros(1, 3, 8, 8), "target": torch.ones(1, 3, 8, 8)} for _ in range(3)]


def offline_file(folder: Path) -> Path:
    (file,) = (folder / "wandb").glob("offline-run-*/*.wandb")
    return file


def inspect(folder: Path, *flags: str) -> str:
    """Ask W&B's own reader."""
    command = [
        str(Path(sys.executable).with_name("wandb")),
        "leet",
        "inspect",
        *flags,
        "--json",
        str(offline_file(folder)),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def records(folder: Path, kind: str) -> list[dict[str, Any]]:
    """Return the records of a kind that an offline run holds, as W&B's own reader gives them."""
    lines = [json.loads(line) for line in inspect(folder).splitlines()]
    return [line[kind] for line in lines if line["type"] == kind]


def history(folder: Path) -> list[dict[str, Any]]:
    return [record["item"] for record in records(folder, "history")]


@pytest.mark.parametrize("name", sorted(path.stem for path in (config_folder() / "logger").glob("*.yaml")))
def test_every_logger_of_the_config_is_built(name: str) -> None:
    node = yaml.safe_load((config_folder() / "logger" / f"{name}.yaml").read_text())
    if name in ("mlflow", "tensorboard", "trackio"):
        pytest.importorskip(name, reason=f"needs the package {name}: pip install 'henkan[{name}]'")
    assert isinstance(build(node), RunLogger)
    assert get_object(node["_target_"]).__module__.startswith("henkan.training.loggers.")


def test_silent_writes_nothing(run: tuple[Record, dict[str, Any], Path]) -> None:
    record, config, folder = run
    logger = Silent()
    logger.start(folder, record, config, [])
    logger.log(rows(1, 1)[0])
    logger.images("validation", panels(), 1)
    logger.table("test", ["file"], [["a.png"]])
    logger.finish("done", {})
    assert list(folder.iterdir()) == []


def test_files_writes_a_grid_for_each_validation(run: tuple[Record, dict[str, Any], Path]) -> None:
    record, config, folder = run
    logger = Files()
    logger.start(folder, record, config, [])
    logger.images("validation", panels(), 500)
    logger.images("validation", [], 600)
    (path,) = (folder / "panels").iterdir()
    assert path.name == "validation_0000500.png"
    import cv2

    picture = cv2.imread(str(path))
    # Three examples below each other, two panels beside each other, two pixels between.
    assert picture.shape == (2 + 3 * 10, 2 + 2 * 10, 3)
    assert picture[5, 5].max() == 0 and picture[5, 15].min() == 255


def test_an_offline_run_holds_everything(
    run: tuple[Record, dict[str, Any], Path], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
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
    run: tuple[Record, dict[str, Any], Path], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
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


def test_dashboards_can_group_over_seeds(
    run: tuple[Record, dict[str, Any], Path], capsys: pytest.CaptureFixture[str]
) -> None:
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


def test_runs_of_a_sweep_are_grouped_by_it(run: tuple[Record, dict[str, Any], Path]) -> None:
    record, config, _ = run
    alone = {**config, "study": None, "variant": None, "swept": "adversarial_0.01"}
    assert (group_of({**record, "sweep": "2026-11-26_10-00-00"}, alone), kind_of(alone)) == (
        "2026-11-26_10-00-00", "adversarial_0.01"
    )  # fmt: skip
    assert (group_of(record, alone), kind_of({**alone, "swept": None})) == (None, "train")


def test_what_was_done_already_is_shown_from_its_folder_once(
    run: tuple[Record, dict[str, Any], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
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
    status: Ended, code: int, waited: int, run: tuple[Record, dict[str, Any], Path]
) -> None:
    record, config, folder = run
    logger = WeightsAndBiases("henkan", "offline")
    logger.start(folder, record, config, [])
    logger.log(rows(1, 1)[0])
    logger.finish(status, {})
    assert [record["exit_code"] for record in records(folder, "exit")] == [code]
    assert len(records(folder, "preempting")) == waited


def test_a_failed_run_is_finished_as_failed(run: tuple[Record, dict[str, Any], Path]) -> None:
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


def test_after_a_kill_and_a_resume_there_is_one_run_with_one_curve(run: tuple[Record, dict[str, Any], Path]) -> None:
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


def started(folder: Path, record: Record, config: dict[str, Any], first: int, last: int) -> None:
    """Start a run that has its rows before `first`, and end it after `last` as a kill would leave it."""
    logger = WeightsAndBiases("henkan", "offline")
    logger.start(folder, record, config, rows(1, first - 1))
    for row in rows(first, last):
        logger.log(row)
    assert logger.run is not None
    logger.run.finish()
    time.sleep(1.1)  # W&B names its folders by the second.


def agent(monkeypatch: pytest.MonkeyPatch, name: str | None) -> None:
    """Be in the environment that an agent of a W&B sweep gives to what it starts, or in none."""
    for variable, value in (("WANDB_SWEEP_ID", "sweep1"), ("WANDB_RUN_ID", name)):
        if name is None:
            monkeypatch.delenv(variable, raising=False)
        else:
            monkeypatch.setenv(variable, str(value))
    # A process reads its environment once.
    wandb.teardown()


@pytest.fixture
def environment() -> Iterator[None]:
    """Have W&B read the environment anew, and again afterwards."""
    wandb.teardown()
    yield
    wandb.teardown()


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("agents", "said"),
    [
        # The server starts an interrupted run of a sweep once more under its id.
        (["agent1", "agent1"], 0),
        # By hand it stays the sweep's run.
        (["agent1", None], 0),
        # Another run of a sweep that comes by the same settings has to be that run.
        (["agent1", "agent2"], 1),
        ([None, "agent1", None], 1),
    ],
)
def test_what_an_agent_starts_is_one_run_with_one_curve(
    agents: list[str | None],
    said: int,
    run: tuple[Record, dict[str, Any], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    record, config, folder = run
    for number, name in enumerate(agents):
        agent(monkeypatch, name)
        started(folder, record, config, 3 * number + 1, 3 * number + 5)
        # One run of one id, at each time.
        expected = next((name for name in reversed(agents[: number + 1]) if name), "0123456789abcdef-n0nce1")
        assert offline_file(folder).name == f"run-{expected}.wandb"
    # Rows beyond the checkpoint were written once.
    last = 3 * (len(agents) - 1) + 5
    assert [row["iteration"] for row in history(folder) if "loss/mse" in row] == list(range(1, last + 1))
    assert capsys.readouterr().err.count("takes over all that its run") == said


@pytest.mark.parametrize("content", ["", "a/b", "../x", "a\nb", "é", "x" * 200])
def test_an_id_that_was_not_written_here_is_none(content: str, tmp_path: Path) -> None:
    (tmp_path / "wandb").mkdir()
    assert weights_and_biases.known_id(tmp_path) is None
    (tmp_path / "wandb" / weights_and_biases.RUN_ID).write_text(content, encoding="utf-8")
    assert weights_and_biases.known_id(tmp_path) is None


@pytest.mark.usefixtures("environment")
def test_a_run_id_without_a_sweep_is_no_agent_s(
    run: tuple[Record, dict[str, Any], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    record, config, folder = run
    monkeypatch.setenv("WANDB_RUN_ID", "another")
    monkeypatch.delenv("WANDB_SWEEP_ID", raising=False)
    started(folder, record, config, 1, 2)
    assert offline_file(folder).name == "run-0123456789abcdef-n0nce1.wandb"


def test_disabled_there_are_files_alone(run: tuple[Record, dict[str, Any], Path]) -> None:
    record, config, folder = run
    logger = WeightsAndBiases("henkan", "disabled")
    logger.start(folder, record, config, rows(1, 2))
    logger.log({"iteration": 3, "loss/mse": 0.1})
    logger.table("test", ["file"], [["a.png"]])
    logger.finish("done", {})
    assert not (folder / "wandb").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [([], ("mine", "disabled")), (["logger.project=other", "logger.mode=online"], ("other", "online"))],
)
def test_its_own_variables_are_heeded(
    words: list[str], expected: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    monkeypatch.setenv("WANDB_MODE", "disabled")
    logger = build(compose_root("train", ["experiment=glcic", "logger=wandb", *words]).logger)
    assert (logger.project, logger.mode) == expected
    with pytest.raises(UserError, match=r"logger\.mode=dryrun: it is one of offline, online, disabled"):
        WeightsAndBiases("henkan", "dryrun")  # type: ignore[arg-type]


@pytest.fixture
def no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Yield the address of a server that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.usefixtures("no_key", "environment")
def test_online_without_a_key_goes_on_offline_at_once(
    run: tuple[Record, dict[str, Any], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    record, config, folder = run
    began = time.monotonic()
    logger = WeightsAndBiases("henkan", "online")
    logger.start(folder, record, config, rows(1, 2))
    assert time.monotonic() - began < 10
    logger.log({"iteration": 3, "loss/mse": 0.1})
    logger.finish("done", {})
    line, *_ = [line for line in capsys.readouterr().err.splitlines() if line.startswith("henkan:")]
    assert "goes on offline: there is no API key" in line
    assert len(history(folder)) == 3


@pytest.mark.usefixtures("no_key", "environment")
@pytest.mark.parametrize("answering", [False, True], ids=["refused", "never answered"])
def test_online_without_a_network_goes_on_offline_soon(
    answering: bool,
    run: tuple[Record, dict[str, Any], Path],
    silent_server: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    record, config, folder = run
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", silent_server if answering else "http://127.0.0.1:9")
    monkeypatch.setattr(weights_and_biases, "PATIENCE", 1.0)
    began = time.monotonic()
    logger = WeightsAndBiases("henkan", "online")
    logger.start(folder, record, config, rows(1, 2))
    assert time.monotonic() - began < 10
    logger.finish("done", {})
    assert "does not answer" in capsys.readouterr().err
    assert len(history(folder)) == 2
