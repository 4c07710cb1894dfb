"""Where a run starts: at its own checkpoint, at a prefix that another run has trained, or at its first weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from henkan.errors import UserError
from henkan.ranks import say
from henkan.runs.identity import changed
from henkan.runs.plan import Plan
from henkan.runs.prefix import absent, at
from henkan.runs.run import Run
from henkan.training import checkpoint
from henkan.training.translator import Translator


def starting_point(plan: Plan, run: Run, translator: Translator) -> dict[str, Any] | None:
    """Load weights and curves of where the run starts and say where that is; return the state, if there is one."""
    if run.checkpoint.is_file():
        state, path = checkpoint.load(run.checkpoint), run.checkpoint
        if run.writes:
            ahead = absent(plan.runs, plan.prefixes)
            run.claims.claim_all({end: identity for end, identity in ahead.items() if end > state["iteration"]})
        say(f"resumed at iteration {state['iteration']}{run.changed_code_notice()}")
        rows = None
    else:
        if plan.init is not None:
            initialize(translator, plan.init)
        found = None
        if run.writes and not plan.config["rerun"]:
            found = run.claims.await_longest(plan.prefixes)
        elif not run.writes and "prefix" in run.record:
            # What the first rank has found: another run may have offered a longer one in the meantime.
            found = at(plan.runs, run.record["prefix"]["identity"])
        if found is None:
            return None
        path, rows = found / "boundary.ckpt", found / "metrics.csv"
        state = checkpoint.load(path)
        other = changed(state["code"], run.code)
        word = f"; since then changed: {', '.join(other)} (rerun=true shares nothing)" if other else ""
        say(f"starts at iteration {state['iteration']}, from a shared prefix{word}")
        run.note(prefix={"iteration": state["iteration"], "identity": state["identity"]})
    for name in state["optimizers"]:
        checkpoint.load_weights(getattr(translator, name), checkpoint.part(state, name), path)
    if translator.average is not None:
        checkpoint.load_weights(translator.average, checkpoint.part(state, "average"), path)
    translator.iteration = int(state["iteration"])
    if run.writes:
        run.curves.load(translator.iteration, rows)
    return state


def initialize(translator: Translator, path: Path) -> None:
    """Start from other weights: the generator's average where the checkpoint has one, and its discriminator."""
    state = checkpoint.load(path)
    weights = checkpoint.generator(state)
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
