"""Hydra's own Optuna sweeper under henkan's launcher, in an environment of its own: it needs an Optuna of its own."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
from pathlib import Path

import pytest
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from hydra_plugins.henkan_plugins.search_path import let_trials_fail


def test_a_failed_trial_does_not_end_the_sweep_unless_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ConfigStore.instance(), "repo", {})
    let_trials_fail()
    assert ConfigStore.instance().repo == {}
    settings = {"_target_": "theirs", "n_trials": 20, "max_failure_rate": 0.0}
    ConfigStore.instance().store(group="hydra/sweeper", name="optuna", node=settings, provider="theirs")
    let_trials_fail()
    found = ConfigStore.instance().load("hydra/sweeper/optuna.yaml")
    assert found.node == OmegaConf.create({**settings, "max_failure_rate": 1.0})
    assert found.provider == "theirs"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the sweeper and its Optuna, which finds all else in this one."""
    uv, folder = shutil.which("uv"), tmp_path_factory.mktemp("sweeper") / "environment"
    if uv is None:
        pytest.skip("uv is missing, which would make an environment for hydra-optuna-sweeper")
    made = folder / "bin" / "python"
    for words in (
        ["venv", "--python", sys.executable, str(folder)],
        ["pip", "install", "hydra-optuna-sweeper>=1.3,<1.4"],
    ):
        done = subprocess.run(
            [uv, "--quiet", *words], env={**os.environ, "VIRTUAL_ENV": str(folder)}, capture_output=True, text=True
        )
        if done.returncode:
            pytest.skip(f"hydra-optuna-sweeper cannot be installed here: {done.stderr.strip().splitlines()[-1]}")
    (packages,) = folder.glob("lib/python*/site-packages")
    line = "; ".join(["import site", *(f"site.addsitedir({place!r})" for place in site.getsitepackages())])
    # Behind its own: theirs come first.
    (packages / "zz_henkan.pth").write_text(f"{line}\n")
    return made


@pytest.mark.slow
def test_it_sweeps(python: Path, tiny: list[str], tmp_path: Path) -> None:
    swept = tmp_path / "swept"

    def sweep(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                *[python, "-m", "henkan", "train", "-m", "hydra/sweeper=optuna", f"hydra.sweep.dir={swept}"],
                *["hydra.sweeper.n_jobs=1", "hydra.sweeper.n_trials=3", "evaluation.split=null"],
                *[word for word in tiny if not word.startswith("metric")],
                *["metric=[psnr,l1]", *words],
            ],
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )

    lrs = "optimizer.generator.lr=1e-3,-1"
    one = sweep("hydra.sweeper.sampler.seed=0", "objective=val/psnr", "hydra.sweeper.direction=maximize", lrs)
    assert one.returncode == 0, one.stderr
    best = OmegaConf.load(swept / "optimization_results.yaml")
    assert float(best.best_params["optimizer.generator.lr"]) == 1e-3
    assert best.best_value > 0
    assert "Invalid learning rate: -1" in one.stderr
    # The one that failed has not ended the sweep.
    assert one.stderr.count("henkan: [") == 3

    both = sweep("objective=[val/psnr,val/l1]", "hydra.sweeper.direction=[maximize,minimize]", "seed=0,1,2")
    assert both.returncode == 0, both.stderr
    solutions = OmegaConf.load(swept / "optimization_results.yaml").solutions
    assert all(len(solution["values"]) == 2 for solution in solutions)

    for words, message in (
        (["objective=val/psnrr", "seed=0,1"], "no run logs val/psnrr (did you mean 'val/psnr'?)"),
        (["seed=0,1"], "val/psnr is better higher: say hydra.sweeper.direction=maximize, not minimize"),
    ):
        refused = sweep(*words)
        assert refused.returncode == 2
        assert message in refused.stderr
        assert "henkan: [1/1]" not in refused.stderr
