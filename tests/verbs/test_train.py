"""`henkan train` as a user meets it: what it leaves behind, what it says, and what it refuses."""

from __future__ import annotations

import csv
import errno
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf
from tiny_study import in_study, own

from henkan.errors import TrainingFailed, UserError
from henkan.launching.execute import execute
from henkan.launching.launcher import WarmProcesses
from henkan.launching.swept import noted
from henkan.runs.curves import last_iteration, read_rows
from henkan.runs.record import read_record
from henkan.training import checkpoint
from henkan.verbs import train

Compose = Callable[..., DictConfig]


def only_run(runs: Path) -> Path:
    (folder,) = (path.parent for path in runs.glob("*/run.json"))
    return folder


def weights(folder: Path, network: str = "generator") -> dict[str, torch.Tensor]:
    return checkpoint.part(checkpoint.load(folder / "checkpoints" / "last.ckpt"), network)


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(value, second[name]) for name, value in first.items())


def test_a_run_folder_holds_what_it_should(
    tiny: list[str], composed: Compose, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train.main(composed(tiny))
    folder = only_run(tmp_path / "runs")
    assert capsys.readouterr().out.splitlines()[-1] == str(folder)

    record = read_record(folder)
    assert record is not None
    expected = {"status": "done", "recipe": "glcic", "seed": 0, "iterations": 18}
    assert {key: record[key] for key in expected} == expected
    assert set(record["metrics"]) == {"psnr", "psnr_hole"}
    assert record["versions"]["torch"] == torch.__version__.partition("+")[0] or record["versions"]["torch"]
    assert "henkan.losses.mse" in record["code"]

    assert OmegaConf.load(folder / "config.yaml").seed == 0
    rows = read_rows(folder / "metrics.csv")
    assert [row["iteration"] for row in rows] == list(range(2, 20, 2))
    assert {row["phase"] for row in rows} == {"reconstruction", "discriminator", "joint"}
    assert {"gradient/mse", "gradient/adversarial", "gradient/ratio", "val/psnr"} <= set(rows[-1])

    with (folder / "scores.csv").open() as file:
        scores = list(csv.DictReader(file))
    assert list(scores[0]) == ["file", "psnr", "psnr_hole"]
    assert [row["file"] for row in scores] == [f"test/{number:03d}.png" for number in range(6)]
    assert json.loads((folder / "pictures" / "index.json").read_text()) == [row["file"] for row in scores]

    state = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert {name.partition(".")[0] for name in state["state_dict"]} == {"generator", "discriminator", "average"}


def test_weight_0_equals_mse_and_a_huge_one_wrecks(tiny: list[str], composed: Compose, tmp_path: Path) -> None:
    folders = {}
    for name, words in {
        "mse": ["loss=[mse]"],
        "zero": ["weights.adversarial=0"],
        "huge": ["weights.adversarial=1000"],
    }.items():
        train.main(composed([*tiny, *words, "trainer.accelerator=cpu", f"paths.runs={tmp_path / name}"]))
        folders[name] = only_run(tmp_path / name)
    assert same(weights(folders["mse"]), weights(folders["zero"]))
    assert same(weights(folders["mse"], "average"), weights(folders["zero"], "average"))
    assert (folders["mse"] / "scores.csv").read_text() == (folders["zero"] / "scores.csv").read_text()
    final = {name: read_rows(folder / "metrics.csv")[-1]["loss/mse"] for name, folder in folders.items()}
    assert float(final["huge"]) > float(final["mse"])


def test_changed_code_is_named_and_rerun_trains_again(
    tiny: list[str], composed: Compose, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train.main(composed(tiny))
    folder = only_run(tmp_path / "runs")
    record = read_record(folder)
    assert record is not None
    record["code"]["henkan.losses.mse"] = "another"
    (folder / "run.json").write_text(json.dumps(record))
    train.main(composed(tiny))
    said = capsys.readouterr().err
    assert "done already; since then changed: henkan.losses.mse (rerun=true trains it again)" in said
    train.main(composed([*tiny, "rerun=true"]))
    again = read_record(folder)
    assert again is not None
    assert again["code"]["henkan.losses.mse"] != "another"


def test_what_does_not_affect_the_weights_does_not_make_another_run(tiny: list[str], composed: Compose) -> None:
    from henkan.runs.plan import plan_run

    def identity(*words: str) -> str:
        return plan_run(composed([*tiny, *words])).identity

    plain = identity()
    assert plain == identity("logger=csv", "trainer.workers=2", "metric=[ssim]", "trainer.log_every=7")
    assert plain == identity("weights.mse=1.0")
    assert plain != identity("seed=1")
    assert plain != identity("weights.adversarial=0.1")
    # An unused weight does not count, and neither does an unused discriminator.
    alone = identity("loss=[mse]")
    assert alone == identity("loss=[mse]", "weights.adversarial=0.1", "discriminator.width=0.5")
    assert alone != plain


def test_data_is_known_by_its_contents(tiny: list[str], composed: Compose, pictures: Path, tmp_path: Path) -> None:
    import shutil

    from henkan.runs.plan import plan_run

    moved = tmp_path / "elsewhere"
    shutil.copytree(pictures, moved)
    plain = plan_run(composed(tiny)).identity
    assert plan_run(composed([*tiny, f"data.path={moved}"])).identity == plain
    (moved / "train" / "000.png").unlink()
    assert plan_run(composed([*tiny, f"data.path={moved}"])).identity != plain


def test_training_starts_from_other_weights(tiny: list[str], composed: Compose, tmp_path: Path) -> None:
    train.main(composed([*tiny, "loss=[mse]"]))
    first = only_run(tmp_path / "runs")
    words = [f"paths.runs={tmp_path / 'next'}", f"init={first}", "optimizer.generator.lr=0", "loss=[mse]"]
    train.main(composed([*tiny, *words]))
    started = weights(only_run(tmp_path / "next"))
    averaged = weights(first, "average.network")
    assert all(
        torch.equal(started[name], averaged[name]) for name in started if "running" not in name and "num" not in name
    )
    assert not same(started, weights(first))


def test_a_checkpoint_of_another_architecture_is_refused(tiny: list[str], composed: Compose, tmp_path: Path) -> None:
    train.main(composed([*tiny, "loss=[mse]"]))
    words = [f"init={only_run(tmp_path / 'runs')}", "generator=unet", f"paths.runs={tmp_path / 'next'}"]
    with pytest.raises(UserError, match="is of another architecture"):
        train.main(composed([*tiny, *words]))
    record = read_record(only_run(tmp_path / "next"))
    assert record is not None
    assert record["status"] == "failed"
    assert "another architecture" in record["error"]


def test_a_loss_that_blows_up_stops_the_run_and_names_the_term(
    tiny: list[str], composed: Compose, tmp_path: Path
) -> None:
    with pytest.raises(TrainingFailed, match=r"loss term mse was NaN or infinite at iteration \d"):
        train.main(composed([*tiny, "optimizer.generator.lr=1e38", "generator.normalization=null"]))
    record = read_record(only_run(tmp_path / "runs"))
    assert record is not None
    assert record["status"] == "failed"


def test_a_folder_that_cannot_be_written_is_named(tiny: list[str], composed: Compose, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write the run folder .*file/runs.*choose another with paths\.runs"):
        train.main(composed([*tiny, f"paths.runs={tmp_path / 'file' / 'runs'}"]))


def test_a_full_disk_loses_nothing(
    tiny: list[str], composed: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, saved = torch.save, []

    def until_full(state: object, file: object) -> None:
        if saved:
            raise OSError(errno.ENOSPC, "No space left on device")
        saved.append(1)
        real(state, file)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", until_full)
        with pytest.raises(OSError, match="No space left"):
            train.main(composed([*tiny, "checkpoint.every=4"]))
    folder = only_run(tmp_path / "runs")
    assert checkpoint.load(folder / "checkpoints" / "last.ckpt")["iteration"] == 4
    record = read_record(folder)
    assert record is not None
    assert record["status"] == "failed"
    train.main(composed([*tiny, "checkpoint.every=4"]))
    assert read_rows(folder / "metrics.csv")[-1]["iteration"] == 18


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [1, 8, 256])
def test_under_a_limit_of_the_system_each_file_that_does_not_fit_is_one_line(
    tiny: list[str], tmp_path: Path, blocks: int
) -> None:
    words = [*tiny, "checkpoint.every=4", f"paths.runs={tmp_path / 'runs'}"]
    command = [sys.executable, "-m", "henkan", "train", *words]
    limited = ["bash", "-c", f"ulimit -f {blocks}; exec {shlex.join(command)}"]
    ended = subprocess.run(limited, capture_output=True, text=True, timeout=240)
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith("henkan: ") and str(tmp_path) in last
    assert "free some, then the same command goes on" in last or "paths.cache" in last
    again = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert again.returncode == 0, again.stderr
    assert read_rows(only_run(tmp_path / "runs") / "metrics.csv")[-1]["iteration"] == 18


def test_the_same_command_twice_at_once_trains_once(tiny: list[str], tmp_path: Path, processes: WarmProcesses) -> None:
    words, runs = [*tiny, "schedule.joint.iterations=60"], tmp_path / "runs"
    logs = [tmp_path / f"{number}.txt" for number in range(2)]
    first = processes.start(["train", *words], logs[0])
    while not list(runs.glob("*/run.json")):
        time.sleep(0.01)
    second = processes.start(["train", *words], logs[1])
    assert first.wait() == 0, logs[0].read_text()
    record = read_record(only_run(runs))
    assert second.wait() == 0, logs[1].read_text()
    waited, adopted, *_, folder = logs[1].read_text().splitlines()
    assert waited == f"henkan: another process trains {Path(folder).name}: waiting for it"
    assert adopted == "henkan: done already"
    assert logs[0].read_text().splitlines()[-1] == folder
    # Its numbers are the first one's, and so is the W&B run that the nonce names.
    assert record == read_record(only_run(runs))


def test_what_is_not_trained_to_the_end_is_not_done(
    tiny: list[str], composed: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pl.Trainer, "fit", lambda *_, **__: None)
    with pytest.raises(TrainingFailed, match="training ended at iteration 0 instead of 18"):
        train.main(composed(tiny))
    record = read_record(only_run(tmp_path / "runs"))
    assert record is not None
    assert record["status"] == "failed"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["weigths.mse=2"], "weights"),
        (["experiment=glic"], "glcic"),
        (["seed=abc"], "seed"),
        (["data.path=/nowhere/at/all"], "/nowhere/at/all"),
        (["loss=[mse,advresarial]"], "adversarial"),
        (["+loss.l1.weight=2"], "loss.l1"),
        (["size=64", "augmentation.resize=null"], "smaller than the 64x64 crop"),
    ],
)
def test_wrong_input_costs_one_line_and_exit_code_2(
    tiny: list[str], capfd: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    outcome = execute("train", [*tiny, *words])
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("henkan: ")]
    assert outcome.code == 2
    assert said in lines[-1]


def test_one_batch_can_be_fitted_and_says_so_if_not(
    tiny: list[str], composed: Compose, capsys: pytest.CaptureFixture[str]
) -> None:
    shapes = [word for word in tiny if word.startswith(("data", "paths.cache", "trainer", "metric"))]
    words = ["experiment=glcic", "scale=smoke", "debug=overfit", *shapes, tiny[4]]
    train.main(composed([*words, "trainer.log_every=20", "validation.every=10000"]))
    assert "one batch was fitted" in capsys.readouterr().err
    with pytest.raises(TrainingFailed, match="one batch could not be fitted"):
        train.main(composed([*words, "schedule.joint.iterations=20", "trainer.log_every=10"]))


def test_a_sweep_leaves_one_run_a_point(tiny: list[str], tmp_path: Path, processes: WarmProcesses) -> None:
    log = tmp_path / "sweep.txt"
    runs = tmp_path / "swept"
    process = processes.start(["train", "-m", *tiny, "loss=[mse]", "seed=0,1", f"paths.runs={runs}"], log=log)
    assert process.wait(240) == 0, log.read_text()
    rows = [line.split() for line in log.read_text().splitlines()[-3:]]
    assert [row[0] for row in rows] == ["seed", "0", "1"] and rows[0][1] == "val/psnr"
    assert all(5 < float(row[1]) < 50 for row in rows[1:])
    assert sorted(read_record(path.parent)["seed"] for path in runs.glob("*/run.json")) == [0, 1]  # type: ignore[index]
    (swept,) = (runs / "sweeps").iterdir()
    assert {path.resolve() for path in noted(swept)} == {path.parent for path in runs.glob("*/run.json")}


@pytest.mark.parametrize("verb", ["train", pytest.param("study", marks=pytest.mark.slow)])
def test_a_run_that_the_system_kills_is_recorded_as_failed_and_the_others_go_on(
    tiny: list[str], study: Path, tmp_path: Path, processes: WarmProcesses, verb: str
) -> None:
    # A data worker is left behind, and with it the run's lock.
    more = ["schedule.joint.iterations=60", "trainer.workers=1", "evaluation.split=null"]
    in_study(study, variants={"mse": ["loss=[mse]"]}, jobs=1)
    words = {
        "train": ["-m", *tiny, *more, "loss=[mse]", "seed=0,1"],
        "study": [str(study), *own(tiny), *more],
    }[verb]
    log, runs = tmp_path / "log.txt", tmp_path / "runs"
    process = processes.start([verb, *words], log=log)
    while not any(last_iteration(path) >= 4 for path in runs.glob("*/metrics.csv")):
        assert process.poll() is None, log.read_text()
        time.sleep(0.01)
    first = only_run(runs)
    os.kill(int((read_record(first) or {})["process"].partition("@")[0]), signal.SIGKILL)
    assert process.wait(240) == 1, log.read_text()
    error = "killed by the system: signal 9 (SIGKILL, as when memory runs out)"
    assert error in log.read_text()
    records = {path.parent: read_record(path.parent) or {} for path in runs.glob("*/run.json")}
    assert {(record["seed"], record["status"]) for record in records.values()} == {(0, "failed"), (1, "done")}
    assert records[first]["error"] == error
    if verb == "study":
        assert error in next(runs.glob("studies/*/report.html")).read_text()


def test_a_sweep_of_two_at_once_trains_a_shared_prefix_once(
    tiny: list[str], tmp_path: Path, processes: WarmProcesses
) -> None:
    log = tmp_path / "sweep.txt"
    words = ["weights.adversarial=0.01,0.1", "hydra.launcher.n_jobs=2", "evaluation.split=null"]
    process = processes.start(["train", "-m", *tiny, *words], log=log)
    assert process.wait(240) == 0, log.read_text()
    records = [read_record(path.parent) for path in (tmp_path / "runs").glob("*/run.json")]
    names = sorted(path.parent.name.rpartition("-")[0] for path in (tmp_path / "runs").glob("*/run.json"))
    assert names == [f"glcic-adversarial+mse-seed0-adversarial_{weight}" for weight in ("0.01", "0.1")]
    boundaries = {identity[:20] for record in records if record for identity in record["boundaries"].values()}
    assert boundaries == {path.name for path in (tmp_path / "runs" / "prefixes").iterdir()}
    # Both start at the same time: one trains the first two phases, the other waits for them.
    assert sorted(record["prefix"]["iteration"] if "prefix" in record else 0 for record in records if record) == [0, 10]


def test_an_error_in_a_data_worker_is_one_line_too(
    tiny: list[str], pictures: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import shutil

    broken = tmp_path / "broken"
    shutil.copytree(pictures, broken)
    for path in (broken / "train").glob("*.png"):
        path.write_bytes(path.read_bytes()[:60])
    words = [*tiny, f"data.path={broken}", "trainer.workers=1", "statistics.mean=[0.5,0.5,0.5]"]
    assert execute("train", words).code == 2
    said, line = [line for line in capfd.readouterr().err.splitlines() if line.startswith("henkan: ")]
    assert "24 train, 4 val, 6 test" in said
    assert str(broken) in line or ".png" in line
    assert "Traceback" not in line


def test_a_sweeper_is_told_one_score_or_several(
    tmp_path: Path, root: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "metrics.csv").write_text(
        "iteration,phase,val/psnr,val/l1\n2,joint,20,\n4,joint,21.5,0.25\n6,joint,,nan\n"
    )
    run = SimpleNamespace(curves=SimpleNamespace(path=tmp_path / "metrics.csv"))
    assert train.objective(run, "val/psnr") == 21.5
    assert train.objective(run, ["val/psnr", "val/psnr"]) == [21.5, 21.5]
    assert train.objective(run, ["val/psnr", "val/l1"]) is None
    assert train.objective(run, "val/absent") is None
    # It comes through to whoever started the process.
    root(lambda cfg: [21.5, 0.25])
    assert execute("train", ["scale=smoke"]).value == [21.5, 0.25]
