"""`henkan wandb-sweep`: what an agent of the sweep starts is what the study would have run."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import DictConfig, OmegaConf
from tiny_study import in_study
from wandb.sdk.launch.sweeps.utils import create_sweep_command_args

from henkan.config.composition import compose_root
from henkan.config.studies import Configuration, read_study
from henkan.config.words import as_overrides
from henkan.errors import UserError
from henkan.launching.verbs import module_of, verbs
from henkan.verbs.wandb_sweep import main


@pytest.fixture
def study(study: Path) -> Path:
    in_study(
        study,
        overrides=["trainer.workers=0"],
        variants={"mse only": ["loss=[mse]"], "gan": ["loss=[mse,adversarial]", "discriminator.width=0.5"]},
        axes={
            "weights.adversarial": [4e-4, 0.01],
            "holes": {"small": ["degradation.low=0.1"], "large": ["degradation.low=0.2", "window=32"]},
        },
        baseline="gan",
        seeds=[0, 7],
    )
    return study


def written(study: Path, *words: str) -> dict[str, Any]:
    path = study / "sweep.yaml"
    assert main([str(study), f"output={path}", *words]) == 0
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


def started(sweep: dict[str, Any], point: dict[str, Any], macro: str) -> list[str]:
    """Return the words after `henkan train` of what W&B's own agent starts at a point."""
    words = create_sweep_command_args({"args": {name: {"value": value} for name, value in point.items()}})[macro]
    place = sweep["command"].index("${args_no_hyphens}")
    assert sweep["command"][:2] == ["henkan", "train"]
    return [*sweep["command"][2:place], *words, *sweep["command"][place + 1 :]]


def is_at(configuration: Configuration, config: DictConfig) -> bool:
    weight = float(configuration.point["weights.adversarial"].partition("=")[2])
    said = (config.variant, config.point.holes, config.weights.adversarial)
    return said == (configuration.variant, configuration.point["holes"], weight)


@pytest.mark.parametrize("macro", ["args_no_hyphens", "args"])
def test_an_agent_starts_the_runs_of_the_study(study: Path, macro: str) -> None:
    given = ["validation.panels=2"]
    sweep = written(study, *given)
    assert (sweep["method"], sweep["metric"]) == ("grid", {"name": "val/psnr_hole", "goal": "maximize"})
    assert (sweep["name"], sweep["description"], sweep["project"]) == ("tiny_study", "Does it run?", "henkan")
    names = list(sweep["parameters"])
    assert names == ["overrides", "weights.adversarial", "seed"]
    assert sweep["parameters"]["weights.adversarial"]["values"] == [4e-4, 0.01]
    points = [
        dict(zip(names, values, strict=True))
        for values in itertools.product(*(one["values"] for one in sweep["parameters"].values()))
    ]
    found = read_study(str(study), given)
    runs = list(found.runs())
    assert len(points) == len(runs) == 2 * 2 * 2 * 2
    for point in points[-1:] if macro == "args" else points[:1]:
        config = compose_root("train", as_overrides(started(sweep, point, macro)))
        (same,) = [
            words for name, seed, words in runs if is_at(found.configurations[name], config) and seed == point["seed"]
        ]
        expected = OmegaConf.to_container(compose_root("train", [*same, "logger.mode=online"]))
        plain = OmegaConf.to_container(config)
        assert isinstance(expected, dict) and isinstance(plain, dict)
        # The values of a plain axis are parameters of the sweep, and so in W&B's config by their keys.
        assert expected["point"].pop("weights_adversarial") == point["weights.adversarial"]
        assert plain == expected


def test_a_recipe_of_a_variant_and_values_of_several_kinds(study: Path) -> None:
    in_study(
        study,
        variants={"one": ["experiment=srcnn", "batch_size=1"], "two": []},
        axes={"size": [64, 96], "loss": ["[mse]", None]},
        baseline="one",
        headline=[],
    )
    sweep = written(study, "project=emoji", "seeds=[3]")
    assert sweep["parameters"] == {
        "overrides": {"values": ["variant=one experiment=srcnn batch_size=1", "variant=two experiment=glcic"]},
        "size": {"values": [64, 96]},
        "loss": {"values": ["[mse]", "null"]},
        "seed": {"values": [3]},
    }
    assert not any(word.startswith("experiment=") for word in sweep["command"])
    assert sweep["project"] == "emoji" and "metric" not in sweep
    with pytest.raises(UserError, match="name a study: henkan wandb-sweep"):
        main(["seeds=[0]"])


def test_what_a_study_excludes_is_no_point_of_the_sweep(study: Path) -> None:
    whole = {"axes": {"size": [64, 96]}, "variants": {"mse": ["loss=[mse]"], "gan": []}, "baseline": "mse"}
    in_study(study, **whole, exclude=["gan size=96"])
    parameters = written(study)["parameters"]
    assert set(parameters) == {"overrides", "seed"} and len(parameters["overrides"]["values"]) == 3
    assert not any("variant=gan" in words and "size=96" in words for words in parameters["overrides"]["values"])


def test_the_metric_is_one_that_validation_logs(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    in_study(study, headline=["kid_lite0", "psnr"], prepare=[["degrade", "count=5", "output=two words"]])
    assert written(study)["metric"] == {"name": "val/psnr", "goal": "maximize"}
    assert "on each machine first: henkan degrade count=5 'output=two words' scale=smoke" in capsys.readouterr().err


def test_the_verb_goes_by_its_name() -> None:
    assert verbs()["wandb-sweep"].purpose.startswith("Write a study as a sweep")
    assert module_of("wandb-sweep") == "henkan.verbs.wandb_sweep"
