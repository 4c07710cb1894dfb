"""`henkan export`, and what takes a model file afterwards: scores, further training, a blend."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
import torch
from tiny_model import write_model, write_trained

from henkan.config.composition import compose_root
from henkan.config.history import up_to_date
from henkan.errors import UserError
from henkan.exporting.source import source_of
from henkan.exporting.written import export, formats
from henkan.launching.execute import execute
from henkan.prediction.model import load
from henkan.runs.lines import recorded
from henkan.runs.mark import is_own, mark
from henkan.runs.plan import plan_run
from henkan.runs.trained import read_config
from henkan.training import checkpoint, first_weights, model_file
from henkan.verbs import export as verb


def test_kernels_are_halved_and_what_is_small_stays() -> None:
    variance = torch.tensor([1e-9, 7e4])
    assert model_file.halved(variance) is variance
    assert model_file.halved(torch.full((2, 2), 7e4)).dtype == torch.float32, "half precision ends at 65,504"
    kernel = torch.tensor([[0.1, -2.0]])
    half = model_file.halved(kernel)
    assert half.dtype == torch.float16 and torch.allclose(half.float(), kernel, rtol=2**-11, atol=0)
    count = torch.tensor(3)
    assert model_file.halved(count).dtype == torch.int64


def test_from_a_run_to_a_file_and_on(pictures: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lines = {"low": 1.0, "median": 2.0, "high": 3.0}
    run, file = write_trained(tmp_path / "run", "completion", lines=lines), tmp_path / "mine.safetensors"
    assert execute("export", [f"run={run}", f"output={file}"]).code == 0
    assert capfd.readouterr().out.strip() == str(file)
    said = model_file.said(file)
    assert (said["recipe"], said["iterations"], said["identity"]) == ("glcic", "4", "1" * 64)
    assert recorded(file) == lines
    whole = checkpoint.generator(checkpoint.load(checkpoint.last(run)))
    kept = checkpoint.generator(checkpoint.load(file))
    assert kept.keys() == whole.keys()
    assert all(torch.allclose(kept[name].float(), whole[name].float(), rtol=1e-3, atol=1e-6) for name in whole)
    # It is scored on what is said; beside it nothing is written.
    words = ["data=image_folder", f"data.path={pictures}", f"paths.cache={tmp_path / 'cache'}", "metric=[psnr]"]
    words += [f"paths.runs={tmp_path / 'runs'}", "evaluation.pictures=2"]
    assert execute("evaluate", [f"model={file}", *words]).code == 0
    scored = Path(capfd.readouterr().out.split()[-1])
    assert scored.parent == tmp_path / "runs" and scored.name.startswith("mine-")
    assert len((scored / "scores.csv").read_text().splitlines()) == 3
    # Training starts from it, and a blend mixes it with a run.
    cfg = compose_root("train", ["experiment=glcic", "scale=smoke", "loss=[mse]", f"init=model:{file}", *words])
    assert plan_run(cfg).init == file
    state = first_weights.read(file)
    assert state["iteration"] == 4 and checkpoint.generator(state).keys() == whole.keys()
    model = load(file, [f"other={run}", "blend=0.5"])
    first = next(iter(whole))
    assert torch.allclose(model.generator.state_dict()[first], whole[first], rtol=1e-2, atol=1e-5)


def test_what_cannot_be_exported_costs_one_line(tmp_path: Path) -> None:
    run = write_trained(tmp_path / "run", "dehazing")
    cfg = compose_root("export", [f"run={run}"])
    for key, value, wrong in (
        ("format", "onyx", r"format=onyx.*: there is .*safetensors"),
        ("output", str(tmp_path / "a.bin"), r"a file of format=safetensors ends in \.safetensors"),
        ("iteration", 3, "iteration=3 was not kept"),
    ):
        own = cfg.copy()
        own[key] = value
        with pytest.raises(UserError, match=wrong):
            export(own)
    cfg.run, cfg.iteration = str(write_model(tmp_path / "m.safetensors", "dehazing")), 3
    with pytest.raises(UserError, match="holds one state alone"):
        export(cfg)
    with pytest.raises(UserError, match="nothing to export: name a trained run"):
        verb.main(compose_root("export", []))


def test_an_own_run_is_exported_as_ones_own_though_henkan_has_learned_since(tmp_path: Path) -> None:
    written = read_config(write_trained(tmp_path / "run", "dehazing") / "config.yaml")
    assert up_to_date(written) != written, "it is of before an option"
    run = write_trained(tmp_path / "run", "dehazing", mark=mark("1" * 64, dict(written)))
    found = source_of(compose_root("export", [f"run={run}"]))
    assert is_own(found.facts, found.portable)
    another = source_of(compose_root("export", [f"run={write_trained(tmp_path / 'another', 'dehazing')}"]))
    assert "mark" not in another.facts


def test_every_format_is_a_module_of_its_own() -> None:
    assert "safetensors" in formats()
    for name in formats():
        module = import_module(f"henkan.exporting.formats.{name}")
        assert module.ENDING.startswith(".") and callable(module.export)
