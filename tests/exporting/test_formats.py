"""Exported programs answer as the network does, with the task's conversions inside, at sizes that differ."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from tiny_model import RECIPES, write_model

from henkan.config.composition import compose_root
from henkan.errors import UserError
from henkan.exporting.program import Checked, Program, compared
from henkan.exporting.program_card import card, facts
from henkan.exporting.source import Source, source_of
from henkan.exporting.written import export, formats
from henkan.prediction.model import load
from henkan.zoo import networks

PROGRAMS = [name for name in formats() if name != "safetensors"]
# Others take a minute each.
QUICK = {("completion", "torchscript"), ("colorization", "torchscript"), ("super_resolution", "torch_export")}
EVERY = [
    pytest.param(task, name, marks=[] if (task, name) in QUICK else pytest.mark.slow)
    for task in RECIPES
    for name in PROGRAMS
]


def words(folder: Path, task: str, *more: str) -> list[str]:
    return [f"model={write_model(folder / f'{task}.safetensors', task)}", *more]


def source(folder: Path, task: str) -> Source:
    return source_of(OmegaConf.merge(compose_root("export", []), {"run": words(folder, task)[0].partition("=")[2]}))


@pytest.mark.parametrize(("task", "name"), EVERY)
def test_a_program_of_every_task(task: str, name: str, tmp_path: Path) -> None:
    if name == "onnx":
        pytest.importorskip("onnxruntime")
    # Answers of a trained network lie in [0, 1]; the rounding of larger ones would be held against a fixed tolerance.
    run = write_model(tmp_path / "model.safetensors", task, gain=0.5**0.5)
    cfg = OmegaConf.merge(compose_root("export", []), {"run": str(run), "format": name})
    file = export(OmegaConf.merge(cfg, {"output": str(tmp_path / "made") + ENDINGS[name]}))
    program = Program(source_of(cfg))
    # Once more, by what others read it with, at a size that nobody has tried.
    given = program.example(4, 6)
    with torch.inference_mode():
        expected = program(*given)
    assert torch.allclose(READERS[name](file, program.takes, given), expected, atol=1e-4)
    assert expected.float().std() > 0
    card = file.with_name(f"{file.name}.md").read_text()
    assert all(f"| `{key}` |" in card for key in program.takes) and f"| → `{program.makes}` |" in card
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["model.safetensors", file.name, f"{file.name}.json", f"{file.name}.md"]
    )
    # henkan applies it as it does the network: hardly a pixel differs by more than rounding.
    # Drawings are dark on light; where colors are made, nothing is so light that they cannot be shown.
    levels = (200, 250) if task in ("line_drawing", "sketch_to_picture") else (60, 190)
    picture = np.random.default_rng(0).integers(*levels, (70, 90, 3), np.uint8)
    picture[20:24, 10:80] = picture[10:60, 40:44] = (40, 60, 20)
    mask = np.zeros((70, 90), np.float32)
    mask[15:35, 30:60] = 1.0
    more = {"mask": mask} if task == "completion" else {}
    with_network, with_program = (
        load(place, ["trainer.accelerator=cpu"])(picture, **more).astype(int) for place in (run, file)
    )
    assert with_network.shape == with_program.shape
    assert np.mean(abs(with_network - with_program) <= 1) > (0.9 if task == "colorization" else 0.999)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("network", networks.names())
def test_a_network_of_the_zoo(network: str, name: str, tmp_path: Path) -> None:
    """`export` itself asks the file at three sizes, and refuses one that is off by more than 1e-4."""
    if name == "onnx":
        pytest.importorskip("onnxruntime")
    given = {"run": str(networks.find(network)), "format": name, "output": str(tmp_path / f"made{ENDINGS[name]}")}
    cfg = OmegaConf.merge(compose_root("export", []), given)
    card = export(cfg).with_name(f"made{ENDINGS[name]}.md").read_text()
    assert re.search(r"Checked against the network at \d+x\d+, \d+x\d+, \d+x\d+: they differ by at most ", card)


ENDINGS = {"onnx": ".onnx", "torchscript": ".pt", "torch_export": ".pt2"}


def by_onnxruntime(file: Path, names: dict[str, int], given: tuple[torch.Tensor, ...]) -> torch.Tensor:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    values = {name: value.numpy() for name, value in zip(names, given, strict=True)}
    return torch.from_numpy(np.asarray(session.run(None, values)[0]))


READERS = {
    "onnx": by_onnxruntime,
    "torchscript": lambda file, names, given: torch.jit.load(str(file))(*given),
    "torch_export": lambda file, names, given: torch.export.load(str(file)).module()(*given),
}


def test_it_is_what_predict_makes(tmp_path: Path) -> None:
    program = Program(source(tmp_path, "completion"))
    picture, mask = program.example(3, 4)
    filled = load(tmp_path / "completion.safetensors", ["trainer.accelerator=cpu"])(picture, mask=mask)
    shown = (
        picture * (1 - mask) + program.transform.degradation.apply({"target": picture, "mask": mask})["source"] * mask
    )
    with torch.inference_mode():
        assert torch.allclose(program(shown, mask), filled, atol=2 / 255)


@pytest.mark.parametrize(("task", "mode"), [("completion", "reflect"), ("line_drawing", "replicate")])
def test_a_card_says_how_sides_are_filled_up(task: str, mode: str, tmp_path: Path) -> None:
    own = source(tmp_path, task)
    program = Program(own)
    assert f"multiples of {program.multiple}: pad ({mode}), and cut" in card("a.pt", own, program, Checked(0.0, ()))
    assert facts(own, program)["padding"] == mode


def test_another_answer_is_not_called_done(tmp_path: Path) -> None:
    program = Program(source(tmp_path, "completion"))
    assert compared(program, lambda given: program(*given).detach(), "it") == Checked(
        0.0, ((72, 96), (96, 72), (120, 168))
    )
    with pytest.raises(
        UserError, match=r"it answers otherwise than the network, by 0.0\d+ at \(72, 96\): .* try another"
    ):
        compared(program, lambda given: program(*given).detach() + 0.001, "it")
    with pytest.raises(UserError, match="it makes .* of pictures of .*, the network"):
        compared(program, lambda given: program(*given).detach()[..., 1:], "it")
    with pytest.raises(UserError, match="answers otherwise"):
        compared(program, lambda given: program(*given).detach() * float("nan"), "it")


def test_what_cannot_be_exported_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_model(tmp_path / "model.safetensors", "completion")

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("an operator\nthat is not known")

    monkeypatch.setattr(torch.jit, "trace", refuse)
    cfg = {"run": str(run), "format": "torchscript", "output": str(tmp_path / "made.pt")}
    with pytest.raises(
        UserError, match="CompletionNetwork cannot be exported as torchscript .an operator that is not known.: "
    ):
        export(OmegaConf.merge(compose_root("export", []), cfg))
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "onx"}, "format=onx.*did you mean.*onnx"),
        ({"format": "torchscript", "output": "made.onnx"}, r"a file of format=torchscript ends in \.pt"),
    ],
)
def test_wrong_words_are_one_line(change: dict[str, str], message: str, tmp_path: Path) -> None:
    run = write_model(tmp_path / "model.safetensors", "dehazing")
    with pytest.raises(UserError, match=message):
        export(OmegaConf.merge(compose_root("export", []), {"run": str(run)}, change))
