"""Training with Lightning: which callbacks, which strategy, and that it is all done."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from torch import nn

from henkan.config import resolved as configured
from henkan.devices import count_of, kind_of
from henkan.errors import TrainingFailed, UserError
from henkan.ranks import leave_the_others
from henkan.runs.plan import Plan
from henkan.runs.run import Run
from henkan.scoring.evaluation_set import evaluation_set
from henkan.scoring.evaluator import Evaluator
from henkan.training.assemble import training_streams
from henkan.training.callbacks import Bar, Checkpoints, Restore, Rows, Validation
from henkan.training.feed import Feed
from henkan.training.heartbeat import Heartbeat
from henkan.training.interruption import Interruption, Signals
from henkan.training.keeping import keeping
from henkan.training.loggers import RunLogger
from henkan.training.state import State
from henkan.training.streams import batch_sizes
from henkan.training.translator import Translator


def fit(
    plan: Plan,
    run: Run,
    translator: Translator,
    state: State | None,
    logger: RunLogger,
    signals: Signals,
) -> None:
    """Train the iterations that are left. Raises `TrainingFailed` unless the last one has been reached then."""
    if plan.trains:
        run.note(parameters=parameters(translator))
    if translator.iteration < len(plan.schedule):
        try:
            fit_rest(plan, run, translator, state, logger, signals)
        finally:
            leave_the_others()
    if translator.iteration != len(plan.schedule):
        raise TrainingFailed(f"training ended at iteration {translator.iteration} instead of {len(plan.schedule)}")


def parameters(translator: Translator) -> dict[str, int]:
    """Return how many parameters each network has, those that stay as they are included."""
    networks = {"generator": translator.generator, "discriminator": translator.discriminator}
    return {
        name: sum(weight.numel() for weight in network.parameters())
        for name, network in networks.items()
        if network is not None
    }


def fit_rest(
    plan: Plan,
    run: Run,
    translator: Translator,
    state: State | None,
    logger: RunLogger,
    signals: Signals,
) -> None:
    """Run Lightning's loop over the iterations that are left."""
    config, settings = plan.config, plan.config["trainer"]
    evaluator = Evaluator(config["metric"], config["evaluation"]["batch"], sets=False)
    validation = config["validation"]
    scored = evaluation_set(config, plan.pictures, "val", validation["framing"], reduced=True)
    ready(translator, settings)
    keep, every, minutes = keeping(config), config["checkpoint"]["every"], config["checkpoint"]["minutes"]
    checkpoints = Checkpoints(run, every, minutes, keep, plan.prefixes)
    feed = Feed(
        training_streams(plan),
        plan.schedule,
        batch_sizes(config, list(plan.streams)),
        settings["workers"],
        start=translator.iteration,
        pauses=(settings["log_every"], validation["every"], every, *filter(None, [keep.every])),
        repeat=config["overfit"] is not None,
        passed_over=run.pass_over,
    )
    with_bar = settings["bar"] is True or (settings["bar"] == "auto" and sys.stderr.isatty())
    callbacks: list[pl.Callback] = [
        Restore(state),
        Rows(run, logger, feed),
        Bar(run.folder.name) if with_bar else Heartbeat(),
        Validation(
            run,
            logger,
            evaluator,
            scored,
            every=validation["every"],
            pictures=validation["pictures"],
            panels=validation["panels"],
        ),
        checkpoints,
        Interruption(signals, checkpoints.save),
    ]
    # Lightning's advice about workers and modes is for other loops than this one.
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(many workers|eval mode at the start|treespec).*")
        try:
            make_trainer(settings, callbacks, run.folder).fit(translator, datamodule=feed)
        finally:
            feed.close()


def ready(translator: Translator, settings: configured.Trainer) -> None:
    """Make the networks what the trainer's settings ask for; the names of their weights stay."""
    accelerator = settings["accelerator"]
    if kind_of(accelerator) == "cuda" and count_of(accelerator, settings["devices"]) > 1:
        share_statistics(translator)
    if settings.get("compile"):
        compile_networks(translator)


def share_statistics(translator: Translator) -> None:
    """Have batch normalization count the pictures of all ranks (SyncBatchNorm, which exists on CUDA only).

    Not in a discriminator with a penalty on its slope: SyncBatchNorm can be differentiated once only.
    """
    convert: Callable[[Any], Any] = nn.SyncBatchNorm.convert_sync_batchnorm
    translator.generator = convert(translator.generator)
    if translator.discriminator is not None and not any(term.loss.second_order for term in translator.terms):
        translator.discriminator = convert(translator.discriminator)


def compile_networks(translator: Translator) -> None:
    """Have both networks compiled when they are first called, in place; the average, which is scored, is not.

    One program for each size of picture: which sizes came before must not matter to a run that was interrupted. Raises
    `UserError` where there is no compiler to do it with.
    """
    compiler = os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")
    if shutil.which(compiler) is None:
        raise UserError(
            f"trainer.compile=true needs a C++ compiler, and there is no {compiler}: install one, or name it in CXX"
        )
    for network in (translator.generator, translator.discriminator):
        if network is not None:
            network.compile(dynamic=False)


def make_trainer(settings: configured.Trainer, callbacks: list[pl.Callback], folder: Path) -> pl.Trainer:
    """Return a trainer that leaves batches, logs and checkpoints to us."""
    accelerator, devices = settings["accelerator"], settings["devices"]
    several = count_of(accelerator, devices) > 1 and settings["strategy"] == "auto"
    return pl.Trainer(
        accelerator=kind_of(accelerator),
        devices=devices,
        strategy="ddp_find_unused_parameters_true" if several else settings["strategy"],
        precision=settings["precision"],
        plugins=environments(count_of(accelerator, devices) > 1),
        # Under SLURM it goes on from any hpc_ckpt_N.ckpt that lies there; the default is the working directory.
        default_root_dir=folder,
        max_epochs=1,
        callbacks=callbacks,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


def environments(several: bool) -> list[Any]:
    """Return where the trainer learns of a run's other processes, where Lightning's own choice would not do.

    A run of one device has none, whatever a cluster says of the job that it is part of; and queueing a job again is
    the business of its batch script.
    """
    if not several:
        return [LightningEnvironment()]
    if SLURMEnvironment.detect() and not TorchElasticEnvironment.detect():
        return [SLURMEnvironment(auto_requeue=False)]
    return []
