"""What a stranger's config may build: all that henkan's own tree names, and nothing that runs something else."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

from henkan.config.signatures import targets
from henkan.config.trees import config_folder
from henkan.config.trust import PLACES, Kind, check_foreign, class_named
from henkan.errors import UserError

FILE = Path("run/config.yaml")


def refused(config: dict[str, Any]) -> str:
    with pytest.raises(UserError) as error:
        check_foreign(OmegaConf.create(config), FILE)
    return str(error.value)


def test_every_option_may_be_built() -> None:
    found = 0
    for path in sorted(config_folder().glob("*/*.yaml")):
        text, group = path.read_text(), path.parent.name
        # Those that write into the root begin with their group, or say where they belong.
        node = yaml.safe_load(text) or {}
        config = node if "@package _global_" in text else {group: node}
        if group == "stream" or list(targets(config)) == []:
            continue
        found += 1
        check_foreign(concrete(config), FILE)
    assert found > 100


def concrete(node: Any) -> Any:
    """Return a node as a run writes it, where what refers to something is of no concern here."""
    if isinstance(node, dict):
        return OmegaConf.create({name: concrete(child) for name, child in node.items()})
    if isinstance(node, list):
        return [concrete(child) for child in node]
    if isinstance(node, str) and (said := re.fullmatch(r"\$\{at_scale:[\w.]+,(torch\.nn\.\w+)\}", node)):
        # A class that depends on the scale: the paper's.
        return said[1]
    return 1 if isinstance(node, str) and "${" in node else node


def test_every_base_is_there() -> None:
    kinds = [kind for kinds in PLACES.values() for kind in kinds]
    for base in {kind.base for kind in kinds if kind.base is not None}:
        assert isinstance(class_named(base), type)


MALICIOUS = [
    "pandas.read_pickle",
    "shutil.copy",
    "torch.hub.load",
    "torch.load",
    "builtins.eval",
    "os.system",
    # They begin well.
    "henkan.files.os.system",
    "henkan.losses.perceptual.torch.load",
    "henkan.data.rasterize.subprocess.Popen",
    "torch.nn.modules.module.torch.load",
    "torch.optim.lr_scheduler.warnings.warn",
    # Functions, and what is imported where it is not defined.
    "henkan.config.build.build",
    "henkan.launching.execute.execute",
    "henkan.launching.launcher.WarmProcesses",
    "henkan.runs.run.Run",
    "henkan.data.rasterize.rasterize_all",
    "henkan.losses.penalty.Tensor",
    "henkan.generators.unet.nn",
    "torch.nn.init.normal_",
    # No names at all.
    "henkan.losses",
    "henkan.losses.",
    "henkan.losses..L1",
    "henkan.losses.l1.L1.__init__",
    "henkan_of_mine.losses.l1.L1",
    "",
    None,
    7,
    ["henkan.losses.l1.L1"],
]
# A place of each kind, and how deep a node may hide there.
HERE = [
    "task",
    "predictor",
    "data",
    "screen",
    "augmentation",
    "validation.framing",
    "evaluation.framing",
    "degradation",
    "degradation.hand.pen",
    "degradation.of.page.paper",
    "evaluation.degradation",
    "evaluation.curve.values",
    "streams.mine.data",
    "streams.mine.augmentation",
    "streams.mine.degradation",
    "generator",
    "generator.normalization",
    "discriminator",
    "discriminator.normalization._args_",
    "discriminator.features",
    "loss.mse",
    "loss.perceptual.features",
    "metric.psnr",
    "metric.psnr.reads.output",
    "postprocess",
    "logger",
    "optimizer.generator",
    "scheduler.discriminator",
    "statistics.mean",
    "anything",
]


def at(place: str, node: Any) -> dict[str, Any]:
    for name in reversed(place.split(".")):
        node = {name: node}
    return node  # type: ignore[no-any-return]


@pytest.mark.parametrize("target", MALICIOUS, ids=str)
@pytest.mark.parametrize("partial", [{}, {"_partial_": True}], ids=["", "partial"])
def test_what_is_no_class_of_henkan_is_refused_everywhere(target: Any, partial: dict[str, bool]) -> None:
    for place in HERE:
        told = refused(at(place, {"_target_": target, **partial}))
        assert "trust=true" in told and str(FILE) in told and f"{place}._target_=" in told and "\n" not in told
        assert str(target) in told
        told = refused(at(place, [1, [{"_target_": target}]]))
        assert f"{place}.1.0._target_=" in told


@pytest.mark.parametrize(
    ("place", "target"),
    [
        ("generator", "henkan.data.image_folder.ImageFolder"),
        ("generator", "henkan.training.translator.Translator"),
        ("generator", "henkan.pretrained.features.VGG19"),
        ("data", "henkan.generators.unet.UNet"),
        ("data", "henkan.data.framing.Center"),
        ("augmentation", "henkan.data.image_folder.ImageFolder"),
        ("degradation", "henkan.degradations.hand.Pen"),
        ("task", "henkan.prediction.completion.FillHoles"),
        ("predictor", "henkan.tasks.completion.Completion"),
        ("loss.mse", "henkan.metrics.mse.MSE"),
        ("metric.mse", "henkan.losses.mse.MSE"),
        ("optimizer.generator", "torch.nn.Linear"),
        ("scheduler.generator", "torch.optim.Adam"),
        ("screen", "henkan.data.image_folder.ImageFolder"),
        ("statistics.mean", "henkan.losses.mse.MSE"),
    ],
)
def test_a_class_of_another_place_is_refused(place: str, target: str) -> None:
    assert f"{place}._target_={target}" in refused(at(place, {"_target_": target}))


def test_other_layers_and_optimizers_of_torch_may_be_built() -> None:
    check_foreign(
        OmegaConf.create(
            {
                "generator": {
                    "_target_": "henkan.generators.unet.UNet",
                    "normalization": {"_target_": "torch.nn.modules.instancenorm.InstanceNorm2d", "_partial_": True},
                },
                "optimizer": {"generator": {"_target_": "torch.optim.AdamW", "_partial_": True}},
            }
        ),
        FILE,
    )


def test_nothing_foreign_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("spy", "henkan_spy"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n\nclass Spy:\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    for name in ("spy.Spy", "henkan_spy.Spy", "henkan.spy.Spy", "henkan.losses.spy.Spy", "torch.nn.spy.Spy"):
        refused({"loss": {"mine": {"_target_": name}}, "generator": {"_target_": name}})
    assert not (tmp_path / "ran").exists()
    assert {name for name in set(sys.modules) - before if "spy" in name} == set()
    assert Kind("spy").has("spy.Spy"), "where it may be imported it is found"


@pytest.mark.parametrize("text", ["${oc.env:HOME}", "${data.path}", "a ${seed}", r"\${oc.env:HOME}", "${no_such:1}"])
def test_a_config_that_refers_to_something_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "a secret")
    told = refused({"data": {"path": ["x", text]}})
    assert f"data.path.1={text}" in told and "trust=true" in told and "secret" not in told


def test_what_a_stranger_wrote_cannot_steer_the_terminal() -> None:
    told = refused({"task": {"_target_": "a\x1b[2J\n" + "b" * 1000}})
    assert told.isprintable() and len(told) < 300 and r"a\x1b[2J\nbbb" in told


def test_a_tag_of_python_builds_nothing(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"a: !!python/object/apply:os.system ['touch {tmp_path / 'ran'}']\n")
    with pytest.raises(yaml.YAMLError):
        OmegaConf.load(file)
    assert not (tmp_path / "ran").exists()
