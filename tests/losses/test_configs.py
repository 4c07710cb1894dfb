"""Every YAML of conf/loss names one term, gives it a weight, and builds it; no term is without a YAML."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

import henkan.losses
from henkan.config.build import build
from henkan.errors import MissingWeights
from henkan.sample import named_arguments
from henkan.terms.chosen import SETTINGS_OF_THE_TERM
from henkan.terms.term import Loss

FILES = sorted((Path(__file__).parents[2] / "conf" / "loss").glob("*.yaml"))
# What a run measures on its data and terms refer to.
STATISTICS = {"statistics": {"ab_prior": [1 / 529] * 529}}
ALTERNATIVES = (
    {"class_ab_rebalanced": "class_ab"}
    | dict.fromkeys(["mse_loss_map", "mse_loss_map_paper"], "mse")
    | {f"{name}_{whose}": name for name in ("content", "style") for whose in ("johnson", "lite0", "paper", "vgg19")}
    | {f"perceptual_{whose}": "perceptual" for whose in ("esrgan", "oxford", "segmentation", "srgan", "vgg")}
    | dict.fromkeys(["lsgan", "hinge", "wasserstein", "relativistic", "adversarial_masked"], "adversarial")
)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_names_weighs_and_builds_one_term(file: Path) -> None:
    assert file.read_text().startswith("# @package _global_\n")
    config = OmegaConf.to_container(OmegaConf.merge(STATISTICS, OmegaConf.load(file)), resolve=True)
    assert isinstance(config, dict) and set(config) == {"statistics", "loss", "weights", "balance"}
    ((name, node),) = config["loss"].items()
    assert name == ALTERNATIVES.get(file.stem, file.stem)
    assert config["weights"] == {name: node.pop("weight")}
    assert config["balance"] == {name: None}

    reads = node.get("reads", {})
    try:
        term = build({key: value for key, value in node.items() if key not in SETTINGS_OF_THE_TERM})
    except MissingWeights:
        assert file.stem.partition("_")[0] in ("perceptual", "content", "style")
        return
    if isinstance(term, Loss):
        assert not reads  # these see logits and what is judged, not keys of the sample
    else:
        arguments = named_arguments(term)
        assert {name for name, needed in arguments.items() if needed} <= set(reads) <= set(arguments)


@pytest.mark.parametrize("name", ["content_vgg19", "style_vgg19"])
def test_absent_weights_are_told_in_a_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setenv("HENKAN_WEIGHTS", str(tmp_path / "weights"))
    (term,) = OmegaConf.load(FILES[0].parent / f"{name}.yaml").loss.values()
    features = build({**term.features, "layers": list(term.layers)})
    with pytest.raises(MissingWeights, match=r"vgg19-dcbb9e9d\.pth is missing: download http") as caught:
        features()
    assert "\n" not in str(caught.value)


def test_every_term_has_a_file() -> None:
    named = {name for file in FILES for name in re.findall(r"henkan\.losses\.[\w.]+", file.read_text())}
    modules = [
        importlib.import_module(f"henkan.losses.{module.name}")
        for module in pkgutil.iter_modules(henkan.losses.__path__)
    ]
    public = {
        f"{module.__name__}.{name}"
        for module in modules
        for name, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__
        if not name.startswith("_") and not inspect.isabstract(value)
    }
    assert public == named
