"""Runs planned runs in fresh processes, a few at a time, so that shared prefixes are trained once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

from henkan.launching.launcher import Process, WarmProcesses, slots
from henkan.launching.worker import SINCE
from henkan.runs.curves import last_iteration
from henkan.runs.killed import close_killed, ending
from henkan.runs.locks import LOCK, TURN, is_held, lock, try_to_hold
from henkan.runs.plan import Plan
from henkan.runs.prefix import folder as prefix_folder
from henkan.runs.prefix import is_coming
from henkan.runs.record import now, read_record
from henkan.training.interruption import ASKING

AnyJob = TypeVar("AnyJob", bound="Job")
# How often a run that another process has is looked at, in seconds.
LOOK_EVERY = 2.0


@dataclass
class Job:
    """One run of a study: what starts it, what it was planned to be, and how far it is; no seed where none matters."""

    configuration: str
    seed: int | None
    overrides: list[str]
    plan: Plan
    process: Process | None = None
    turn: FileLock | None = None
    """Held while this study trains the run, so that no other one does."""
    elsewhere: bool = False
    """Whether another process trains the run."""
    look: float = 0.0
    """When to see again whether the run can be taken."""
    since: str = field(default_factory=lambda: os.environ.get(SINCE) or now())
    """When the command was given, by a person: what other processes have done since is not done again."""
    ended: bool = False
    interrupted: bool = False
    error: str | None = None

    @property
    def title(self) -> str:
        return self.configuration if self.seed is None else f"{self.configuration}, seed {self.seed}"

    @property
    def folder(self) -> Path:
        return self.plan.folder

    @property
    def status(self) -> str:
        if self.process is not None or self.elsewhere:
            return "running"
        if self.error is not None:
            return "interrupted" if self.interrupted else "failed"
        record = read_record(self.folder)
        if record is None or record["status"] != "done":
            return "waiting"
        if self.plan.config["rerun"] and not self.ended and record.get("ended", "") < self.since:
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

    def take(self) -> bool:
        """Take the run for this study, unless another process has it or is on the way to what it starts from."""
        if time.monotonic() < self.look:
            return False
        turn = lock(self.folder / TURN)
        self.elsewhere = not try_to_hold(turn) or is_held(self.folder / LOCK)
        if self.elsewhere or is_coming(self.plan.runs, self.plan.prefixes):
            turn.release()
            self.look = time.monotonic() + LOOK_EVERY
            return False
        self.turn = turn
        return True

    def failed_since(self) -> bool:
        """Take up a failure of the run in another process since the command was given; returns whether there is one."""
        record = read_record(self.folder) or {}
        if record.get("status") == "failed" and record.get("ended", "") >= self.since:
            self.error = record.get("error", "")
        return self.error is not None

    def follow(self) -> None:
        """Take up how far an engine's workers are with the run."""
        self.elsewhere = (read_record(self.folder) or {}).get("status") == "running"
        self.failed_since()

    def part(self) -> None:
        """Take up how the run has ended, now that no worker is left."""
        record = read_record(self.folder)
        self.elsewhere = False
        if record is None or record["status"] == "done" or record.get("ended", self.since) < self.since:
            return
        status, self.error = ending(record)
        self.interrupted = status != "failed"

    def settle(self) -> None:
        """Take up how the run's process has ended, and let go of the run."""
        if self.process is not None and (code := self.process.poll()) is not None:
            self.ended, self.error, self.process = True, self.process.error, None
            self.interrupted = code in (128 + number for number in ASKING)
            if self.error is not None:
                close_killed(self.folder, self.error)
        if self.turn is not None:
            self.turn.release()

    def iteration(self) -> int:
        """Return how far the run is by its curves: 0 before the first row."""
        return last_iteration(self.folder / "metrics.csv")


def at_once(jobs: Sequence[Job], said: int | None) -> int:
    """Return how many of a study's runs go at once: as many as was said, else one a GPU."""
    return said or slots([job.plan.config["trainer"] for job in jobs], len(jobs))


def is_worker() -> bool:
    """Whether this process is one of an engine's workers, not a person's: others tell what was found."""
    return SINCE in os.environ


def run_jobs(jobs: Sequence[Job], at_once: int, changed: Callable[[], None], tick: Callable[[], None]) -> None:
    """Run what is not done, in order, `at_once` at a time.

    A job waits while a running one is on the way to a boundary that it can start from. `changed` is called after a
    job has ended, `tick` a few times a second. A worker of an engine goes when all that is left is in other hands, so
    that it holds no machine for nothing.
    """
    waiting = [job for job in jobs if job.status == "waiting"]
    running: list[Job] = []
    if not waiting:
        return
    try:
        with WarmProcesses(at_once) as processes:
            while waiting or running:
                ended = [job for job in running if job.process is not None and job.process.poll() is not None]
                for job in ended:
                    job.settle()
                    running.remove(job)
                if fill(waiting, running, at_once, processes) or ended:
                    changed()
                tick()
                if is_worker() and not running and all(job.elsewhere for job in waiting):
                    break
                time.sleep(0.2)
    finally:
        for job in running:
            job.settle()


def fill(waiting: list[AnyJob], running: list[AnyJob], at_once: int, processes: WarmProcesses) -> bool:
    """Start the first jobs that need not wait for a prefix, while there is room; returns whether some were done."""
    adopted = False
    for job in list(waiting):
        if len(running) >= at_once:
            break
        same = any(job.plan.identity == other.plan.identity for other in running)
        if same or job.awaited() & coming(running) or not job.take():
            continue
        if job.status == "done" or job.failed_since():
            # Another job of the study was the same run, or another process has tried it.
            waiting.remove(job)
            job.settle()
            adopted = True
            continue
        job.process = processes.start(["train", *job.overrides], log=job.folder / "log.txt")
        waiting.remove(job)
        running.append(job)
    return adopted


def coming(running: Sequence[Job]) -> set[str]:
    """Return the boundaries that running jobs are on the way to."""
    return set().union(*(job.awaited() for job in running)) if running else set()
