"""How far a study is: its tree of runs, what shared prefixes save, the time left."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.tree import Tree

from henkan.config.studies import Study
from henkan.runs.prefix import folder as prefix_folder
from henkan.runs.record import read_record
from henkan.sweeps.scheduler import Job, at_once


def saved(jobs: Sequence[Job]) -> int:
    """Return how many iterations shared prefixes save."""
    return sum({job.plan.identity: len(job.plan.schedule) for job in jobs}.values()) - sum(work(jobs).values())


def work(jobs: Sequence[Job]) -> dict[str, int]:
    """Return the iterations that each run, or prefix that it is the first to need, takes."""
    found: dict[str, int] = {}
    for job in jobs:
        start = 0
        for end, identity in job.plan.prefixes.items():
            found.setdefault(identity, end - start)
            start = end
        found[job.plan.identity] = len(job.plan.schedule) - start
    return found


def tree(study: Study, jobs: Sequence[Job]) -> Tree:
    """Draw the study: seeds, the prefixes that runs share, the runs, and the time where it is known."""
    pace = seconds_per_iteration(jobs)
    total, rest = 0, 0
    root = Tree(f"{study.name} (recipe {study.recipe}, scale {study.scale})")
    known: dict[str, Tree] = {}
    counted: set[str] = set()
    scored = [job for job in jobs if job.seed is None]
    if scored:
        branch = root.add("nothing to train: scored once, for every seed")
        for job in scored:
            branch.add(f"{job.configuration} ({job.status}) {job.folder.name}")
    for seed in study.seeds if len(scored) < len(jobs) else []:
        branch = root.add(f"seed {seed}")
        for job in (job for job in jobs if job.seed == seed):
            stem, start = branch, 0
            for end, identity in job.plan.prefixes.items():
                if identity not in known:
                    offered = (prefix_folder(job.plan.runs, identity) / "boundary.ckpt").is_file()
                    known[identity] = stem.add(f"{end - start} iterations, shared {'(there)' if offered else ''}")
                    total += end - start
                    rest += 0 if offered else end - start
                stem, start = known[identity], end
            length = len(job.plan.schedule) - start
            stem.add(f"{job.configuration}: {length} iterations ({job.status}) {job.folder.name}")
            # What an axis does not change is one run by several names.
            if job.plan.identity not in counted:
                counted.add(job.plan.identity)
                total += length
                rest += 0 if job.status == "done" else length
    saving = saved(jobs)
    root.add(f"{total} iterations in all, {rest} to go; shared prefixes save {saving}")
    if pace is None:
        root.add("time: unknown until a first run is done")
    else:
        count = at_once(jobs, study.jobs) * study.engine.workers
        minutes = rest * pace / count / 60
        root.add(f"time: about {minutes:.0f} minutes at {1000 * pace:.0f} ms an iteration, {count} at once")
    return root


def seconds_per_iteration(jobs: Sequence[Job]) -> float | None:
    """Return the mean pace of the runs that are done."""
    paces = []
    for job in jobs:
        record = read_record(job.folder) or {}
        if record.get("status") == "done" and record.get("iterations", 0) > 0:
            paces.append(record["seconds"] / record["iterations"])
    return sum(paces) / len(paces) if paces else None


class StudyBar:
    """One bar for the whole study, and one for each run that is going on, with the time left."""

    def __init__(self, name: str, jobs: Sequence[Job]) -> None:
        self.jobs = jobs
        self.work = work(jobs)
        self.progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:3.0f}%"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            refresh_per_second=2,
        )
        self.whole = self.progress.add_task(name, total=sum(self.work.values()))
        self.bars: dict[int, TaskID] = {}

    def __enter__(self) -> StudyBar:
        self.progress.start()
        self.tick()
        return self

    def __exit__(self, *_: object) -> None:
        self.tick()
        self.progress.stop()

    def tick(self) -> None:
        """Read how far every run is."""
        done = 0
        counted: set[str] = set()
        for number, job in enumerate(self.jobs):
            status = job.status
            total = len(job.plan.schedule)
            reached = total if status == "done" else job.iteration() if status == "running" else 0
            start = 0
            for end, identity in [*job.plan.prefixes.items(), (total, job.plan.identity)]:
                if identity not in counted and reached > start:
                    done += min(reached, end) - start
                    if reached >= end:
                        counted.add(identity)
                start = end
            if status == "running" and number not in self.bars:
                self.bars[number] = self.progress.add_task(f"  {job.title}", total=total)
            elif status != "running" and number in self.bars:
                self.progress.remove_task(self.bars.pop(number))
            if number in self.bars:
                self.progress.update(self.bars[number], completed=reached)
        self.progress.update(self.whole, completed=done)
