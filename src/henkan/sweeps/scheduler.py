"""Runs planned runs in fresh processes, a few at a time, so that shared prefixes are trained once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from henkan.launching.launcher import Process, WarmProcesses
from henkan.runs.curves import last_iteration
from henkan.runs.plan import Plan
from henkan.runs.prefix import folder as prefix_folder
from henkan.runs.record import read_record


@dataclass
class Job:
    """One run of a study: what starts it, what it was planned to be, and how far it is; no seed where none matters."""

    configuration: str
    seed: int | None
    overrides: list[str]
    plan: Plan
    process: Process | None = None
    ended: bool = False
    error: str | None = None

    @property
    def title(self) -> str:
        return self.configuration if self.seed is None else f"{self.configuration}, seed {self.seed}"

    @property
    def folder(self) -> Path:
        return self.plan.folder

    @property
    def status(self) -> str:
        if self.process is not None:
            return "running"
        if self.error is not None:
            return "failed"
        if self.plan.config["rerun"] and not self.ended:
            return "waiting"
        record = read_record(self.folder)
        if record is None or record["status"] != "done":
            return "waiting"
        # What is trained but was scored otherwise is scored again; what trains nothing is its evaluation.
        return "done" if record.get("evaluation", record["identity"]) == self.plan.evaluation else "waiting"

    def awaited(self) -> set[str]:
        """Return the identities of the boundaries that nobody has offered yet."""
        runs = self.plan.runs
        return {
            identity
            for identity in self.plan.prefixes.values()
            if not (prefix_folder(runs, identity) / "boundary.ckpt").is_file()
        }

    def iteration(self) -> int:
        """Return how far the run is by its curves: 0 before the first row."""
        return last_iteration(self.folder / "metrics.csv")


def run_jobs(jobs: Sequence[Job], at_once: int, changed: Callable[[], None], tick: Callable[[], None]) -> None:
    """Run what is not done, in order, `at_once` at a time.

    A job waits while a running one is on the way to a boundary that it can start from. `changed` is called after a
    job has ended, `tick` a few times a second.
    """
    waiting = [job for job in jobs if job.status == "waiting"]
    running: list[Job] = []
    if not waiting:
        return
    with WarmProcesses(at_once) as processes:
        while waiting or running:
            for job in [job for job in running if job.process is not None and job.process.poll() is not None]:
                assert job.process is not None
                job.ended, job.error = True, job.process.error
                job.process = None
                running.remove(job)
                fill(waiting, running, at_once, processes)
                changed()
            fill(waiting, running, at_once, processes)
            tick()
            time.sleep(0.2)


def fill(waiting: list[Job], running: list[Job], at_once: int, processes: WarmProcesses) -> None:
    """Start the first jobs that need not wait for a prefix, while there is room."""
    for job in list(waiting):
        if len(running) >= at_once:
            return
        if job.awaited() & coming(running) or any(job.plan.identity == other.plan.identity for other in running):
            continue
        if job.status == "done":
            # Another job of the study was the same run.
            waiting.remove(job)
            continue
        job.folder.mkdir(parents=True, exist_ok=True)
        job.process = processes.start(["train", *job.overrides], log=job.folder / "log.txt")
        waiting.remove(job)
        running.append(job)


def coming(running: Sequence[Job]) -> set[str]:
    """Return the boundaries that running jobs are on the way to."""
    return set().union(*(job.awaited() for job in running)) if running else set()
