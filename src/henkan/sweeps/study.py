"""Plans and runs a study: many runs of one recipe, seed by seed, and a report that is refreshed after each."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from hydra import initialize_config_dir

from henkan.config.composition import compose_root
from henkan.config.explain import suggestion
from henkan.config.overrides import check_balance
from henkan.config.studies import Study
from henkan.config.told import for_a_name
from henkan.config.trees import config_folder
from henkan.files import sweep, write_sealed
from henkan.launching.crew import hired
from henkan.launching.swept import swept
from henkan.report.write import table, write_report
from henkan.runs.plan import plan_run
from henkan.runs.record import read_record
from henkan.runs.sources import changed, code, in_words
from henkan.saying import say
from henkan.scoring.evaluator import POST
from henkan.sweeps.command import Command, await_workers, check_anywhere
from henkan.sweeps.progress import StudyBar, saved
from henkan.sweeps.refresher import Refresher
from henkan.sweeps.scheduler import Job, at_once, is_worker, run_jobs
from henkan.training.interruption import Signals


def run_study(study: Study, jobs: list[Job], command: Command) -> int:
    """Run what is not done, refresh the report as runs end, and print what was found.

    A worker of an engine writes nothing about the study and prints nothing: the process that has started it does.
    """
    if is_worker():
        with Signals("the same command goes on"):
            run_jobs(jobs, at_once(jobs, study.jobs), lambda: None, lambda: None)
        return 0
    folder = study.folder
    folder.mkdir(parents=True, exist_ok=True)
    if study.mark:
        say(f"with these settings it is another study than its file's: it writes into {folder}")
    sweep(folder)
    for titles in twins(jobs):
        say(f"one and the same run: {'; '.join(titles)}")
    for names, folders in done_by_other_code(jobs).items():
        which = f"{folders[0]} is" if len(folders) == 1 else f"{len(folders)} runs ({folders[0]} is one) are"
        say(f"{which} done; since then changed: {in_words(names)}")
    write_study(study, jobs, folder)
    try:
        with Refresher(folder) as page:

            def ended() -> None:
                write_study(study, jobs, folder)
                page.ask()

            if study.engine.local:
                with Signals("the same command goes on"), StudyBar(study.name, jobs) as bar:
                    run_jobs(jobs, at_once(jobs, study.jobs), ended, both(bar.tick, page.tick))
            else:
                run_elsewhere(study, jobs, command, ended, page.tick)
    finally:
        # Also of an interrupted study: nothing of it runs any more.
        write_study(study, jobs, folder)
    write_report(folder)
    failed = [job for job in jobs if job.status != "done"]
    for job in failed:
        say(f"{job.status}: {job.title}" + (f": {job.error}" if job.error else ""))
    if len(failed) < len(jobs):
        print(table(folder))
        print(folder / "report.html")
    return 1 if failed else 0


def both(one: Callable[[], None], other: Callable[[], None]) -> Callable[[], None]:
    """Return what calls one after the other."""

    def call() -> None:
        one()
        other()

    return call


def run_elsewhere(
    study: Study, jobs: list[Job], command: Command, changed: Callable[[], None], tick: Callable[[], None]
) -> None:
    """Let the workers of an engine run what is not done, and look how far they are."""
    count = min(study.engine.workers, sum(job.status == "waiting" for job in jobs))
    if not count:
        return
    told = [job.status for job in jobs]

    def look() -> None:
        for job in jobs:
            job.follow()
        bar.tick()
        tick()
        if (now := [job.status for job in jobs]) != told:
            told[:] = now
            changed()

    with hired(study.engine, study.folder / "workers") as crew, Signals("the same command goes on"):
        try:
            with StudyBar(study.name, jobs) as bar:
                # As each of them will, as far as can be told here.
                await_workers(crew, command, count, min(job.since for job in jobs), study.jobs or 1, look)
        finally:
            for job in jobs:
                job.part()


def plan_jobs(study: Study) -> list[Job]:
    """Compose and plan every run of a study; nothing is trained."""
    jobs: list[Job] = []
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        runs = list(study.runs())
        keys = swept([overrides for _, _, overrides in runs])
        for name, seed, words in runs:
            said = for_a_name([word for word in words if word.partition("=")[0] in keys])
            overrides = [*words, *([f"swept={said}"] if said else [])]
            check_balance(overrides)
            cfg = compose_root("train", overrides)
            check_anywhere(study, cfg)
            jobs.append(Job(name, seed, overrides, plan_run(cfg)))
    known = scored(jobs)
    for metric in (*study.headline, *study.family, *(study.plane or {}).values()):
        if metric not in known:
            say(f"no run scores {metric!r}{suggestion(metric, known)}: the report leaves it out")
    return without_repetition(jobs)


def scored(jobs: Sequence[Job]) -> dict[str, str | float | None]:
    """Return what runs are scored by, with which way is better: with post-processing a metric has two names."""
    nodes = {name: node for job in jobs for name, node in job.plan.config["metric"].items()}
    ends = ("", POST) if any(job.plan.config.get("postprocess") for job in jobs) else ("",)
    return {f"{name}{end}": node.get("better") for end in ends for name, node in nodes.items()}


def without_repetition(jobs: Sequence[Job]) -> list[Job]:
    """Keep one job, without a seed, of each configuration that trains nothing and so is the same for every seed."""
    found: dict[tuple[str, int | None], Job] = {}
    for job in jobs:
        identities = {other.plan.identity for other in jobs if other.configuration == job.configuration}
        if not job.plan.trains and len(identities) == 1:
            job.seed = None
        found.setdefault((job.configuration, job.seed), job)
    return list(found.values())


def done_by_other_code(jobs: Sequence[Job]) -> dict[tuple[str, ...], list[str]]:
    """Return the names of runs that are done and would be trained by other code now, by the modules that changed."""
    found: dict[tuple[str, ...], list[str]] = {}
    for job in {job.folder: job for job in jobs if job.status == "done"}.values():
        if names := changed((read_record(job.folder) or {}).get("code", {}), code(job.plan.parts)):
            found.setdefault(tuple(names), []).append(job.folder.name)
    return found


def twins(jobs: Sequence[Job]) -> list[list[str]]:
    """Return the titles of jobs that are one run: what they were meant to differ in has no effect."""
    found: dict[str, list[str]] = {}
    for job in jobs:
        found.setdefault(job.plan.identity, []).append(job.title)
    return [titles for titles in found.values() if len(titles) > 1]


def write_study(study: Study, jobs: Sequence[Job], folder: Path) -> None:
    """Write `study.json`: what was asked, and how far each run is."""
    plan = {
        **study.facts,
        "metrics": scored(jobs),
        "runs": [
            {
                "configuration": job.configuration,
                "seed": job.seed,
                "folder": os.path.relpath(job.folder, folder),
                "status": job.status,
                "error": job.error,
            }
            for job in jobs
        ],
        "saved_iterations": saved(jobs),
    }
    write_sealed(folder / "study.json", plan)
