"""Run a study: many runs of one recipe, seed by seed, and a report that is refreshed after each.

A study is a folder of experiments/ with a study.yaml, named by the folder's name or by path. Its own settings are
scale, seeds, jobs (runs at once) and axes.*; every other override goes to each of its runs.

  henkan study mse_vs_gan
  henkan study mse_vs_gan --dry-run
  henkan study mse_vs_gan scale=smoke seeds=[0] logger=csv
  henkan study patch_vs_mse_vs_gan axes.pictures.photographs=null
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.tree import Tree

from henkan.cli import config_folder, execute, frozen_config
from henkan.composition import compose_root
from henkan.errors import UserError
from henkan.files import write_json
from henkan.metrics.evaluator import POST
from henkan.report import table, write_report
from henkan.runs import machine
from henkan.runs.identity import changed, code
from henkan.runs.plan import plan_run
from henkan.runs.prefix import folder as prefix_folder
from henkan.runs.run import read_record
from henkan.runs.scheduler import Job, run_jobs

# What a study says itself; every other override goes to each of its runs.
SETTINGS = ("scale", "seeds", "jobs")


@dataclass(frozen=True)
class Configuration:
    """A variant at one point of the axes: axis → value, in words, and the overrides that make both."""

    variant: str
    point: dict[str, str]
    overrides: list[str]


@dataclass(frozen=True)
class Study:
    """What `study.yaml` says, with the overrides of the command line put in."""

    name: str
    place: Path
    settings: dict[str, Any]
    overrides: list[str]

    def axes(self) -> dict[str, dict[str, list[str]]]:
        """Return axis → value, in words → overrides.

        An axis is a key with a list of its values, or any name with a mapping of names to overrides (null: left out).
        """
        found: dict[str, dict[str, list[str]]] = {}
        for axis, values in (self.settings.get("axes") or {}).items():
            if isinstance(values, dict):
                found[axis] = {str(name): given for name, given in values.items() if given is not None}
                for name, given in found[axis].items():
                    if not isinstance(given, list):
                        raise UserError(f"axes.{axis}.{name} must be a list of overrides: [data=openmoji]")
            elif isinstance(values, list):
                found[axis] = {f"{axis.split('.')[-1]}={value}": [f"{axis}={value}"] for value in values}
            else:
                raise UserError(f"axes.{axis} must be a list of values, or a mapping of names to lists of overrides")
            if not found[axis]:
                raise UserError(f"axes.{axis} has no value left")
        return found

    def configurations(self) -> dict[str, Configuration]:
        """Return every variant at every point of the axes, by name."""
        axes = self.axes()
        found: dict[str, Configuration] = {}
        for variant, overrides in self.settings["variants"].items():
            for point in itertools.product(*axes.values()):
                place = [word for axis, value in zip(axes, point, strict=True) for word in axes[axis][value]]
                name = " ".join([str(variant), *point])
                found[name] = Configuration(str(variant), dict(zip(axes, point, strict=True)), [*overrides, *place])
        return found

    @property
    def folder(self) -> Path:
        """Where the study writes its report; runs lie elsewhere, since studies may share them."""
        _, _, overrides = next(self.runs())
        studies = compose_root("train", overrides)["paths"]["studies"]
        return Path(studies) / f"{self.name}-{self.settings['scale']}"

    def runs(self) -> Iterator[tuple[str, int, list[str]]]:
        """Yield every run, seed by seed, so that the report means something after the first seed."""
        settings = self.settings
        common = [
            f"experiment={settings['recipe']}",
            f"scale={settings['scale']}",
            *(settings.get("overrides") or []),
        ]
        for seed in settings["seeds"]:
            for name, configuration in self.configurations().items():
                own = [*configuration.overrides, f"seed={seed}", f"study={self.name}"]
                yield name, int(seed), [*common, *own, *self.overrides]


def main(arguments: list[str]) -> int:
    dry = "--dry-run" in arguments
    words = [word for word in arguments if word != "--dry-run"]
    if not words or "=" in words[0]:
        raise UserError("name a study: henkan study mse_vs_gan (a folder of experiments/, or a path to a study.yaml)")
    study = read_study(words[0], words[1:])
    with frozen_config():
        prepare(study)
        jobs = plan_jobs(study)
        if dry:
            Console().print(tree(study, jobs))
            return 0
        return run_study(study, jobs)


def prepare(study: Study) -> None:
    """Make the data that the study is about: its `prepare` commands, which do nothing where that is done."""
    for command in study.settings.get("prepare") or []:
        verb, *words = command
        # At the study's scale, so that a trial is short.
        outcome = execute(verb, [f"scale={study.settings['scale']}", *words])
        if outcome.code:
            raise UserError(f"preparing {study.name} failed: henkan {' '.join(command)}")


def run_study(study: Study, jobs: list[Job]) -> int:
    """Run what is not done, refresh the report after each run, and print what was found."""
    folder = study.folder
    folder.mkdir(parents=True, exist_ok=True)
    at_once = int(study.settings.get("jobs") or 1)

    def refresh() -> None:
        write_study(study, jobs, folder)
        write_report(folder)

    for job in jobs:
        names = changed((read_record(job.folder) or {}).get("code", {}), code(job.plan.parts))
        if job.status == "done" and names:
            print(f"henkan: {job.folder.name} is done; since then changed: {', '.join(names)}", file=sys.stderr)
    write_study(study, jobs, folder)
    with StudyBar(study.name, jobs) as bar:
        run_jobs(jobs, at_once, refresh, bar.tick)
    refresh()
    failed = [job for job in jobs if job.status != "done"]
    for job in failed:
        print(f"henkan: failed: {job.title}: {job.error}", file=sys.stderr)
    if len(failed) < len(jobs):
        print(table(folder))
        print(folder / "report.html")
    return 1 if failed else 0


def read_study(name: str, overrides: Sequence[str]) -> Study:
    """Read a study by the name of its folder in `experiments/`, or by path."""
    places = (Path(name), Path("experiments") / name, config_folder().parent / "experiments" / name)
    files = [place / "study.yaml" if place.is_dir() else place for place in places]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        known = sorted(path.parent.name for path in Path("experiments").glob("*/study.yaml"))
        raise UserError(f"there is no study {name!r}; there are {known or 'none in ./experiments'}")
    own = [word for word in overrides if word.partition("=")[0] in SETTINGS or word.startswith("axes.")]
    merged = OmegaConf.merge(OmegaConf.load(found), OmegaConf.from_dotlist(own))
    # Not resolved: what the overrides interpolate is the run's config, not the study's.
    settings = OmegaConf.to_container(merged, resolve=False)
    assert isinstance(settings, dict)
    absent = [key for key in ("recipe", "scale", "variants", "baseline", "seeds") if key not in settings]
    if absent:
        raise UserError(f"{found} does not say {', '.join(absent)}")
    if not isinstance(settings["seeds"], list) or not all(isinstance(seed, int) for seed in settings["seeds"]):
        raise UserError(f"seeds={settings['seeds']} must be a list of whole numbers: seeds=[0,1,2]")
    if settings["baseline"] not in settings["variants"]:
        raise UserError(f"{found}: the baseline {settings['baseline']!r} is none of {list(settings['variants'])}")
    rest = [word for word in overrides if word not in own]
    return Study(found.parent.name, found, {str(key): value for key, value in settings.items()}, rest)


def plan_jobs(study: Study) -> list[Job]:
    """Compose and plan every run of a study; nothing is trained."""
    jobs: list[Job] = []
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        for name, seed, overrides in study.runs():
            jobs.append(Job(name, seed, overrides, plan_run(compose("train", overrides=overrides))))
    return without_repetition(jobs)


def without_repetition(jobs: Sequence[Job]) -> list[Job]:
    """Keep one job, without a seed, of each configuration that trains nothing and so is the same for every seed."""
    found: dict[tuple[str, int | None], Job] = {}
    for job in jobs:
        identities = {other.plan.identity for other in jobs if other.configuration == job.configuration}
        if not job.plan.trains and len(identities) == 1:
            job.seed = None
        found.setdefault((job.configuration, job.seed), job)
    return list(found.values())


def write_study(study: Study, jobs: Sequence[Job], folder: Path) -> None:
    """Write `study.json`: what was asked, and how far each run is."""
    settings = study.settings
    metrics = {name: node for job in jobs for name, node in job.plan.config["metric"].items()}
    ends = ("", POST) if any(job.plan.config.get("postprocess") for job in jobs) else ("",)
    write_json(
        folder / "study.json",
        {
            **{
                key: settings.get(key)
                for key in ("title", "question", "recipe", "scale", "baseline", "headline", "plane")
            },
            "name": study.name,
            "seeds": list(settings["seeds"]),
            "configurations": {
                name: {"variant": made.variant, "point": made.point, "overrides": made.overrides}
                for name, made in study.configurations().items()
            },
            "overrides": [*(settings.get("overrides") or []), *study.overrides],
            "metrics": {f"{name}{end}": node.get("better") for end in ends for name, node in metrics.items()},
            "runs": [
                {
                    "configuration": job.configuration,
                    "seed": job.seed,
                    "folder": os.path.relpath(job.folder, folder),
                    "status": job.status,
                }
                for job in jobs
            ],
            "environment": {"hardware": machine.hardware(), "versions": machine.versions()},
            "saved_iterations": saved(jobs),
        },
    )


def saved(jobs: Sequence[Job]) -> int:
    """Return how many iterations shared prefixes save."""
    return sum(len(job.plan.schedule) for job in jobs) - sum(work(jobs).values())


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
    settings = study.settings
    pace = seconds_per_iteration(jobs)
    total, rest = 0, 0
    root = Tree(f"{study.name} (recipe {settings['recipe']}, scale {settings['scale']})")
    known: dict[str, Any] = {}
    scored = [job for job in jobs if job.seed is None]
    if scored:
        branch = root.add("nothing to train: scored once, for every seed")
        for job in scored:
            branch.add(f"{job.configuration} ({job.status}) {job.folder.name}")
    for seed in settings["seeds"] if len(scored) < len(jobs) else []:
        branch = root.add(f"seed {seed}")
        for job in (job for job in jobs if job.seed == seed):
            place, start = branch, 0
            for end, identity in job.plan.prefixes.items():
                if identity not in known:
                    offered = (prefix_folder(job.plan.runs, identity) / "boundary.ckpt").is_file()
                    known[identity] = place.add(f"{end - start} iterations, shared {'(there)' if offered else ''}")
                    total += end - start
                    rest += 0 if offered else end - start
                place, start = known[identity], end
            length = len(job.plan.schedule) - start
            place.add(f"{job.configuration}: {length} iterations ({job.status}) {job.folder.name}")
            total += length
            rest += 0 if job.status == "done" else length
    saving = saved(jobs)
    root.add(f"{total} iterations in all, {rest} to go; shared prefixes save {saving}")
    if pace is None:
        root.add("time: unknown until a first run is done")
    else:
        at_once = int(settings.get("jobs") or 1)
        minutes = rest * pace / at_once / 60
        root.add(f"time: about {minutes:.0f} minutes at {1000 * pace:.0f} ms an iteration, {at_once} at once")
    return root


def seconds_per_iteration(jobs: Sequence[Job]) -> float | None:
    """Return the mean pace of the runs that are done."""
    paces = []
    for job in jobs:
        record: Mapping[str, Any] = read_record(job.folder) or {}
        trained = record.get("iterations", 0) - record.get("prefix", {}).get("iteration", 0)
        if record.get("status") == "done" and trained > 0:
            paces.append(record["seconds"] / trained)
    return sum(paces) / len(paces) if paces else None


class StudyBar:
    """One bar for the whole study, and one for each run that is going on, with the time left."""

    def __init__(self, name: str, jobs: Sequence[Job]) -> None:
        self.jobs = jobs
        self.work = work(jobs)
        self.progress = Progress(
            TextColumn("{task.description}"),
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
