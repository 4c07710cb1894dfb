"""The default launcher of `henkan train -m`: each run in a fresh process forked from a warm one."""

# Without `from __future__ import annotations`: Hydra imports plugins in a way that dataclasses with it do not survive.
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn, JobStatus, filter_overrides, setup_globals
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig, OmegaConf, open_dict

from henkan.errors import TrainingFailed, UserError
from henkan.saying import say

if TYPE_CHECKING:
    from hydra.types import HydraContext, TaskFunction

    from henkan.launching.launcher import Process, WarmProcesses

# What Hydra's own overrides say about the sweep, not about the single run.
OF_THE_SWEEP = ("hydra.mode", "hydra.sweep", "hydra/sweep", "hydra.launcher", "hydra/launcher")
# The overrides that decide what a run trains on.
OF_TRAINERS = ("trainer", "experiment", "debug")


@dataclass
class ForkLauncherConfig:
    """`hydra.launcher.n_jobs` runs at once (null: one a GPU); `fail_fast` ends the sweep at the first failure."""

    _target_: str = "hydra_plugins.henkan_plugins.fork_launcher.ForkLauncher"
    n_jobs: int | None = None
    fail_fast: bool = False


ConfigStore.instance().store(group="hydra/launcher", name="fork", node=ForkLauncherConfig, provider="henkan")


class Job:
    """One run of the sweep: the process it is in, and what Hydra will be told about it."""

    def __init__(self, title: str, process: "Process", log: Path | None, returned: JobReturn) -> None:
        self.title, self.process, self.log, self.returned = title, process, log, returned
        self.begun = time.monotonic()


class ForkLauncher(Launcher):  # type: ignore[misc, unused-ignore]
    """Starts `henkan <verb> <overrides>` for each job; a failed one does not end the sweep, unless `fail_fast`.

    With one job at a time, runs print where the sweep prints; with several, each prints into a file of its own in
    `hydra.sweep.dir`.
    """

    def __init__(self, n_jobs: int | None, fail_fast: bool) -> None:
        if n_jobs is not None and n_jobs < 1:
            raise UserError(f"hydra.launcher.n_jobs must be at least 1, not {n_jobs}")
        self.n_jobs, self.fail_fast = n_jobs, fail_fast

    def setup(self, *, hydra_context: "HydraContext", task_function: "TaskFunction", config: DictConfig) -> None:
        self.loader, self.config, self.checked = hydra_context.config_loader, config, False

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        # Not before it must: Hydra imports every plugin, whatever it is asked.
        from henkan.config.trees import frozen_config
        from henkan.launching.launcher import WarmProcesses
        from henkan.launching.swept import sweeping, table

        setup_globals()
        self.check(job_overrides[0])
        at_once = self.n_jobs or self.slots(job_overrides)
        # Where logs lie, and sweepers write what they have found.
        place = Path(self.config.hydra.sweep.dir)
        place.mkdir(parents=True, exist_ok=True)
        jobs: list[Job] = []
        codes: list[int] = []
        with frozen_config(), sweeping(place), WarmProcesses(at_once) as processes:
            for number, overrides in enumerate(job_overrides):
                while len(jobs) - len(codes) >= at_once:
                    codes += self.await_any(processes, jobs)
                if self.fail_fast and any(codes):
                    break
                title = f"{initial_job_idx + number + 1}/{initial_job_idx + len(job_overrides)}"
                log = place.absolute() / f"{initial_job_idx + number}.log"
                own_log = log if at_once > 1 else None
                jobs.append(self.start(processes, initial_job_idx + number, title, list(overrides), own_log))
            while len(codes) < len(jobs) and not (self.fail_fast and any(codes)):
                codes += self.await_any(processes, jobs)
        if len(jobs) > 1:
            results = [job.process.value if job.process.poll() == 0 else job.process.error for job in jobs]
            given = [filter_overrides(job.returned.overrides or []) for job in jobs]
            named = self.config.get("objective", "result")
            objectives = [named] if isinstance(named, str) else list(named)
            print("\n".join(table(objectives, given, results)), file=sys.stderr, flush=True)
        failures = [code for code in codes if code]
        if failures:
            kind = UserError if set(failures) == {2} else TrainingFailed
            left = len(job_overrides) - len(codes)
            message = f"{len(failures)} of {len(job_overrides)} runs failed" + (f", {left} not done" if left else "")
            for job in jobs:
                if job.returned.status is not JobStatus.COMPLETED:
                    job.returned.status, job.returned.return_value = JobStatus.FAILED, kind(message)
        return [job.returned for job in jobs]

    def check(self, overrides: Sequence[str]) -> None:
        """Raise `UserError`, before the first run, where what a sweeper is to go by is logged by none."""
        from henkan.config.objectives import check_returned

        sweeper = self.config.hydra.sweeper
        goes_by_it = not str(sweeper.get("_target_")).endswith(".BasicSweeper")
        if self.checked or not (goes_by_it or any(word.startswith("objective=") for word in overrides)):
            return
        # Once: some sweepers launch again and again.
        self.checked = True
        config = self.described(0, list(overrides)).cfg
        if config is not None and "objective" in config:
            check_returned(config.objective, config.metric, sweeper.get("direction"))

    def slots(self, job_overrides: Sequence[Sequence[str]]) -> int:
        """Return how many runs go at once where nobody says it; runs that say the same of their trainer count once."""
        from henkan.launching.launcher import slots

        said = {tuple(word for word in words if word.lstrip("+").startswith(OF_TRAINERS)) for words in job_overrides}
        configs = [self.described(0, list(words)).cfg for words in said]
        return slots([config.trainer for config in configs if config and "trainer" in config], len(job_overrides))

    def start(self, processes: "WarmProcesses", number: int, title: str, overrides: list[str], log: Path | None) -> Job:
        """Start one run and describe it to Hydra while it is under way."""
        say(f"[{title}] {' '.join(filter_overrides(overrides))}")
        process = processes.start(self.command(overrides), log)
        return Job(title, process, log, self.described(number, overrides))

    def await_any(self, processes: "WarmProcesses", jobs: Sequence[Job]) -> list[int]:
        """Wait until a run ends; return the exit codes of those that did. The records of killed ones are closed."""
        from henkan.launching.execute import killed

        ended = processes.wait_any()
        for job in jobs:
            if job.process in ended:
                code = job.process.poll() or 0
                if code < 0 and job.returned.cfg is not None:
                    killed(self.config.hydra.job.config_name, job.returned.cfg, job.process.pid, job.process.error)
                if code == 0:
                    job.returned.status, job.returned.return_value = JobStatus.COMPLETED, job.process.value
                if job.log is not None or code not in (0, 1, 2):
                    end = job.process.error or f"done, printed into {job.log}"
                    seconds = time.monotonic() - job.begun
                    say(f"[{job.title}] after {seconds:.0f} s: {end}")
        return [process.poll() or 0 for process in ended]

    def command(self, overrides: Sequence[str]) -> list[str]:
        """Return what follows `henkan` for the single run."""
        own = [word for word in self.config.hydra.overrides.hydra if not word.lstrip("+~").startswith(OF_THE_SWEEP)]
        flags = [
            word
            for entry in self.loader.get_search_path().get_path()
            if entry.provider == "command-line"
            for word in ("--config-dir", str(entry.path).removeprefix("file://"))
        ]
        return [str(self.config.hydra.job.config_name), *flags, *own, *overrides, *self.swept(overrides)]

    def swept(self, overrides: Sequence[str]) -> list[str]:
        """Return the override by which a run's folder tells what the sweep varies: what its command does not say."""
        from henkan.config.told import for_a_name

        said = for_a_name([word for word in overrides if word not in self.config.hydra.overrides.task])
        return [f"swept={said}"] if said and "swept" in self.config else []

    def described(self, number: int, overrides: list[str]) -> JobReturn:
        """Return what Hydra is told about a run, but for how it ends."""
        config = self.loader.load_sweep_config(self.config, overrides)
        with open_dict(config):
            config.hydra.job.id, config.hydra.job.num = str(number), number
        hydra_config = OmegaConf.masked_copy(config, "hydra")
        with open_dict(config):
            del config["hydra"]
        return JobReturn(
            overrides=overrides,
            cfg=config,
            hydra_cfg=hydra_config,
            working_dir=str(Path.cwd()),
            task_name=hydra_config.hydra.job.name,
        )
