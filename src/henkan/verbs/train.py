"""Train one run, go on with an interrupted one, or return what a finished one found.

Prints the run folder as the last line on stdout. The same command continues a run that was killed; a run that is done
is not trained again (rerun=true does), only scored again if other scores are asked for.

  henkan train experiment=glcic scale=smoke
  henkan train experiment=glcic 'loss=[mse,hinge,r1]' discriminator.normalization=null
  henkan train -m experiment=glcic weights.adversarial=0.001,0.01 seed=0,1,2
  henkan train experiment=glcic init=outputs/runs/RUN
  henkan train experiment=glcic resume_from=outputs/runs/RUN 'schedule.joint.iterations=${iterations:600_000}'
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from omegaconf import DictConfig, OmegaConf

from henkan.config.build import build
from henkan.config.composition import task_overrides
from henkan.config.explain import reason
from henkan.cores import number, threads
from henkan.data.counted import tell
from henkan.devices import count_of
from henkan.errors import Interrupted, TrainingFailed, UserError
from henkan.evaluation.score import score_run
from henkan.evaluation.shown import show_again
from henkan.evaluation.written import print_scores
from henkan.launching.swept import note, sweep_name
from henkan.ranks import end_rank, is_first_rank, launch, say, share
from henkan.report.figures.lines import draw_curve
from henkan.runs.curves import parse_rows, read_rows
from henkan.runs.fit import fit
from henkan.runs.killed import begun_by, close_killed
from henkan.runs.lines import measured
from henkan.runs.mark import is_own, mark
from henkan.runs.plan import Plan, plan_run
from henkan.runs.preflight import check_pictures
from henkan.runs.record import SCORED, altered, scored_again
from henkan.runs.run import Run, write_config
from henkan.runs.start import starting_point
from henkan.runs.stopping import why_stopped
from henkan.runs.trained import read_config
from henkan.training import checkpoint
from henkan.training.assemble import build_translator
from henkan.training.interruption import Signals
from henkan.training.loggers import RunLogger
from henkan.training.recorder import Ended


def main(cfg: DictConfig) -> float | list[float] | None:
    share(count_of(cfg.trainer.accelerator, cfg.trainer.devices) > 1)
    use_threads(cfg.trainer.threads)
    plan = plan_run(cfg)
    run = Run(plan.folder, plan.identity, plan.config, plan.parts, writes=is_first_rank())
    if is_first_rank():
        note(run.folder)
    if not run.done or plan.config["rerun"]:
        # On every rank: one that waits for another would not learn of its end.
        check_pictures(plan)
    with Signals() as signals, run.claimed():
        if names := altered(run.folder):
            say(f"{run.folder}: edited or damaged since they were written: {', '.join(names)}")
        run.await_first()
        if run.done and not plan.config["rerun"]:
            if not run.writes:
                end_rank()
            say(f"done already{run.changed_code_notice()}")
            mend(plan, run, names)
            if plan.config["evaluation"]["split"] is not None:
                score_again(plan, run)
            show(plan, run)
        else:
            train(plan, run, signals)
    draw_curve(run.folder)
    if plan.config["evaluation"]["split"] is not None:
        print_scores(run.folder)
    print(run.folder)
    return objective(run, cfg.objective)


def killed(cfg: DictConfig, process: int, reason: str) -> None:
    """Close the record of the run that a process trained which was killed; see `henkan.launching.execute.killed`."""
    for folder in begun_by(process, Path(cfg.paths.runs)):
        close_killed(folder, reason)


def score_again(plan: Plan, run: Run) -> None:
    """Score a run that is done as it is to be scored now, if it was scored otherwise, or its scores were damaged."""
    written, known = read_config(run.folder / "config.yaml"), run.record.get("mark")
    means = score_run(plan.config, plan.pictures, run.folder, again=bool(altered(run.folder, SCORED)))
    if run.record.get("evaluation") != plan.evaluation and is_own(run.record, written):
        # What is said of its scores is read there; how it was trained stays as it was.
        config = cast(dict[str, Any], OmegaConf.to_container(written, resolve=False))
        config |= {key: plan.config.get(key) for key in ("evaluation", "metric", "postprocess")}
        write_config(run.folder, config)
        known = mark(plan.identity, config)
    facts = {"metrics": means, "evaluation": plan.evaluation, "mark": known}
    run.note(**facts, digests=scored_again(run.folder), launch=launch())


def mend(plan: Plan, run: Run, names: Sequence[str]) -> None:
    """Write anew what was edited or damaged of a run that is done: its config, and the curves from its checkpoint."""
    if run.writes and "config.yaml" in names:
        write_config(run.folder, plan.config)
    if run.writes and "metrics.csv" in names and run.checkpoint.exists():
        state = checkpoint.load(run.checkpoint)
        if "curves" in state:
            run.curves.take_up(parse_rows(state["curves"]), int(state["iteration"]))


def train(plan: Plan, run: Run, signals: Signals) -> None:
    """Train what is left of a run and score it; the first rank alone returns."""
    if plan.trains and "generator" not in plan.schedule.phases[0].update and plan.init is None:
        say("the discriminator learns first, from a generator that has learned nothing: name a run with init=RUN")
    for name in plan.idle:
        say(f"loss: {name} takes part in no phase, and teaches nothing: name it in one, as schedule.joint.terms does")
    for pictures in plan.streams.values():
        tell(pictures)
    fresh = plan.config["rerun"] and not run.record.get("rerun")
    logger: RunLogger = build(plan.config["logger"])
    run.begin(task_overrides(), plan.manifests, len(plan.schedule), plan.prefixes, fresh)
    try:
        translator = build_translator(plan)
        state = starting_point(plan, run, translator)
        if run.writes and plan.trains and "lines" not in run.record and (lines := measured(plan)) is not None:
            run.note(lines=lines)
        run.note(launch=launch())
        if (sweep := sweep_name()) is not None:
            run.note(sweep=sweep)
        if run.writes:
            logger.start(run.folder, run.record, plan.config, run.curves.rows)
        run.start_clock()
        fit(plan, run, translator, state, logger, signals)
        if not run.writes:
            end_rank()
        if plan.config["overfit"] is not None:
            check_overfit(run, plan.config["overfit"])
        final = score_run(plan.config, plan.pictures, run.folder, logger=logger)
    except Interrupted as end:
        if not run.writes:
            # The first rank tells. Lightning would kill it if one that it has started ended with another code than 0.
            end_rank()
        why = why_stopped(run.folder)
        status: Ended = "interrupted" if why is None else "stopped"
        run.end(status, error=why or end.message)
        logger.finish(status, {})
        raise
    except BaseException as error:
        if not run.writes and isinstance(error, TrainingFailed):
            # All ranks have seen it; the first tells.
            end_rank()
        if run.writes:
            run.end("failed", error=reason(error))
            logger.finish("failed", {})
        raise
    run.end("done", metrics=final, evaluation=plan.evaluation)
    logger.finish("done", final)


def show(plan: Plan, run: Run) -> None:
    """Say where a run that was done already is shown; where it is not, as under another logger, show it now."""
    logger: RunLogger = build(plan.config["logger"])
    place = logger.shown(run.folder)
    if place is None:
        show_again(logger, run.folder, run.record, plan.config, read_rows(run.curves.path), "done")
    elif place:
        say(place)


def check_overfit(run: Run, share: float) -> None:
    """Raise `TrainingFailed` unless the loss has fallen to `share` of its first logged value."""
    losses = [float(row["loss/generator"]) for row in read_rows(run.curves.path) if "loss/generator" in row]
    course = f"its loss went from {losses[0]:.4g} to {losses[-1]:.4g}"
    if losses[-1] > share * losses[0]:
        raise TrainingFailed(f"one batch could not be fitted: {course} only")
    say(f"one batch was fitted: {course}")


def objective(run: Run, names: str | Sequence[str]) -> float | list[float] | None:
    """Return, for a sweeper, the last logged value of a name, or those of several; nothing where one is no number."""
    rows = read_rows(run.curves.path)
    wanted = [names] if isinstance(names, str) else list(names)
    found = [next((float(row[name]) for row in reversed(rows) if name in row), math.nan) for name in wanted]
    if any(map(math.isnan, found)):
        return None
    return found[0] if isinstance(names, str) else found


def use_threads(wanted: int | None) -> None:
    """Use so many threads in this process: as configured, or this run's share of the cores."""
    if wanted is not None and (type(wanted) is not int or wanted < 1):
        raise UserError(f"trainer.threads={wanted} must be 1 or more; null takes this run's share of the cores")
    torch.set_num_threads(wanted or number("HENKAN_THREADS") or threads())
