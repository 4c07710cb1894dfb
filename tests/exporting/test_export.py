"""`henkan export`, and what takes a model file afterwards: scores, further training, a blend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig

from henkan.errors import UserError
from henkan.exporting.written import formats
from henkan.launching.execute import execute
from henkan.prediction.model import load
from henkan.runs.trained import own_config
from henkan.training import checkpoint, first_weights, model_file
from henkan.verbs import train


def test_kernels_are_halved_and_what_is_small_stays() -> None:
    variance = torch.tensor([1e-9, 7e4])
    assert model_file.halved(variance) is variance
    assert model_file.halved(torch.full((2, 2), 7e4)).dtype == torch.float32, "half precision ends at 65,504"
    kernel = torch.tensor([[0.1, -2.0]])
    half = model_file.halved(kernel)
    assert half.dtype == torch.float16 and torch.allclose(half.float(), kernel, rtol=2**-11, atol=0)
    count = torch.tensor(3)
    assert model_file.halved(count).dtype == torch.int64


def test_from_a_run_to_a_file_and_on(
    tiny: list[str], composed: Callable[..., DictConfig], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    short = [f"schedule.{phase}.iterations=2" for phase in ("reconstruction", "discriminator", "joint")]
    words = [*tiny, *short, "metric=[psnr]", "evaluation.pictures=2"]
    train.main(composed([*words, "loss=[mse]"]))
    (run,) = (path.parent for path in (tmp_path / "runs").glob("*/run.json"))
    file = tmp_path / "mine.safetensors"
    assert execute("export", [f"run={run}", f"output={file}"]).code == 0
    said = model_file.said(file)
    assert (said["recipe"], said["iterations"]) == ("glcic", "4") and str(tmp_path) not in said["config"]
    whole = checkpoint.generator(checkpoint.load(checkpoint.last(run)))
    kept = checkpoint.generator(checkpoint.load(file))
    assert kept.keys() == whole.keys()
    assert all(torch.allclose(kept[name].float(), whole[name].float(), rtol=1e-3, atol=1e-6) for name in whole)
    assert file.stat().st_size < 0.6 * sum(value.numel() * value.element_size() for value in whole.values())
    # This person's own file may name classes of this person; what it is scored on has to be said.
    own = own_config(composed([f"run={file}"], "evaluate"))
    assert own.recipe == "glcic" and own.paths.runs
    data = [word for word in words if word.startswith(("data", "paths", "metric", "evaluation"))]
    capfd.readouterr()
    assert execute("evaluate", [f"model={file}", *data]).code == 0
    assert Path(capfd.readouterr().out.split()[-1]).name.startswith("mine-")
    # Training goes on from it.
    state = first_weights.read(file)
    assert state["iteration"] == 4 and "generator" in next(iter(state["state_dict"]))
    assert execute("train", [*words, "loss=[mse]", f"init=model:{file}", "evaluation.split=null"]).code == 0
    assert "starts from the weights of" in capfd.readouterr().err
    model = load(file, [f"other={run}", "blend=0.5"])
    weight = next(iter(model.generator.state_dict().values()))
    assert torch.allclose(weight, next(iter(whole.values())), rtol=1e-2)
    for more, wrong in (
        (["format=onyx"], f"format=onyx: there is {', '.join(formats())}"),
        ([f"output={tmp_path / 'a.bin'}"], "a file of format=safetensors ends in .safetensors"),
        (["iteration=3"], "iteration=3 was not kept"),
    ):
        assert execute("export", [f"run={run}", *more]).code == 2
        assert wrong in capfd.readouterr().err
    with pytest.raises(UserError, match="holds one state alone"):
        load(file, ["iteration=3"])
