"""Workers on other machines: `henkan` commands as jobs of SLURM (through submitit) or tasks of Ray.

Each is a process like one that a person starts on that machine, in this working directory: its folders are shared.
"""

from __future__ import annotations

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from henkan.config.engines import MINUTES, Engine
from henkan.errors import UserError
from henkan.launching.launcher import PATIENCE, THREADS
from henkan.launching.worker import SINCE, Worker

# What a worker gets to save before SLURM ends it because its time is up, in seconds.
DELAY = 120
# How often a worker may be queued again for that.
TIMES = 1000


class Crew(ABC):
    """Workers of an engine; `folder` keeps what they print. Leaving the `with` asks those to end that have not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()

    @abstractmethod
    def start(self, argv: list[str], count: int, since: str, at_once: int) -> None:
        """Start `henkan <argv>` so many times, each with so many runs at once; what has failed since is left alone."""

    @abstractmethod
    def ended(self) -> dict[str, str | None]:
        """Return the workers that run no more, by name, with the line that says what went wrong, if something did."""

    @abstractmethod
    def close(self) -> None:
        """Ask those to end that run, or wait for a machine."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Submitit(Crew):
    """Jobs of SLURM, one array of them."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        super().__init__(folder)
        try:
            import submitit
        except ImportError as error:
            raise UserError("engine=submitit needs the package submitit: pip install 'henkan[submitit]'") from error
        local = engine.here
        if not local and shutil.which("sbatch") is None:
            raise UserError(
                "engine=submitit: there is no sbatch here, by which SLURM takes jobs: start it where there is "
                "(engine.cluster=local: processes of this machine)"
            )
        times = {} if local else {"slurm_max_num_timeout": TIMES}
        self.executor = submitit.AutoExecutor(self.folder, cluster="local" if local else "slurm", **times)
        self.executor.update_parameters(**parameters(engine.settings, local))
        self.jobs: list[Any] = []

    def start(self, argv: list[str], count: int, since: str, at_once: int) -> None:
        # sbatch takes this process's environment along.
        worker = Worker(argv, os.getcwd(), {SINCE: since})
        with self.executor.batch():
            jobs = [self.executor.submit(worker) for _ in range(count)]
        self.jobs += jobs

    def ended(self) -> dict[str, str | None]:
        return {f"job {job.job_id}": told(job) for job in self.jobs if job.done()}

    def close(self) -> None:
        for job in self.jobs:
            if not job.done():
                job.cancel(check=False)


def parameters(settings: Mapping[str, Any], local: bool) -> dict[str, Any]:
    """Return an engine's settings in submitit's words; on this machine, without what SLURM alone knows."""
    names = {"gpus": "gpus_per_node", "cpus": "cpus_per_task", "memory": "mem_gb"}
    found = {names[key]: value for key, value in settings.items() if key in names}
    found |= {"name": "henkan", "nodes": 1, "tasks_per_node": 1, "timeout_min": settings.get("time", MINUTES)}
    if local:
        return found
    slurm = ("partition", "account", "qos", "constraint", "setup")
    found |= {f"slurm_{key}": settings[key] for key in slurm if key in settings}
    return found | {"slurm_signal_delay_s": DELAY, "slurm_additional_parameters": dict(settings.get("options", {}))}


def told(job: Any) -> str | None:
    """Return what went wrong with a job of submitit's that has ended, and where it has printed more about it."""
    if not job.paths.result_pickle.exists():
        return f"ended without a word ({job.state}): {job.paths.stderr}"
    error = job.exception()
    if error is not None:
        return f"{str(error).strip().splitlines()[-1]}: {job.paths.stderr}"
    return None if job.result() == 0 else f"exit code {job.result()}: {job.paths.stderr}"


class Ray(Crew):
    """Tasks of a Ray cluster, or of one that this machine makes for itself."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        super().__init__(folder)
        # Read when ray is imported: nothing is told to its makers.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError as error:
            raise UserError("engine=ray needs the package ray: pip install 'henkan[ray]'") from error
        self.ray, self.settings = ray, engine.settings
        self.tasks: dict[str, Any] = {}
        self.over: dict[str, str | None] = {}
        own = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"} if engine.here else {}
        try:
            ray.init(address=self.settings.get("address", "local"), log_to_driver=False, **own)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise UserError(f"engine=ray: {str(error).strip().splitlines()[0]}") from error

    def start(self, argv: list[str], count: int, since: str, at_once: int) -> None:
        asked = {"num_cpus": self.settings.get("cpus", 1), "num_gpus": self.settings.get("gpus", 0)}
        # Ray counts cores, and keeps nobody to those that were given.
        environment = {THREADS: str(max(1, asked["num_cpus"] // at_once)), **os.environ, SINCE: since}
        if "memory" in self.settings:
            asked["memory"] = self.settings["memory"] * 2**30
        for _ in range(count):
            name = f"worker {len(self.tasks)}"
            log = self.folder / f"{len(self.tasks)}.txt"
            worker = Worker(argv, os.getcwd(), environment, str(log))
            # One whose machine has gone is started again, on another.
            self.tasks[name] = self.ray.remote(max_retries=3, **asked)(run).remote(worker)

    def ended(self) -> dict[str, str | None]:
        left = {task: name for name, task in self.tasks.items() if name not in self.over}
        ready, _ = self.ray.wait(list(left), num_returns=len(left), timeout=0) if left else ([], [])
        for task in ready:
            self.over[left[task]] = self.result(left[task])
        return dict(self.over)

    def result(self, name: str) -> str | None:
        log = self.folder / f"{name.rpartition(' ')[2]}.txt"
        try:
            code = self.ray.get(self.tasks[name])
        except self.ray.exceptions.RayError as error:
            return f"{str(error).strip().splitlines()[0]}: {log}"
        return None if code == 0 else f"exit code {code}: {log}"

    def close(self) -> None:
        left = [task for name, task in self.tasks.items() if name not in self.over]
        for task in left:
            self.ray.cancel(task)
        if left:
            # Leaving ends what still runs at once: before it, runs save.
            self.ray.wait(left, num_returns=len(left), timeout=2 * PATIENCE)
        self.ray.shutdown()


def run(worker: Worker) -> int:
    return worker()


ENGINES: Mapping[str, type[Submitit] | type[Ray]] = {"submitit": Submitit, "ray": Ray}


def hired(engine: Engine, folder: Path) -> Crew:
    """Return the crew of an engine. Raises `UserError` where its package, or what it needs, is not there."""
    return ENGINES[engine.name](engine, folder)
