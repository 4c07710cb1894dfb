"""What the trainer's settings make of the networks: compiled, or with statistics that all ranks share."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig
from torch import Tensor, nn

from henkan.degradations.identity import Identity
from henkan.errors import UserError
from henkan.losses.adversarial import NonSaturating
from henkan.losses.mse import MSE
from henkan.losses.penalty import R1, BatchSlope
from henkan.runs import fit
from henkan.runs.plan import plan_run
from henkan.runs.record import read_record
from henkan.sample import PAIRED
from henkan.tasks.line_drawing import LineDrawing
from henkan.terms.function import Function
from henkan.terms.term import Term
from henkan.training.callbacks import Restore
from henkan.training.feed import Stretches
from henkan.training.schedule import Schedule
from henkan.training.translator import Translator
from henkan.transform import Transform
from henkan.verbs import train

PHASES = {
    "alone": {"iterations": 1, "update": ["generator"]},
    "joint": {"iterations": 3, "update": ["discriminator", "generator"]},
}
ITERATIONS = 4


class Generator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 1, 1))

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return {"raw": self.layers(image)}


class Discriminator(nn.Module):
    def __init__(self, norm: bool) -> None:
        super().__init__()
        first = nn.utils.parametrizations.spectral_norm(nn.Conv2d(1, 4, 3))
        self.layers = nn.Sequential(first, nn.BatchNorm2d(4) if norm else nn.Tanh(), nn.Conv2d(4, 1, 3))

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        return self.layers(image), []


def make(penalty: Term | None = None, norm: bool = False) -> Translator:
    torch.manual_seed(0)
    generator, discriminator = Generator(), Discriminator(norm)
    mse = Term("mse", Function("mse", MSE(), {"input": "output", "target": "target"}))
    terms = [mse, Term("adversarial", NonSaturating(), 0.1), *([penalty] if penalty else [])]
    return Translator(
        generator=generator,
        discriminator=discriminator,
        transforms={PAIRED: Transform(LineDrawing(4), Identity())},
        terms=terms,
        schedule=Schedule.from_config(PHASES, True),
        optimizers=dict.fromkeys(("generator", "discriminator"), lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)),
        schedulers={},
        seed=0,
        decay=0.5,
        log_every=1,
    )


def trained(translator: Translator, stop: int = ITERATIONS, state: dict[str, Any] | None = None) -> dict[str, Any]:
    """Train up to iteration `stop` and return the state."""
    chance, centers = torch.Generator().manual_seed(0), torch.full((2, 2), 4)
    pictures = [torch.rand(2, 1, 8, 8, generator=chance) for _ in range(stop)]
    batches = [{PAIRED: {"target": one, "window": centers, "window_real": centers}} for one in pictures]
    settings = {"accelerator": "cpu", "devices": 1, "strategy": "auto", "precision": "32-true"}
    begin = 0
    if state is not None:
        translator.load_state_dict(state["state_dict"])
        begin = state["iteration"]
    feed: Any = Stretches(batches[begin:], [1] * (stop - begin))
    fit.make_trainer(settings, [Restore(state)], Path(tempfile.gettempdir())).fit(translator, feed)
    found = translator.state()
    return {**found, "state_dict": {name: value.clone() for name, value in found["state_dict"].items()}}


def test_without_a_compiler_nothing_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UserError, match="no-such-compiler: install one, or name it in CXX"):
        fit.ready(make(), {"accelerator": "cpu", "devices": 1, "compile": True})


@pytest.mark.skipif(shutil.which(os.environ.get("CXX", "g++")) is None, reason="needs a C++ compiler")
def test_compiled_networks_learn_the_same_under_the_same_names_and_go_on_bitwise() -> None:
    def made(compiled: bool = True) -> Translator:
        # A penalty differentiates the discriminator twice, which no compiled network allows.
        translator = make(Term("r1", R1(gamma=0.1, every=2)))
        if compiled:
            torch.compiler.reset()
            fit.ready(translator, {"accelerator": "cpu", "devices": 1, "compile": True})
        return translator

    eager, straight = trained(made(compiled=False))["state_dict"], trained(made())["state_dict"]
    assert straight.keys() == eager.keys()
    for name, value in eager.items():
        torch.testing.assert_close(straight[name], value, atol=1e-5, rtol=1e-4)
    resumed = trained(made(), state=trained(made(), stop=2))["state_dict"]
    assert all(torch.equal(resumed[name], value) for name, value in straight.items())


def test_a_compiled_run_is_another_and_one_without_is_what_it_was(
    tiny: list[str], composed: Callable[..., DictConfig]
) -> None:
    plain, compiled = (plan_run(composed([*tiny, *words])) for words in ([], ["trainer.compile=true"]))
    assert "compile" not in plain.parts["trainer"] and compiled.parts["trainer"]["compile"] is True
    assert plain.identity != compiled.identity


def test_parameters_are_counted_once_each_and_kept_in_the_record(
    tiny: list[str], composed: Callable[..., DictConfig], tmp_path: Path
) -> None:
    translator = make()
    # 4 x 9 + 4, 2 x 4, 4 + 1; with spectral norm 4 x 9 + 4, 4 x 9 + 1. Averages and buffers are no parameters.
    assert fit.parameters(translator) == {"generator": 53, "discriminator": 77}
    translator.discriminator = None
    translator.generator.requires_grad_(False)
    assert fit.parameters(translator) == {"generator": 53}

    records = {}
    for name, words in {"mse": ["loss=[mse]"], "gan": []}.items():
        train.main(composed([*tiny, *words, f"paths.runs={tmp_path / name}"]))
        (folder,) = (path.parent for path in (tmp_path / name).glob("*/run.json"))
        records[name] = (read_record(folder) or {})["parameters"]
    assert list(records["mse"]) == ["generator"] and list(records["gan"]) == ["generator", "discriminator"]
    assert records["mse"]["generator"] == records["gan"]["generator"]


def several_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


def test_ranks_share_batch_statistics_on_gpus_and_only_there(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = make(norm=True)
    fit.ready(alone, {"accelerator": "cpu", "devices": 2})
    assert not any(isinstance(module, nn.SyncBatchNorm) for module in alone.modules())

    several_gpus(monkeypatch)
    translator = make(norm=True)
    fit.ready(translator, {"accelerator": "auto", "devices": 1})
    assert not any(isinstance(module, nn.SyncBatchNorm) for module in translator.modules())
    before = {name: value.clone() for name, value in translator.state_dict().items()}
    weights = {*map(id, translator.parameters())}
    fit.ready(translator, {"accelerator": "auto", "devices": 2})
    for network in (translator.generator, translator.discriminator):
        assert network is not None
        assert [type(module) for module in network.modules() if "BatchNorm" in type(module).__name__] == [
            nn.SyncBatchNorm
        ]
    assert {*map(id, translator.parameters())} == weights
    after = translator.state_dict()
    assert after.keys() == before.keys() and all(torch.equal(value, after[name]) for name, value in before.items())


def test_a_discriminator_whose_slope_is_penalized_keeps_its_own_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    several_gpus(monkeypatch)
    translator = make(Term("batch_slope", BatchSlope()), norm=True)
    fit.ready(translator, {"accelerator": "cuda", "devices": 2})
    shared = [name for name, module in translator.named_modules() if isinstance(module, nn.SyncBatchNorm)]
    assert shared == ["generator.layers.1"]
