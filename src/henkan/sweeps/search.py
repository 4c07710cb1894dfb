"""Plans and runs a search: trials of one recipe, each chosen by what the ones before have scored in validation."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console
from rich.tree import Tree

from henkan.config.composition import compose_root
from henkan.config.explain import explain
from henkan.config.history import up_to_date
from henkan.config.objectives import check_objectives
from henkan.config.overrides import check_types
from henkan.config.resolved import Config, Node, resolved
from henkan.config.searches import DIRECTIONS, Search, overrides_at, probes
from henkan.config.studies import read_study
from henkan.config.told import for_a_name
from henkan.errors import UserError
from henkan.files import sweep
from henkan.launching.crew import hired
from henkan.launching.launcher import WarmProcesses, slots
from henkan.pretrained.weights import sought_in
from henkan.runs.identity import digest
from henkan.runs.locks import lock
from henkan.runs.plan import Plan, plan_run
from henkan.runs.record import now, read_record
from henkan.runs.trained import read_config
from henkan.saying import say
from henkan.scoring.evaluator import Evaluator
from henkan.sweeps.command import Command, await_workers, check_anywhere
from henkan.sweeps.optimizer import PRUNERS, SAMPLERS, Goal, direction, goal_in_words, make, without_password
from henkan.sweeps.scheduler import LOOK_EVERY, fill, is_worker
from henkan.sweeps.trials import FOLDER, IDENTITY, Taken, TrialJob, Trials
from henkan.sweeps.winners import Found, print_found, write_found, write_study
from henkan.training.interruption import Signals

# How often processes and curves are looked at, in seconds.
POLL = 0.2


@dataclass(frozen=True)
class Prepared:
    """A search that has been checked: its objectives with their goals, the recipe as it is, its trials."""

    search: Search
    goals: dict[str, Goal]
    base: Plan
    folder: Path
    trials: Trials

    @property
    def pruner(self) -> str | None:
        """The name of what ends trials early; null: there are several objectives."""
        name: str = self.search.pruner["name"]
        return None if len(self.goals) > 1 else name

    @property
    def at_once(self) -> int:
        """How many runs go at once: as many as was said, else one a GPU."""
        return self.search.jobs or slots([self.base.config["trainer"]], self.search.trials)

    @property
    def ended(self) -> int:
        """How many trials have come to an end."""
        return sum(one.state.is_finished() for one in self.trials.all)

    @property
    def found(self) -> Found:
        trials = self.trials.all
        several = len(self.goals) > 1
        front = {one.number for one in self.trials.study.best_trials} if several else set()
        return Found(
            self.search, self.goals, trials, [one for one in trials if one.number in front], self.base.identity
        )


def prepare_search(search: Search) -> Prepared:
    """Compose and plan points that have every value of the space between them, and check all else that is said.

    Raises `UserError` for what cannot be trained, or searched by.
    """
    base = planned(search, [], thoroughly=True)
    for point in probes(search.space):
        words = overrides_at(search.space, point)
        if not planned(search, words, thoroughly=True).trains:
            raise UserError(
                f"search {search.name}: nothing is trained with {' '.join(words)}, and so nothing validated"
            )
    with sought_in(base.config["paths"]["weights"]):
        goals = aimed(search, base.config["metric"])
    last = len(base.schedule)
    steps = {"min_resource": min(base.config["validation"]["every"], last), "max_resource": last}
    pruner = make("pruner", PRUNERS, search.pruner, **steps)
    if "seed" in search.sampler:
        raise UserError(f"search {search.name}: sampler.seed would draw one point for ever: say seed=…, of the search")
    # Once, so that a setting that there is not is told now.
    make("sampler", SAMPLERS, search.sampler)
    folder = Path(base.config["paths"]["searches"]) / f"{search.name}-{search.scale}-{identity(search, goals, base)}"
    folder.mkdir(parents=True, exist_ok=True)

    def sampler(number: int) -> Any:
        seed = int.from_bytes(hashlib.sha256(f"{search.seed} {number}".encode()).digest()[:4])
        return make("sampler", SAMPLERS, search.sampler, seed=seed)

    trials = Trials(search, folder, [direction(goal) for goal in goals.values()], pruner, sampler)
    return Prepared(search, goals, base, folder, trials)


def planned(search: Search, words: Sequence[str], thoroughly: bool = False) -> Plan:
    """Plan the run of some overrides; `thoroughly`: compare values with the kinds they replace, as each run does.

    Raises `UserError` that says at which overrides.
    """
    overrides = search.run(words)
    try:
        cfg = compose_root("train", overrides)
        check_anywhere(search, cfg)
        if thoroughly:
            check_types(cfg, overrides)
        return plan_run(cfg)
    except (UserError, HydraException, OmegaConfBaseException) as error:
        line, _ = explain(error, "train", overrides)
        if line is None:
            raise
        at = f" at {' '.join(words)}" if words else ""
        raise UserError(f"search {search.name}{at}: {line}") from error


def aimed(search: Search, metric: Mapping[str, Node]) -> dict[str, Goal]:
    """Return the objectives with their goals. Raises `UserError` for one that no run logs, or without a goal."""
    check_objectives(list(search.objectives), metric)
    found: dict[str, Goal] = {}
    for name, said in search.objectives.items():
        node = metric[name.removeprefix("val/")]
        if absent := Evaluator({name: node}, sets=False).absent:
            raise UserError(f"search {search.name}: no run logs {name}: {absent[name]}")
        better = node.get("better")
        own = next((word for word, other in DIRECTIONS.items() if other == better), None)
        if said is None and own is None:
            raise UserError(
                f"search {search.name}: objectives.{name} needs a direction: {' or '.join(DIRECTIONS)}, or a number to "
                "come near to"
            )
        if None not in (said, own) and said != own:
            raise UserError(f"search {search.name}: objectives.{name}={said}, and {better} is better")
        if isinstance(said, float):
            found[name] = said
        else:
            found[name] = "maximize" if (said or own) == "maximize" else "minimize"
    return found


def identity(search: Search, goals: Mapping[str, Goal], base: Plan) -> str:
    """Return what tells searches apart whose scores cannot be compared: the recipe, how it is validated, the space."""
    way = validation_of(base.config, goals)
    space = {name: repr(dimension) for name, dimension in search.space.items()}
    return digest([base.identity, *way, dict(goals), space])[:8]


def outline(prepared: Prepared) -> None:
    """Print what would be searched, by what, and how far it is."""
    search = prepared.search
    root = Tree(f"{search.name} (recipe {search.recipe}, scale {search.scale})")
    space = root.add("space")
    for name, dimension in search.space.items():
        when = " and ".join(f"{key} is {' or '.join(values)}" for key, values in dimension.when.items())
        space.add(f"{name}: {dimension}{f', when {when}' if when else ''}")
    objectives = root.add("objectives, of validation")
    for name, goal in prepared.goals.items():
        objectives.add(goal_in_words(name, goal))
    root.add(f"sampler {search.sampler['name']}, pruner {prepared.pruner or 'none'}, {prepared.at_once} at once")
    iterations = len(prepared.base.schedule)
    root.add(f"{search.trials} trials of {iterations} iterations as the recipe is, {prepared.ended} ended")
    root.add(f"trials are kept in {without_password(prepared.trials.address)}")
    Console(markup=False, highlight=False).print(root)


def run_search(prepared: Prepared, command: Command) -> int:
    """Try what is left, write what was found after each trial, and print it at the end.

    A worker of an engine leaves the end to the process that has started it.
    """
    search, trials = prepared.search, prepared.trials
    if len(prepared.goals) > 1 and search.pruner["name"] != "none":
        say("no trial is stopped early where there are several objectives: pruner has no effect")
    say(f"trials are kept in {without_password(trials.address)}")
    sweep(prepared.folder)
    running: list[TrialJob] = []
    try:
        if search.engine.local:
            with Signals("the same command goes on"), WarmProcesses(prepared.at_once) as processes:
                try_all(prepared, running, processes)
        else:
            try_elsewhere(prepared, command)
    finally:
        for job in running:
            job.settle()
        for taken in trials.taken.values():
            taken.mine.release()
        write(prepared)
    return 0 if is_worker() else conclude(prepared)


def try_elsewhere(prepared: Prepared, command: Command) -> None:
    """Let the workers of an engine try what is left, and say how many have ended."""
    search, since, told = prepared.search, now(), [prepared.ended]
    count = min(search.engine.workers, search.trials - prepared.ended)

    def look() -> None:
        if (ended := prepared.ended) != told[-1]:
            told.append(ended)
            say(f"{ended} of {search.trials} trials have ended")

    if count > 0:
        with hired(search.engine, prepared.folder / "workers") as crew, Signals("the same command goes on"):
            await_workers(crew, command, count, since, search.jobs or 1, look)


def try_all(prepared: Prepared, running: list[TrialJob], processes: WarmProcesses) -> None:
    """Run trials until all are told that this process can get, and no other one works on any."""
    waiting: list[TrialJob] = []
    trials, look, none_left, others = prepared.trials, 0.0, False, False
    while True:
        ended = [job for job in running if job.process is not None and job.process.poll() is not None]
        for job in ended:
            job.settle()
            running.remove(job)
            tell(prepared, job)
        for job in running:
            job.watch()
        while len(waiting) + len(running) < prepared.at_once and time.monotonic() >= look:
            taken = trials.next()
            none_left = taken is None
            if taken is None:
                look = time.monotonic() + LOOK_EVERY
                break
            if (begun := begin(prepared, taken)) is not None:
                waiting.append(begun)
        before = list(waiting)
        fill(waiting, running, prepared.at_once, processes)
        # What was trained already begins nothing.
        for job in (job for job in before if job not in waiting and job not in running):
            tell(prepared, job)
        if none_left and not waiting and not running:
            if is_worker() or not (left := trials.elsewhere()):
                return
            if not others:
                others = True
                say(f"{len(left)} of the trials are another process's: waiting for it")
        time.sleep(POLL)


def begin(prepared: Prepared, taken: Taken) -> TrialJob | None:
    """Plan the run of a trial and say so; nothing where there is nothing to run, which is told."""
    search = prepared.search
    name = f"trial {taken.number}"
    point, said = " ".join(taken.words), for_a_name(taken.words)
    overrides = [*taken.words, *([f"swept={said}"] if said else [])]
    try:
        plan = planned(search, overrides)
        if validated_otherwise(plan, prepared.goals):
            say(f"{name}: {plan.folder.name} was validated otherwise, so it is trained again")
            overrides.append("rerun=true")
            plan = planned(search, overrides)
    except UserError as error:
        say(f"{name}: {point}: {taken.fail(str(error))}")
        return None
    taken.trial.set_user_attr(IDENTITY, plan.identity)
    taken.trial.set_user_attr(FOLDER, str(plan.folder))
    say(f"{name}{' goes on' if taken.left else ''}: {point}")
    words = search.run(overrides)
    job = TrialJob(name, search.seed, words, plan, taken=taken, objectives=prepared.goals, pruner=prepared.pruner)
    if job.over:
        tell(prepared, job)
        return None
    return job


def validated_otherwise(plan: Plan, objectives: Collection[str]) -> bool:
    """Whether the run is done, and what its curves say of the objectives was taken in another way than this plan's."""
    path = plan.folder / "config.yaml"
    if (read_record(plan.folder) or {}).get("status") != "done" or not path.is_file():
        return False
    own = resolved(up_to_date(read_config(path)))
    return validation_of(own, objectives) != validation_of(plan.config, objectives)


def validation_of(config: Config, objectives: Collection[str]) -> list[Any]:
    """Return all that decides what validation says of these objectives."""
    names = [name.removeprefix("val/") for name in objectives]
    validation = {key: value for key, value in config["validation"].items() if key != "panels"}
    return [validation, config["evaluation"]["seed"], {name: config["metric"].get(name) for name in names}]


def tell(prepared: Prepared, job: TrialJob) -> None:
    """Tell what has come of a trial, to Optuna, to the person, and in the search's folder."""
    result = job.tell()
    if result is None:
        say(f"{job.configuration}: {job.error}")
        return
    say(f"{job.configuration}: {result}")
    job.taken.mine.release()
    write(prepared)


def write(prepared: Prepared) -> None:
    """Write what was found so far; one process at a time, so that none writes what is older, or half of two."""
    with lock(prepared.folder / ".found"):
        write_found(prepared.found, prepared.folder)


def conclude(prepared: Prepared) -> int:
    """Print what was found, and write the study of the winners."""
    found = prepared.found
    print_found(found)
    unfinished = [one.number for one in prepared.trials.all if not one.state.is_finished()]
    if unfinished:
        say(f"{len(unfinished)} trials have not come to their end: the same command goes on")
    if not found.best:
        say("no trial has come to its end with a score: there are no winners")
        return 1
    path = write_study(found, prepared.folder)
    study = read_study(str(path), [])
    seeds = ", ".join(map(str, study.seeds))
    print(
        "The test split was never looked at: every trial ran with evaluation.split=null. What comes next trains the "
        f"winners and the recipe as it is with seeds that the search has not seen ({seeds}), and scores them on test:\n"
        f"henkan study {path.parent}"
    )
    print(path)
    return 1 if unfinished else 0
