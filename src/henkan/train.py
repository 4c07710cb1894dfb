"""Train one run, go on with an interrupted one, or return what a finished one found.

Prints the run folder as the last line on stdout. The same command continues a run that was killed; a run that is done
is not trained again (rerun=true does).

  henkan train experiment=glcic scale=smoke
  henkan train experiment=glcic 'loss=[mse,hinge,r1]' discriminator.normalization=null
  henkan train -m experiment=glcic weights.adversarial=0.001,0.01 seed=0,1,2
  henkan train experiment=glcic init=outputs/runs/RUN
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import warnings
from pathlib import Path

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig
from pytorch_lightning.utilities import rank_zero_only

from henkan.build import build
from henkan.errors import TrainingFailed
from henkan.evaluate import evaluate_run, evaluation_set
from henkan.metrics.evaluator import Evaluator
from henkan.runs.curves import read_rows
from henkan.runs.overrides import task_overrides
from henkan.runs.plan import Plan, plan_run
from henkan.runs.prefix import longest
from henkan.runs.run import Run
from henkan.training import checkpoint
from henkan.training.assemble import build_translator, training_stream
from henkan.training.callbacks import Bar, Checkpoints, Restore, Rows, Validation
from henkan.training.feed import Feed
from henkan.training.loggers import RunLogger
from henkan.training.translator import Translator


def main(cfg: DictConfig) -> float | None:
    use_threads(cfg.trainer.threads)
    plan = plan_run(cfg)
    run = Run(plan.folder, plan.identity, plan.config, writes=is_first_rank())
    if run.done and not cfg.rerun:
        changed = run.changed_code()
        note = f"; since then changed: {', '.join(changed)} (rerun=true trains it again)" if changed else ""
        say(f"done already{note}")
        print(run.folder)
        return objective(run, cfg.objective)
    if cfg.rerun and run.writes:
        shutil.rmtree(run.folder, ignore_errors=True)
    run.begin(task_overrides(), plan.manifest, len(plan.schedule))
    logger: RunLogger = build(plan.config["logger"])
    try:
        translator = build_translator(plan.config, plan.terms, plan.schedule)
        state = starting_point(plan, run, translator)
        logger.start(run.record, plan.config, run.curves.rows) if run.writes else None
        fit(plan, run, translator, state, logger)
        if not run.writes:
            return None
        final = evaluate_run(plan.config, plan.pictures, translator, run, logger)
    except BaseException as error:
        if run.writes:
            reason = f"{type(error).__name__}: {error}".strip(": ")
            run.end("failed", error=reason)
            logger.finish("failed", {})
        raise
    run.end("done", metrics=final)
    logger.finish("done", final)
    print(run.folder)
    return objective(run, cfg.objective)


def starting_point(plan: Plan, run: Run, translator: Translator) -> dict[str, object] | None:
    """Load the run's own checkpoint, or a shared prefix, or the weights of `init`; say which."""
    found = longest(plan.runs, plan.prefixes)
    if run.checkpoint.is_file():
        state, rows = checkpoint.load(run.checkpoint), None
        say(f"resumed at iteration {state['iteration']}")
    elif found is not None:
        iteration, place = found
        state, rows = checkpoint.load(place / "boundary.ckpt"), place / "metrics.csv"
        say(f"starts at iteration {iteration}, from a shared prefix")
        run.note(prefix={"iteration": iteration, "identity": state["identity"]})
    else:
        if plan.init is not None:
            initialize(translator, plan.init)
        return None
    for name in state["optimizers"]:
        checkpoint.load_weights(getattr(translator, name), checkpoint.part(state, name), run.checkpoint)
    if translator.average is not None:
        checkpoint.load_weights(translator.average, checkpoint.part(state, "average"), run.checkpoint)
    translator.iteration = int(state["iteration"])
    if run.writes:
        run.curves.load(translator.iteration, rows)
    return state


def initialize(translator: Translator, path: Path) -> None:
    """Start from other weights: the generator's average where the checkpoint has one, and its discriminator."""
    state = checkpoint.load(path)
    weights = checkpoint.part(state, "average.network") or checkpoint.part(state, "generator")
    checkpoint.load_weights(translator.generator, weights, path)
    if translator.average is not None:
        checkpoint.load_weights(translator.average.network, weights, path)
    judged = checkpoint.part(state, "discriminator")
    if translator.discriminator is not None and judged:
        checkpoint.load_weights(translator.discriminator, judged, path)
    say(f"starts from the weights of {path}")


def fit(plan: Plan, run: Run, translator: Translator, state: dict[str, object] | None, logger: RunLogger) -> None:
    """Train the iterations that are left."""
    config, trainer = plan.config, plan.config["trainer"]
    if translator.iteration >= len(plan.schedule):
        return
    evaluator = Evaluator(config["metric"], torch.device("cpu"), config["evaluation"]["batch"], sets=False)
    validation = dict(config["validation"])
    scored = evaluation_set(config, plan.pictures, "val", validation.pop("framing"))
    callbacks: list[pl.Callback] = [
        Restore(state),
        Rows(run, logger),
        Validation(run, logger, evaluator, scored, **validation),
        Checkpoints(run, config["checkpoint"]["every"], plan.prefixes),
    ]
    if trainer["bar"] is True or (trainer["bar"] == "auto" and sys.stderr.isatty()):
        callbacks.append(Bar(run.folder.name))
    several = trainer["devices"] != 1 and trainer["strategy"] == "auto"
    # Lightning's advice about workers and modes is for other loops than this one.
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(many workers|eval mode at the start|treespec).*")
        pl.Trainer(
            accelerator=trainer["accelerator"],
            devices=trainer["devices"],
            strategy="ddp_find_unused_parameters_true" if several else trainer["strategy"],
            precision=trainer["precision"],
            max_epochs=1,
            callbacks=callbacks,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        ).fit(
            translator,
            datamodule=Feed(
                training_stream(config, plan.pictures),
                plan.schedule,
                config["batch_size"],
                trainer["workers"],
                start=translator.iteration,
                repeat=config["overfit"] is not None,
            ),
        )
    if config["overfit"] is not None:
        check_overfit(run, config["overfit"])


def check_overfit(run: Run, share: float) -> None:
    """Raise `TrainingFailed` unless the loss has fallen to `share` of its first logged value."""
    losses = [float(row["loss/generator"]) for row in read_rows(run.curves.path) if "loss/generator" in row]
    if losses[-1] > share * losses[0]:
        raise TrainingFailed(
            f"one batch could not be fitted: its loss went from {losses[0]:.4g} to {losses[-1]:.4g} only"
        )
    say(f"one batch was fitted: its loss went from {losses[0]:.4g} to {losses[-1]:.4g}")


def objective(run: Run, name: str) -> float | None:
    """Return the last logged value of `name`, for a sweeper."""
    values = [float(row[name]) for row in read_rows(run.curves.path) if name in row]
    return values[-1] if values else None


def use_threads(threads: int | None) -> None:
    """Use so many threads in this process: as configured, or this run's share of the cores."""
    torch.set_num_threads(threads or int(os.environ.get("HENKAN_THREADS", os.cpu_count() or 1)))


def say(message: str) -> None:
    if is_first_rank():
        print(f"henkan: {message}", file=sys.stderr)


def is_first_rank() -> bool:
    """Whether this process is the one that writes; known before Lightning's trainer exists."""
    return getattr(rank_zero_only, "rank", 0) == 0
