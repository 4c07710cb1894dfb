"""Every task trains with every generator that fits it, by MSE and with an adversarial term: found, not listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from tiny_network import saved

from henkan.config.composition import compose_root
from henkan.config.trees import config_folder
from henkan.data.stream import collate
from henkan.errors import MissingWeights, UserError
from henkan.runs.plan import Plan, plan_run
from henkan.sample import PAIRED
from henkan.training.assemble import build_network, build_transform, build_translator, training_stream
from henkan.training.feed import Stretches
from henkan.transform import Transform

CONF = config_folder()
TASKS = sorted(path.stem for path in CONF.glob("task/*.yaml"))
GENERATORS = sorted(path.stem for path in CONF.glob("generator/*.yaml"))
RECIPES = sorted(path.stem for path in CONF.glob("experiment/*.yaml"))
ITERATIONS = 2
# What makes any recipe small, and the same length.
SMALL = [
    *(
        "scale=smoke",
        "logger=none",
        "average.decay=null",
        "stream=[]",
        "trainer.precision=32-true",
        "trainer.workers=0",
    ),
    *("statistics.deviation=0.5", "statistics.classes=2"),
]


def composed(words: list[str]) -> DictConfig:
    """The config of a run of two iterations: one phase, one rate, all pictures."""
    cfg = compose_root("train", words)
    cfg.schedule = {"joint": {"iterations": ITERATIONS, "update": ["discriminator", "generator"]}}
    cfg.scheduler = {"generator": None, "discriminator": None, "warmup": 0}
    if "screen" in cfg:
        cfg.screen = None
    return cfg


def recipes_of(task: str) -> dict[str, str]:
    """The recipes of a task, and the generator that each names."""
    found = {}
    with initialize_config_dir(str(CONF), version_base="1.3"):
        for recipe in RECIPES:
            chosen = compose("train", [f"experiment={recipe}"], return_hydra_config=True).hydra.runtime.choices
            if chosen.task == task:
                found[recipe] = chosen.generator
    assert found, f"no recipe is of the task {task}"
    return found


def first_of(recipes: Sequence[str]) -> str:
    """The first recipe that needs nothing given."""
    return next(name for name in recipes if not OmegaConf.missing_keys(compose_root("train", [f"experiment={name}"])))


@dataclass(frozen=True)
class Shown:
    """What a recipe shows to generators: a batch of its samples, and overrides of its runs."""

    words: list[str]
    batch: dict[str, Any]
    transform: Transform
    # Of a file of weights for each enlargement: the network that is in it is told by the file.
    folder: Path

    def config(self, generator: str, losses: str = "[mse]") -> DictConfig:
        chosen = [f"generator={generator}", f"loss={losses}"]
        if generator == "pretrained":
            scale = compose_root("train", self.words).degradation.get("scale", 1)
            chosen.append(f"generator.weights={saved(self.folder, scale)}")
        return composed([*self.words, *chosen])

    def fits(self, generator: str) -> bool:
        return fits(self.transform, self.config(generator), self.batch)


def shown(recipe: str, task: str, color: Path, grey: Path, labelled: Path, folder: Path) -> Shown:
    """What a recipe makes of pictures in color, of grey drawings, or of pictures with maps of classes."""
    words = [f"experiment={recipe}", *SMALL, f"paths.cache={folder}", f"paths.runs={folder}"]
    channels = composed(words).channels
    words.append(f"statistics.mean={[0.5] * channels}")
    if task == "segmentation":
        words += ["data=labelled_folder", f"data.path={labelled}", "source_channels=3", "statistics.classes=3"]
    elif channels == 1:
        words += ["data=line_folder", f"data.path={grey}"]
    else:
        words += ["data=image_folder", f"data.path={color}"]
    plan = plan_run(composed([*words, "loss=[mse]"]))
    stream = training_stream(plan.config, plan.streams[PAIRED])
    batch = collate([stream["generator", k] for k in range(plan.config["batch_size"])])
    return Shown(words, batch, build_transform(plan.config), folder)


def fits(transform: Transform, cfg: DictConfig, batch: dict[str, Any]) -> bool:
    """Whether a generator that learns takes what a task offers, and answers what it can compose."""
    try:
        network = build_network(OmegaConf.to_container(cfg, resolve=True), "generator")  # type: ignore[arg-type]
        if not any(weight.requires_grad for weight in network.parameters()):
            return False
        sample = transform.generate(network, transform.prepare(batch))
        output, target = sample["output"], sample["target"]
    except MissingWeights:
        return False
    # Another number of channels is torch's own error, a degradation without a scale OmegaConf's.
    except (UserError, RuntimeError, ValueError, OmegaConfBaseException):
        return False
    return bool(output.requires_grad) and output.shape == target.shape


def train(plan: Plan, batch: dict[str, Any]) -> pl.LightningModule:
    translator = build_translator(plan)
    pl.Trainer(
        accelerator="cpu",
        max_epochs=1,
        precision="32-true",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    ).fit(translator, Stretches([{PAIRED: batch}] * ITERATIONS, [1] * ITERATIONS))  # type: ignore[arg-type]
    return translator


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_a_task_trains_with_every_generator_that_fits(
    task: str, pictures: Path, drawings: Path, labelled: Path, tmp_path: Path, subtests: Any
) -> None:
    recipes = recipes_of(task)
    first = shown(first_of(list(recipes)), task, pictures, drawings, labelled, tmp_path)
    fitting = {name: first for name in GENERATORS if first.fits(name)}
    # A recipe may have settings that its own generator alone has: others are looked at as their recipes show them.
    for recipe, name in recipes.items():
        if name not in fitting:
            own = shown(recipe, task, pictures, drawings, labelled, tmp_path)
            assert own.fits(name), f"the generator {name} does not fit its own recipe {recipe}"
            fitting[name] = own
    print(task, list(fitting))
    for name, here in fitting.items():
        for losses in ("[mse]", "[mse,adversarial]"):
            with subtests.test(generator=name, loss=losses):
                cfg = here.config(name, losses)
                translator = train(plan_run(cfg), here.batch)
                before = build_network(plan_run(cfg).config, "generator").state_dict()
                after = translator.generator.state_dict()
                assert translator.iteration == ITERATIONS
                assert all(value.isfinite().all() for value in after.values())
                assert any(not torch.equal(after[key], value) for key, value in before.items())


def test_published_networks_are_among_them(pictures: Path, drawings: Path, labelled: Path, tmp_path: Path) -> None:
    for recipe, task in (("srresnet", "super_resolution"), ("aod_net", "dehazing")):
        assert shown(recipe, task, pictures, drawings, labelled, tmp_path).fits("pretrained")
