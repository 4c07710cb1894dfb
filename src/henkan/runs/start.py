"""Where a run starts: at its own checkpoint, at a prefix that another run has trained, at the checkpoint that it is to
go on from, or at its first weights."""

from __future__ import annotations

import glob
from contextlib import suppress
from pathlib import Path
from typing import cast

from omegaconf import OmegaConf

from henkan.errors import UserError
from henkan.ranks import say
from henkan.runs.curves import parse_rows, read_rows
from henkan.runs.plan import Plan
from henkan.runs.prefix import PANELS, Boundary, absent, at, take_panels
from henkan.runs.record import read_record
from henkan.runs.run import Run, run_name
from henkan.runs.sources import changed, in_words
from henkan.runs.trained import read_config
from henkan.training import checkpoint, first_weights
from henkan.training.going_on import under_own_settings
from henkan.training.state import State
from henkan.training.translator import Translator


def starting_point(plan: Plan, run: Run, translator: Translator) -> State | None:
    """Load weights and curves of where the run starts and say where that is; return the state, if there is one."""
    if run.checkpoint.is_file():
        state, path = checkpoint.load(run.checkpoint), run.checkpoint
        if run.writes:
            ahead = absent(plan.runs, plan.prefixes)
            run.claims.claim_all({end: identity for end, identity in ahead.items() if end > state["iteration"]})
        say(f"resumed at iteration {state['iteration']}{run.changed_code_notice()}")
        beside, panels, environments = run.curves.path, run.folder / PANELS, run.record.get("environments", [])
    else:
        if run.writes:
            say_other_data(plan, run)
        if plan.init is not None:
            initialize(translator, plan.init, plan.init_hash)
        found = None
        if run.writes and not plan.config["rerun"]:
            found = run.claims.await_longest(plan.prefixes)
        elif not run.writes and "prefix" in run.record:
            # What the first rank has found: another run may have offered a longer one in the meantime.
            found = at(plan.runs, run.record["prefix"]["identity"])
        if run.writes and found is None:
            # That of an earlier start: it has been removed since.
            run.record.pop("prefix", None)
        if plan.origin is not None:
            origin = plan.origin
            check_rates(plan)
            facts = {"path": str(origin.path), "iteration": origin.iteration, "contents": origin.digest}
            run.note(resumed_from={**facts, "identity": origin.identity})
        if found is not None:
            # A boundary of before it kept the curves has them beside it.
            path, beside, panels = found / "boundary.ckpt", found / "metrics.csv", found / PANELS
            boundary = cast(Boundary, checkpoint.load(path))
            other = changed(boundary["code"], run.code)
            word = f"; since then changed: {in_words(other)} (rerun=true shares nothing)" if other else ""
            say(f"starts at iteration {boundary['iteration']}, from a shared prefix{word}")
            run.note(prefix={key: boundary[key] for key in ("iteration", "identity", "seconds")})
            state, environments = boundary, boundary["environments"]
        elif plan.origin is not None:
            path, beside, panels = plan.origin.path, plan.origin.curves, plan.origin.curves.parent / PANELS
            environments = (read_record(path.parents[1]) or {}).get("environments", [])
            state = checkpoint.load(path)
            check_same(path, checkpoint.hash_state(state), plan.origin.digest)
            state = under_own_settings(translator, state, path)
            say(f"goes on from {path} at iteration {state['iteration']}")
        else:
            if run.writes:
                run.go_on(0, 0.0, [])
            return None
    for name in state["optimizers"]:
        checkpoint.load_weights(getattr(translator, name), checkpoint.part(state, name), path)
    if translator.average is not None:
        # Without one, as from a run that had none, it begins where the generator is.
        checkpoint.load_weights(translator.average.network, checkpoint.generator(state), path)
    translator.iteration = int(state["iteration"])
    if run.writes:
        run.go_on(translator.iteration, state.get("seconds", 0.0), environments)
        # A checkpoint of before it kept the curves has them beside it.
        rows = parse_rows(state["curves"]) if "curves" in state else read_rows(beside)
        run.curves.take_up(rows, translator.iteration)
        take_panels(panels, run.folder / PANELS, translator.iteration)
    return state


def check_rates(plan: Plan) -> None:
    """Raise `UserError` for rates of other parts than those of the run that is gone on from.

    The parts say in which order an optimizer has a network's weights, and by that order its state is kept.
    """
    assert plan.origin is not None
    path = plan.origin.path.parents[1] / "config.yaml"
    if not path.is_file():
        # A checkpoint that was taken out of its run.
        return
    before, rates = OmegaConf.select(read_config(path), "optimizer.rates"), plan.config["optimizer"].get("rates")
    parts = [{name: list(own) for name, own in (one or {}).items() if own} for one in (before, rates)]
    if parts[0] != parts[1]:
        raise UserError(
            f"optimizer.rates={rates}: the state of {plan.origin.path} was kept with optimizer.rates={before}; leave "
            "them, or take the weights alone with init="
        )


def say_other_data(plan: Plan, run: Run) -> None:
    """Name the runs that the same command has left unfinished on other data: it does not go on with them."""
    if not run.record["overrides"]:
        # It was composed by hand.
        return
    stem = run_name(plan.config, plan.identity).removesuffix(plan.identity[:10])
    for path in sorted(plan.runs.glob(f"{glob.escape(stem)}*/run.json")):
        with suppress(UserError):
            other = read_record(path.parent) or {}
            same = all(other.get(key) == run.record[key] for key in ("recipe", "seed", "overrides"))
            if same and other["status"] != "done" and other.get("manifests", plan.manifests) != plan.manifests:
                say(f"{path.parent.name} is unfinished, and its data have changed since: this run is another one")


def check_same(path: Path, found: str, planned: str | None) -> None:
    """Raise `UserError` for a file that is another than the one which the run's identity names."""
    if planned is not None and found != planned:
        raise UserError(
            f"{path} has changed since this run was planned: give the command again, or name a checkpoint that stays"
        )


def initialize(translator: Translator, path: Path, planned: str | None = None) -> None:
    """Start from other weights: the generator's average where the checkpoint has one, and its discriminator.

    Published weights are the generator's alone, unless there are others in the file that fit.
    """
    state = first_weights.read(path)
    check_same(path, checkpoint.hash_weights(state), planned)
    weights = first_weights.generator(state, translator.generator, path)
    checkpoint.load_weights(translator.generator, weights, path)
    if translator.average is not None:
        checkpoint.load_weights(translator.average.network, weights, path)
    say(f"starts from the weights of {path}")
    judged = checkpoint.part(state, "discriminator")
    if translator.discriminator is None or not judged:
        return
    try:
        checkpoint.load_weights(translator.discriminator, judged, path)
    except UserError as error:
        # As for faces after whole scenes: the generator takes any size, a discriminator its own.
        say(f"the discriminator starts anew: {error}")
