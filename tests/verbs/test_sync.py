"""`henkan sync`: which runs it uploads, through W&B's own command, and what it says where there is no server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import wandb
from wandb_server import Server

from henkan.errors import UserError
from henkan.runs.run import write_config
from henkan.training import checkpoint
from henkan.training.loggers import WeightsAndBiases, weights_and_biases
from henkan.verbs import sync
from henkan.verbs.sync import main

CONFIG = {
    "recipe": "glcic",
    "task": {"_target_": "henkan.tasks.completion.Completion"},
    "seed": 0,
    "study": "mse_vs_gan",
    "variant": "mse",
    "schedule": {"joint": {}},
    "metric": {"psnr": {"better": "higher"}},
    "data": {"_target_": "henkan.data.openmoji.OpenMoji"},
    "logger": {"_target_": "henkan.training.loggers.WeightsAndBiases", "project": "emoji"},
}


def ended(runs: Path, identity: str, status: str = "done") -> Path:
    """Return the folder of a run that has ended, without anything of W&B."""
    folder = runs / f"glcic-mse-seed0-{identity}"
    folder.mkdir(parents=True)
    record = {"identity": identity * 2, "nonce": "n0nce1", "manifest": "fedcba", "status": status}
    (folder / "run.json").write_text(json.dumps({**record, "metrics": {"psnr": 8.5}}))
    write_config(folder, CONFIG)
    (folder / "metrics.csv").write_text("iteration,phase,loss/mse\n1,joint,0.5\n2,joint,0.25\n")
    state = {"iteration": 2, "state_dict": {"generator.w": torch.ones(3)}}
    checkpoint.save(state, checkpoint.last(folder))
    return folder


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a key, and a server that refuses."""
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(weights_and_biases, "PATIENCE", 2.0)
    wandb.teardown()
    yield
    wandb.teardown()


def written(folder: Path, kind: str = "offline-run", uploaded: bool = False) -> Path:
    """Put what W&B leaves beside a run, without running it."""
    file = folder / "wandb" / f"{kind}-20261126_100000-x" / "run-x.wandb"
    file.parent.mkdir(parents=True)
    file.touch()
    if uploaded:
        file.with_suffix(".wandb.synced").touch()
    (folder / "wandb" / "place").write_text(f"{folder.absolute()}\n")
    return file


@pytest.mark.usefixtures("closed")
def test_without_a_server_it_is_one_line_and_nothing_is_touched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [ended(tmp_path, identity) for identity in ("0123456789", "1123456789")]
    files = [written(folder) for folder in folders]
    with pytest.raises(UserError, match=r"^W&B: http://127\.0\.0\.1:9 does not answer; 2 runs wait, and the same com"):
        main([f"paths.runs={tmp_path}"])
    assert capsys.readouterr().out == ""
    assert [path for file in files for path in file.parent.iterdir()] == files


def test_those_that_have_ended_and_were_not_uploaded_are_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ready, again, online = (ended(tmp_path, f"{number}123456789") for number in range(3))
    written(ready)
    written(again, uploaded=True)
    written(online, "run")
    study = tmp_path / "studies" / "mse_vs_gan-smoke"
    study.mkdir(parents=True)
    node = {"folder": f"../../{ready.name}", "status": "done"}
    (study / "study.json").write_text(json.dumps({"runs": [node]}))
    everything = f"{again.name}: uploaded already\n{online.name}: it was online\n{ready.name}: to be uploaded\n"
    alone = f"{ready.name}: to be uploaded\n"
    for words, expected in (
        ([], everything),
        ([str(tmp_path / "*")], everything),
        (["mse_vs_gan"], alone),
        ([str(study), str(ready)], alone),
        (["0123"], alone),
        (["1123"], f"{again.name}: uploaded already\nnothing is left to upload\n"),
    ):
        assert main([*words, "--dry-run", f"paths.runs={tmp_path}"]) == 0
        assert capsys.readouterr().out == expected
    with pytest.raises(UserError, match=r"holds no run 'nothing'"):
        main(["nothing", f"paths.runs={tmp_path}"])
    with pytest.raises(UserError, match="henkan sync --all: it takes runs"):
        main(["--all"])


def test_one_that_fails_keeps_the_others_going(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [ended(tmp_path, f"{number}123456789") for number in range(3)]
    outcomes = {folders[0]: (None, "http://here/me/emoji/runs/x"), folders[1]: ("refused", ""), folders[2]: (None, "")}
    monkeypatch.setattr(sync, "unreachable", lambda: None)
    monkeypatch.setattr(sync, "upload", outcomes.__getitem__)
    with pytest.raises(UserError, match="1 of 3 runs were not uploaded; the same command tries them again"):
        main([f"paths.runs={tmp_path}"])
    assert capsys.readouterr().out.splitlines() == [
        f"{folders[0].name}: uploaded http://here/me/emoji/runs/x",
        f"{folders[1].name}: not uploaded: refused",
        f"{folders[2].name}: uploaded",
    ]


def test_two_that_a_kill_has_left_are_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = ended(tmp_path, "0123456789")
    earlier = written(folder)
    later = earlier.parent.with_name("offline-run-20261126_110000-x") / earlier.name
    later.parent.mkdir()
    later.touch()

    def again(place: Path) -> None:
        assert place == folder
        shutil.rmtree(earlier.parent)
        later.with_suffix(".wandb.synced").touch()

    monkeypatch.setattr(sync, "write_again", again)
    monkeypatch.setattr("subprocess.run", lambda *_, **__: SimpleNamespace(stdout="", stderr=""))
    assert sync.upload(folder) == (None, "")


@pytest.mark.slow
def test_all_of_a_run_arrives_wherever_its_folder_was_moved(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sync.write_again(ended(tmp_path / "before", "0123456789"))
    shutil.move(tmp_path / "before", tmp_path / "after")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    (folder,) = (tmp_path / "after").iterdir()
    capsys.readouterr()
    assert main([str(folder)]) == 0
    address = f"{server.address}/me/emoji/runs/0123456789012345-n0nce1"
    assert capsys.readouterr().out == f"{folder.name}: uploaded {address}\n"
    bucket = server.variables("UpsertBucket")[0]
    assert (bucket["groupName"], bucket["jobType"], bucket["project"]) == ("mse_vs_gan", "mse", "emoji")
    assert json.loads(bucket["config"])["variant"]["value"] == "mse"
    assert [(row["iteration"], row["loss/mse"]) for row in server.history] == [(1, 0.5), (2, 0.25)]
    weights = folder / "wandb" / "model" / "generator.safetensors"
    assert server.stored["generator.safetensors"] == weights.read_bytes()
    assert json.loads(server.stored["manifest.json"]) == {"manifest": "fedcba"}
    assert list(elsewhere.iterdir()) == []
    # Once more there is nothing to do.
    assert main([str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder.name}: uploaded already\nnothing is left to upload\n"


@pytest.mark.slow
def test_online_a_run_is_one_with_one_curve(tmp_path: Path, server: Server) -> None:
    folder = ended(tmp_path, "0123456789")
    record = json.loads((folder / "run.json").read_text())
    logger = WeightsAndBiases("emoji", "online")
    logger.start(folder, record, CONFIG, [{"iteration": 1, "loss/mse": 0.5}])  # type: ignore[arg-type]
    logger.log({"iteration": 2, "loss/mse": 0.25})
    logger.finish("done", {"psnr": 8.5})
    assert [row["iteration"] for row in server.history] == [1, 2]
    assert server.stored["generator.safetensors"]
    assert logger.shown(folder) == "W&B: it is the run 0123456789012345-n0nce1"


def test_a_damaged_record_leaves_the_others_to_be_uploaded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended(tmp_path, "0123456789")
    (ended(tmp_path, "abcdefghij") / "run.json").write_text('{"status": ')
    assert main([f"paths.runs={tmp_path}", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "abcdefghij: left out: " in said and "glcic-mse-seed0-0123456789: to be uploaded" in said
