"""henkan from Python: what a notebook calls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra.core.override_parser.overrides_parser import OverridesParser

import henkan
from henkan.api import literal
from henkan.errors import UserError


def test_to_import_henkan_is_cheap() -> None:
    code = "import henkan, sys; print(henkan.__version__, 'torch' in sys.modules, 'hydra' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [henkan.__version__, "False", "False"]
    assert {"load", "compose", "train", "evaluate"} <= set(dir(henkan))
    with pytest.raises(AttributeError, match="has no attribute 'lode'"):
        henkan.lode  # noqa: B018


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 3, 1e-3, np.int64(3), np.float64(1e-3)),
        *("mse", "a b's, {c}=[d]", "~/x y.png", "Höhle", "写真/a.png"),
        *(["mse", "adversarial"], {"a": [1, None], "b": "x y"}),
    ],
)
def test_settings_arrive_as_they_were_given(value: Any) -> None:
    assert OverridesParser.create().parse_override(f"mine={literal(value)}").value() == value


def test_configs_and_what_is_wrong_with_them() -> None:
    cfg = henkan.compose("experiment=glcic", "loss=[mse]", seed=3, size=64)
    assert (cfg.recipe, cfg.seed, cfg.size, list(cfg.loss)) == ("glcic", 3, 64, ["mse"])
    for words, said in (
        (["experiment=glcik"], "there is no experiment=glcik \\(did you mean 'glcic'"),
        (["sead=3"], "there is no key 'sead' \\(did you mean 'seed'"),
    ):
        with pytest.raises(UserError, match=said):
            henkan.compose(*words)
    with pytest.raises(UserError, match=r"\['seed=3'\] is no override: give each by itself"):
        henkan.compose(["seed=3"])  # type: ignore[arg-type]
    with pytest.raises(UserError, match="one run at a time"):
        henkan.train("-m", "seed=0,1")
    with pytest.raises(UserError, match="one run at a time"):
        henkan.train("hydra.mode=MULTIRUN", "seed=0,1")
    with pytest.raises(UserError, match=r"loss=\[mse,null\]: null is no name of an option"):
        henkan.compose("experiment=glcic", "loss=[mse,null]")
    with pytest.raises(UserError, match="there is no model 'linez'"):
        henkan.load("linez")
    for wrong in (3, True, ["lines"], {}, ""):
        with pytest.raises(UserError, match="names no network"):
            henkan.load(wrong)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="how many times larger is not said"):
        henkan.load("task=super_resolution", "generator=lanczos")(np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(UserError, match=r"trainer.threads=-1 must be 1 or more"):
        henkan.train("experiment=glcic", "scale=smoke", "trainer.threads=-1")
    given: dict[str, Any] = {"augmentation.resize": np.array([256, 300]), "seed": torch.tensor(3)}
    cfg = henkan.compose("experiment=glcic", **given)
    assert (list(cfg.augmentation.resize), cfg.seed) == ([256, 300], 3)


def test_a_method_without_learning() -> None:
    telea = henkan.load("generator=telea", **{"trainer.accelerator": "cpu"})
    picture = np.repeat(np.arange(48, dtype=np.uint8)[None, :, None] * 4, 40, 0)
    mask = np.zeros((40, 48), np.uint8)
    mask[10:20, 20:30] = 255
    made = telea(picture, mask=mask)
    assert made.shape == picture.shape and np.abs(made.astype(int) - picture).max() < 25
    assert telea.discriminator is None and telea.task == "completion"


def test_from_training_to_a_picture(tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = {f"schedule.{phase}.iterations": 2 for phase in ("reconstruction", "discriminator", "joint")}
    run = henkan.train(*tiny, **{"evaluation.pictures": 2, **short})
    assert run.record["status"] == "done" and run.folder.parent == (tmp_path / "runs").resolve()
    scored = henkan.evaluate(run=run, metric=["psnr"], **{"evaluation.pictures": 2})
    assert scored.scores == {"psnr": pytest.approx(run.scores["psnr"])} and scored.folder != run.folder
    assert scored.record == run.record
    # Of a name that Hydra would read otherwise, from the home folder.
    odd = run.folder.rename(tmp_path / "null")
    monkeypatch.setenv("HOME", str(tmp_path))
    model = henkan.load(f"~/{odd.name}")
    assert model.discriminator is not None and not model.discriminator.training
    assert model.config["recipe"] == "glcic"
