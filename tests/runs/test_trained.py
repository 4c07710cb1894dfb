"""A run folder that somebody else made is read, not executed; one's own is as it was."""

from __future__ import annotations

import json
import pickle
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from PIL import Image

from henkan.config.composition import compose_root
from henkan.launching.execute import execute
from henkan.runs.record import write_record
from henkan.verbs import train

Compose = Callable[..., DictConfig]
MINE = """
from pathlib import Path

import torch

Path(__file__).with_name("ran").touch()


class Mine:
    def __call__(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (output - target).abs().mean((1, 2, 3))
"""


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Go to another machine, where another key is kept."""
    return lambda: monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))


@pytest.fixture(scope="module")
def trained(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two iterations."""
    place = tmp_path_factory.mktemp("trained")
    words = ["experiment=glcic", "scale=smoke", "loss=[mse]", "data=image_folder", f"data.path={pictures}"]
    words += ["logger=none", "metric=[psnr]", "schedule.reconstruction.iterations=2", "evaluation.pictures=1"]
    words += ["trainer.precision=32-true", "trainer.threads=1", f"paths.runs={place}", f"paths.cache={place / 'cache'}"]
    train.main(compose_root("train", words))
    (folder,) = (path.parent for path in place.glob("*/run.json"))
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of this run, which is as good as it."""
    return shutil.copytree(trained, tmp_path / "run")


def edit(run: Path, key: str, value: Any) -> None:
    config = OmegaConf.load(run / "config.yaml")
    OmegaConf.update(config, key, value, merge=False, force_add=True)
    OmegaConf.save(config, run / "config.yaml")
    # As whoever edits on purpose would: what the record says of the file is gone.
    record = json.loads((run / "run.json").read_text())
    write_record(run, {key: value for key, value in record.items() if key != "digests"})


def picture(folder: Path) -> Path:
    Image.fromarray(np.zeros((40, 48, 3), np.uint8)).save(folder / "a.png")
    mask = np.zeros((40, 48), np.uint8)
    mask[10:20, 10:20] = 255
    Image.fromarray(mask).save(folder / "a_mask.png")
    return folder / "a.png"


def commands(run: Path, tmp_path: Path) -> list[tuple[str, list[str]]]:
    pictured = [f"run={run}", f"input={picture(tmp_path)}", f"output={tmp_path / 'out'}", "trainer.accelerator=cpu"]
    return [("evaluate", [f"run={run}", "evaluation.split=val"]), ("predict", pictured)]


class Malice:
    """Its pickle leaves a file where it is read."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.place), "w")


def test_a_strangers_target_is_not_called(run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (run / "malice.pkl").write_bytes(pickle.dumps(Malice(tmp_path / "ran")))
    node = {"_target_": "pandas.read_pickle", "filepath_or_buffer": str(run / "malice.pkl")}
    as_it_was = (run / "config.yaml").read_text()
    for place in ("data", "generator", "predictor", "postprocess"):
        (run / "config.yaml").write_text(as_it_was)
        edit(run, place, node)
        for verb, words in commands(run, tmp_path):
            assert execute(verb, words).code == 2
            told = capfd.readouterr().err.splitlines()[-1]
            assert f"{place}._target_=pandas.read_pickle is no class" in told and "trust=true" in told
    assert not (tmp_path / "ran").exists()


def test_the_word_lets_it_run(run: Path, tmp_path: Path) -> None:
    (run / "malice.pkl").write_bytes(pickle.dumps(Malice(tmp_path / "ran")))
    edit(run, "data", {"_target_": "pandas.read_pickle", "filepath_or_buffer": str(run / "malice.pkl")})
    assert execute("evaluate", [f"run={run}", "trust=true"]).code != 0
    assert (tmp_path / "ran").exists(), "what this test guards against does not work any more"


def test_a_curve_does_not_choose_what_is_built(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    edit(run, "evaluation.curve", {"setting": "_target_", "values": ["pandas.read_pickle"]})
    assert execute("evaluate", [f"run={run}"]).code == 2
    assert "the degradation has no such setting" in capfd.readouterr().err


def test_a_run_of_henkans_own_parts_needs_no_word(
    run: Path, tmp_path: Path, elsewhere: Callable[[], None], pictures: Path
) -> None:
    edit(run, "data.cache", str(tmp_path / "theirs"))
    moved = shutil.copytree(run, tmp_path / "moved")
    elsewhere()
    for verb, words in commands(moved, tmp_path):
        assert execute(verb, words).code == 0
    assert not (tmp_path / "theirs").exists(), "nothing is written where a stranger says"


def test_own_losses_need_no_word_here_and_one_elsewhere(
    tiny: list[str],
    composed: Compose,
    tmp_path: Path,
    elsewhere: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "loss_of_mine.py").write_text(MINE)
    monkeypatch.syspath_prepend(str(tmp_path))
    words = ["loss=[mse]", "+loss.mine._target_=loss_of_mine.Mine", "schedule.reconstruction.iterations=2"]
    words += ["metric=[psnr]", "evaluation.pictures=1"]
    train.main(composed([*tiny, *words]))
    (run,) = (path.parent for path in (tmp_path / "runs").glob("*/run.json"))
    for verb, given in commands(run, tmp_path):
        assert execute(verb, given).code == 0
    elsewhere()
    (tmp_path / "ran").unlink()
    monkeypatch.delitem(sys.modules, "loss_of_mine")
    capfd.readouterr()
    for verb, given in commands(run, tmp_path):
        assert execute(verb, given).code == 2
        told = capfd.readouterr().err.splitlines()[-1]
        assert "loss.mine._target_=loss_of_mine.Mine is no class" in told and "trust=true" in told
        assert not (tmp_path / "ran").exists()
        assert execute(verb, [*given, "trust=true"]).code == 0


def test_an_own_run_that_was_edited_is_a_strangers(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    edit(run, "postprocess", {"_target_": "shutil.copy", "src": "/etc/hostname", "dst": str(run / "copied")})
    assert execute("evaluate", [f"run={run}"]).code == 2
    assert "postprocess._target_=shutil.copy" in capfd.readouterr().err
    assert not (run / "copied").exists()


def test_what_learns_nothing_carries_the_mark(tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "metric_of_mine.py").write_text(MINE)
    monkeypatch.syspath_prepend(str(tmp_path))
    words = [*tiny, "generator=telea", "+metric.mine._target_=metric_of_mine.Mine", "evaluation.pictures=1"]
    assert execute("evaluate", words).code == 0
    (run,) = (path.parent for path in (tmp_path / "runs").glob("*/run.json"))
    assert len(json.loads((run / "run.json").read_text())["mark"]) == 64
    assert execute("evaluate", [f"run={run}", "evaluation.split=val"]).code == 0


def test_scores_are_not_written_through_links(
    run: Path, tmp_path: Path, elsewhere: Callable[[], None], capfd: pytest.CaptureFixture[str]
) -> None:
    elsewhere()
    (tmp_path / "precious").mkdir()
    victim = tmp_path / "precious" / "letter.txt"
    victim.write_text("dear")
    link = sorted((run / "pictures").glob("*.png"))[0]
    link.unlink()
    link.symlink_to(victim)
    assert execute("evaluate", [f"run={run}"]).code == 0
    assert link.is_file() and not link.is_symlink()
    shutil.rmtree(run / "pictures")
    (run / "pictures").symlink_to(victim.parent)
    assert execute("evaluate", [f"run={run}"]).code == 2
    assert "is a link to a folder" in capfd.readouterr().err
    assert victim.read_text() == "dear" and list(victim.parent.iterdir()) == [victim]


@pytest.mark.parametrize("content", ["pickle", "tensors"])
def test_weights_are_read_without_running_anything(
    run: Path, content: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, malice = run / "checkpoints" / "last.ckpt", Malice(tmp_path / "ran")
    if content == "pickle":
        path.write_bytes(pickle.dumps(malice))
    else:
        torch.save({**torch.load(path, weights_only=True), "state_dict": malice}, path)
    for verb, words in commands(run, tmp_path):
        assert execute(verb, [*words, "trust=true"]).code == 2
        assert "last.ckpt" in capfd.readouterr().err
    assert not (tmp_path / "ran").exists()
