"""Where a run starts, and what is said about it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import DictConfig

from henkan.runs.plan import Plan, plan_run
from henkan.runs.run import Run
from henkan.runs.start import say_other_data

Compose = Callable[..., DictConfig]


@pytest.mark.parametrize("status", ["failed", "running", "done"])
def test_a_run_that_was_interrupted_before_its_data_changed_is_named(
    tiny: list[str],
    composed: Compose,
    pictures: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    status: str,
) -> None:
    def begin(overrides: list[str]) -> tuple[Plan, Run]:
        plan = plan_run(composed(overrides))
        run = Run(plan.folder, plan.identity, plan.config, plan.parts)
        run.begin(overrides, plan.manifests, len(plan.schedule), plan.prefixes)
        run.end(status)
        return plan, run

    data = tmp_path / "data"
    shutil.copytree(pictures, data)
    words = [*tiny, f"data.path={data}"]
    before, run = begin(words)
    # Another seed of the same data is no reason for a word, and neither is the run itself.
    begin([*words, "seed=1"])
    say_other_data(before, run)
    assert capsys.readouterr().err == ""
    (data / "train" / "000.png").unlink()
    after, run = begin(words)
    assert after.folder != before.folder
    say_other_data(after, run)
    said = f"henkan: {before.folder.name} is unfinished, and its data have changed since: this run is another one\n"
    assert capsys.readouterr().err == ("" if status == "done" else said)
    # Another command may well have other data.
    say_other_data(*begin([*words, "optimizer.generator.lr=0.1"]))
    assert capsys.readouterr().err == ""
