"""Every metric has a YAML that builds and runs, and every YAML a metric."""

import importlib
import inspect
import pkgutil
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

import henkan.metrics
from henkan.config.build import build
from henkan.config.objectives import is_of_a_set
from henkan.errors import Missing
from henkan.metrics.set_metric import SetMetric
from henkan.sample import named_arguments

CONFIGS = sorted((Path(__file__).parents[2] / "conf" / "metric").glob("*.yaml"))


def node(path: Path) -> dict[str, Any]:
    config = OmegaConf.to_container(OmegaConf.load(path))
    assert isinstance(config, dict) and list(config) == [path.stem], "one key, the file's name"
    return dict(config[path.stem])


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_config_builds_and_scores(path: Path) -> None:
    settings = node(path)
    reads, better = settings.pop("reads"), settings.pop("better")
    assert better in ("higher", "lower", None)
    try:
        metric = build(settings)
    except Missing as error:
        pytest.skip(str(error))
    assert is_of_a_set(path.stem, settings) == isinstance(metric, SetMetric)
    function = metric.update if isinstance(metric, SetMetric) else metric
    assert reads.keys() == named_arguments(function).keys()
    generator = torch.Generator().manual_seed(0)
    sample = {key: torch.rand(2, 3, 32, 32, generator=generator) for key in ("output", "target", "prediction")}
    if path.stem.startswith("line_"):
        # Lines are of drawings.
        sample = {key: picture[:, :1] for key, picture in sample.items()}
    sample["source"] = torch.rand(2, 3, 8, 8, generator=generator)
    sample["mask"] = torch.ones(2, 1, 32, 32)
    sample["style_picture"] = torch.rand(2, 3, 40, 36, generator=generator)
    sample |= {"aux.classes": torch.rand(2, 5, generator=generator), "label": torch.tensor([0, 4])}
    sample |= {key: torch.rand(2, 1, 32, 32, generator=generator) for key in ("aux.transmission", "transmission")}
    sample |= {"raw": torch.rand(2, 5, 32, 32, generator=generator)}
    sample |= {"labels": torch.randint(5, (2, 1, 32, 32), generator=generator)}
    result = function(**{argument: sample[key] for argument, key in reads.items()})
    if isinstance(metric, SetMetric):
        assert isinstance(metric.compute(), float)
    else:
        assert result.shape == (2,) and result.isfinite().all() and not result.requires_grad


def test_every_metric_is_named_by_a_config() -> None:
    named = {node(path)["_target_"] for path in CONFIGS}
    modules = [
        importlib.import_module(found.name)
        for found in pkgutil.iter_modules(henkan.metrics.__path__, "henkan.metrics.")
    ]
    metrics = {
        f"{module.__name__}.{name}"
        for module in modules
        for name, found in inspect.getmembers(module, inspect.isclass)
        if found.__module__ == module.__name__ and not name.startswith("_") and not inspect.isabstract(found)
        if "__call__" in vars(found) or issubclass(found, SetMetric)
    }
    assert metrics == named
