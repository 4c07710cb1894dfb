"""Every task trains with every generator that fits it, by MSE and with an adversarial term: found, not listed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

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


def recipe_of(task: str) -> str:
    """The first recipe of a task that needs nothing given."""
    target = OmegaConf.load(CONF / "task" / f"{task}.yaml").task._target_
    for path in sorted(CONF.glob("experiment/*.yaml")):
        cfg = compose_root("train", [f"experiment={path.stem}"])
        if cfg.task._target_ == target and not OmegaConf.missing_keys(cfg):
            return path.stem
    raise AssertionError(f"no recipe is of the task {task}")


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
    words = [f"experiment={recipe_of(task)}", *SMALL, f"paths.cache={tmp_path}", f"paths.runs={tmp_path}"]
    channels = composed(words).channels
    grey = channels == 1
    words.append(f"statistics.mean={[0.5] * channels}")
    data = [f"data={'line_folder' if grey else 'image_folder'}", f"data.path={drawings if grey else pictures}"]
    if task == "segmentation":
        data = ["data=labelled_folder", f"data.path={labelled}", "source_channels=3", "statistics.classes=3"]
    plan = plan_run(composed([*words, *data, "loss=[mse]"]))
    transform, size = build_transform(plan.config), plan.config["batch_size"]
    stream = training_stream(plan.config, plan.streams[PAIRED])
    batch = collate([stream["generator", k] for k in range(size)])
    fitting = [
        name
        for name in GENERATORS
        if fits(transform, composed([*words, *data, "loss=[mse]", f"generator={name}"]), batch)
    ]
    print(task, fitting)
    assert fitting, "no generator fits"
    for name in fitting:
        for losses in ("[mse]", "[mse,adversarial]"):
            with subtests.test(generator=name, loss=losses):
                cfg = composed([*words, *data, f"generator={name}", f"loss={losses}"])
                translator = train(plan_run(cfg), batch)
                before = build_network(plan_run(cfg).config, "generator").state_dict()
                after = translator.generator.state_dict()
                assert translator.iteration == ITERATIONS
                assert all(value.isfinite().all() for value in after.values())
                assert any(not torch.equal(after[key], value) for key, value in before.items())
