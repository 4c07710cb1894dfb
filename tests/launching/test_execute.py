"""A verb in this process: its value comes back, errors are one line."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from henkan.errors import MissingWeights, TrainingFailed, UserError
from henkan.launching.execute import Outcome, execute


def test_a_root_gets_its_config_and_its_value_comes_back(root: Callable[[Any], None]) -> None:
    seen: dict[str, Any] = {}

    def main(cfg: Any) -> float:
        seen.update(seed=cfg.seed, argv=sys.argv[1:])
        return 0.25

    root(main)
    outcome = execute("train", ["seed=3"])
    assert outcome == Outcome(0, 0.25)
    # What starts this process again starts this run.
    assert seen == {"seed": 3, "argv": ["train", "seed=3"]}


def test_nothing_of_hydras_own_is_left_behind(root: Callable[[Any], None], tmp_path: Path) -> None:
    root(lambda cfg: None)
    assert execute("train", []).code == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UserError("the folder\n  is empty"), 2, "the folder is empty"),
        (MissingWeights("x.pth is missing"), 2, "x.pth is missing"),
        (TrainingFailed("mse is NaN at iteration 3"), 1, "mse is NaN at iteration 3"),
        (PermissionError(errno.EACCES, "Permission denied", "/runs"), 2, "/runs: Permission denied"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "No space left on device"),
    ],
)
def test_what_people_can_mend_is_one_line(
    error: Exception, code: int, line: str, root: Callable[[Any], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def main(cfg: Any) -> None:
        raise error

    root(main)
    assert execute("train", []).code == code
    (printed,) = capsys.readouterr().err.splitlines()
    assert printed.startswith("henkan: ")
    assert line in printed


def test_a_bug_keeps_its_traceback(root: Callable[[Any], None], capsys: pytest.CaptureFixture[str]) -> None:
    def main(cfg: Any) -> None:
        raise ZeroDivisionError("by zero")

    root(main)
    outcome = execute("train", [])
    assert (outcome.code, outcome.error) == (1, "ZeroDivisionError: by zero")
    assert "Traceback" in capsys.readouterr().err


def test_a_traceback_is_shown_on_request(
    root: Callable[[Any], None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    root(lambda cfg: cfg.data.nope)
    assert execute("train", ["sede=1"]).code == 2
    assert "Traceback" in capsys.readouterr().err


def test_what_must_be_given_is_named(root: Callable[[Any], None], capsys: pytest.CaptureFixture[str]) -> None:
    root(lambda cfg: OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True))
    assert execute("train", ["data=image_folder"]).code == 2
    assert "data.path must be given" in capsys.readouterr().err


def test_a_misspelt_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute("trian", []).code == 2
    assert "(did you mean 'train'?)" in capsys.readouterr().err
