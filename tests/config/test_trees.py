"""Where configs lie, and that a study's runs keep theirs."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import DictConfig

from henkan.config.trees import FROZEN, config_folder, frozen_config
from henkan.launching.execute import execute
from henkan.launching.launcher import WarmProcesses
from henkan.runs.plan import plan_run
from henkan.runs.record import read_record

Compose = Callable[..., DictConfig]


def test_runs_do_not_notice_that_the_configs_are_edited(
    tiny: list[str], composed: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: WarmProcesses
) -> None:
    here = tmp_path / "here" / "conf" / "experiment"
    here.mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    recipe = (config_folder() / "experiment" / "glcic.yaml").read_text()
    (here / "mine.yaml").write_text(recipe)
    words = ["experiment=mine", *tiny[1:], "loss=[mse]", "evaluation.split=null"]
    before = plan_run(composed(words)).identity
    with frozen_config():
        (here / "mine.yaml").write_text(f"{recipe}optimizer:\n  accumulate: 2\n")
        assert plan_run(composed(words)).identity == before
        log = tmp_path / "log.txt"
        assert processes.start(["train", *words], log=log).wait(120) == 0, log.read_text()
    assert plan_run(composed(words)).identity != before
    (record,) = (read_record(path.parent) for path in (tmp_path / "runs").glob("*/run.json"))
    assert record is not None
    assert record["identity"] == before
    assert record["overrides"] == words


@pytest.mark.parametrize("full", [True, False])
def test_a_temporary_folder_that_takes_no_configs_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], full: bool
) -> None:
    place = tmp_path if full else tmp_path / "absent"
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    if full:

        def refused(*_: object, **__: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device", "a", None, "b")

        monkeypatch.setattr(shutil, "copyfile", refused)
    assert execute("study", ["mse_vs_gan", "--dry-run"]).code == 2
    (line,) = capsys.readouterr().err.splitlines()
    why = "No space left on device" if full else "No such file or directory"
    assert line.startswith(f"henkan: cannot copy the configs to {place}, for the runs to be composed from: {why}; free")
    assert not list(tmp_path.iterdir())
    assert FROZEN not in os.environ


def test_frozen_configs_of_a_killed_study_are_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    host = socket.gethostname()
    names = [
        f"henkan-conf-a.{ended.pid}@{host}",
        f"henkan-conf-b.{os.getpid()}@{host}",
        f"henkan-conf-c.{ended.pid}@other",
    ]
    for name in names:
        (tmp_path / name).mkdir()
    with frozen_config():
        (own,) = {path.name for path in tmp_path.iterdir()} - set(names)
        assert own.endswith(f".{os.getpid()}@{host}")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names[1:])


def test_a_term_in_few_words_has_a_weight_that_is_set_by_name(
    composed: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf" / "loss").mkdir(parents=True)
    (tmp_path / "conf" / "loss" / "mine.yaml").write_text("mine: {_target_: mine.Mine}\n")
    (tmp_path / "conf" / "loss" / "half.yaml").write_text("half: {_target_: mine.Mine, weight: 0.5}\n")
    words = ["loss=[mse,mine,half]"]
    cfg = composed(words)
    assert (cfg.loss.mine.weight, cfg.loss.half.weight) == (1.0, 0.5)
    assert cfg.weights == {"mse": 1.0, "mine": 1.0, "half": 0.5}
    assert cfg.balance == {"mse": None, "mine": None, "half": None}
    assert composed([*words, "weights.mine=0.1"]).loss.mine.weight == 0.1
    with frozen_config():
        assert composed([*words, "weights.half=2.0"]).loss.half.weight == 2.0
