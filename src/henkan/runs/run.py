"""A run: its identity, its folder, its record. The folder is the truth; nothing else remembers a run.

run.json       identity, mark, status (running, done, stopped, interrupted, failed), recipe, seed, overrides,
               iterations, parameters, final scores, what it took (seconds, seconds_lost), where (environments), with
               which code
config.yaml    the resolved config                changes.diff  uncommitted changes of the code, if any
metrics.csv    curves                             checkpoints/  last.ckpt, and those that stay, by their iterations
scores.csv     a row a test picture               set_scores.json, pictures/
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from henkan import saying
from henkan.config.resolved import Config
from henkan.config.told import told
from henkan.errors import UserError
from henkan.files import digests, owner, sweep, write_file
from henkan.ranks import end_rank, launch, say
from henkan.runs import checkout, machine, stopping
from henkan.runs.curves import Curves, last_iteration
from henkan.runs.killed import ending
from henkan.runs.locks import LOCK, TURN, hold, lock
from henkan.runs.mark import mark
from henkan.runs.prefix import PANELS, Boundary, Claims, without_discriminator
from henkan.runs.record import SCORED, TRAINED, Record, as_record, kept, now, read_record, write_record
from henkan.runs.sources import changed, code, in_words, sources
from henkan.sample import PAIRED
from henkan.training import checkpoint
from henkan.training.recorder import Ended, Row
from henkan.training.state import State


class Run:
    """One training run. Rank 0 writes; the other ranks only read."""

    def __init__(
        self, folder: Path, identity: str, config: Config, parts: Mapping[str, Any], writes: bool = True
    ) -> None:
        self.folder, self.identity, self.config, self.writes = folder, identity, config, writes
        self.parts, self.code = parts, code(parts)
        self.curves = Curves(folder / "metrics.csv")
        self.record: Record = read_record(folder) or {}
        self.claims = Claims(folder.parent)
        self.passed_over: set[str] = set()
        self._before, self._since = 0.0, time.monotonic()

    @property
    def seconds(self) -> float:
        """What the iterations so far took, those of earlier starts and of a shared prefix included."""
        return self._before + time.monotonic() - self._since

    @property
    def checkpoint(self) -> Path:
        return checkpoint.last(self.folder)

    @property
    def done(self) -> bool:
        return self.record.get("status") == "done"

    def changed_code_notice(self) -> str:
        """Return what to add to a message if source files differ from when the run was started, and the way out."""
        names = changed(self.record.get("code", {}), self.code)
        return f"; since then changed: {in_words(names)} (rerun=true trains it again)" if names else ""

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Have the folder to oneself, once no other process trains this run; then read how far that one came."""
        if not self.writes:
            yield
            return
        with alone_in(self.folder):
            sweep(self.folder)
            self.record = read_record(self.folder) or {}
            if self.record.get("status") == "running":
                status, error = ending(self.record)
                say(f"{self.folder.name} was {error}")
                self.note(status=status, error=error)
            try:
                yield
            finally:
                self.claims.release()

    def await_first(self) -> None:
        """Wait until the first rank of this launch has found where it starts, and take over what it has written.

        Only where a launcher has started all ranks at once; see `henkan.ranks.launch`. This one ends if the first one
        has already ended, for whatever reason, which it tells.
        """
        own = launch()
        while not self.writes and own is not None:
            self.record = read_record(self.folder) or {}
            if self.record.get("launch") == own:
                if self.record["status"] in ("failed", "interrupted", "stopped"):
                    end_rank()
                return
            time.sleep(0.2)

    def begin(
        self,
        overrides: list[str],
        manifests: Mapping[str, str],
        iterations: int,
        prefixes: Mapping[int, str],
        fresh: bool = False,
    ) -> None:
        """Write the record of a claimed run, before anything is trained; `fresh` forgets an earlier run.

        `manifests` are the hashes of what each stream's pictures show, `prefixes` the boundaries that others share.
        """
        if not self.writes:
            return
        (self.folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        if fresh:
            self.clear()
        stopping.forget(self.folder)
        commits, changes = checkout.commits(), checkout.changes(sources(self.parts).values())
        self.record = {
            **kept(self.record),
            "identity": self.identity,
            "mark": mark(self.identity, self.config),
            "status": "running",
            "process": owner(),
            # Killed, the same command goes on with it instead of beginning once more.
            "rerun": bool(self.config.get("rerun")),
            "recipe": self.config.get("recipe"),
            "study": self.config.get("study"),
            "seed": self.config["seed"],
            "overrides": overrides,
            "title": title(self.config, overrides),
            "iterations": iterations,
            "boundaries": {str(end): identity for end, identity in prefixes.items()},
            "manifest": manifests[PAIRED],
            "manifests": dict(manifests),
            "commit": next(iter(commits.values()), None),
            "commits": commits,
            "uncommitted": bool(changes),
            # Of when it was started: what has changed since is told at each resume.
            "code": self.record.get("code", self.code),
            "hardware": machine.hardware() | {"devices": self.config["trainer"]["devices"]},
            "versions": machine.versions(),
            "started": now(),
        }
        self.record.setdefault("nonce", secrets.token_hex(3))
        self.record.setdefault("created", self.record["started"])
        write_config(self.folder, self.config)
        if changes:
            write_file(self.folder / "changes.diff", changes)
        self.write()

    def clear(self) -> None:
        """Remove all that an earlier run has left, but for the lock, and a log that is this process's already."""
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name not in (LOCK, TURN) and not says_into(path):
                path.unlink()
        self.record = {}
        (self.folder / "checkpoints").mkdir()

    def note(self, **facts: Any) -> None:
        """Add facts to the record."""
        if self.writes:
            self.record.update(as_record(facts))
            self.write()

    def go_on(self, iteration: int, seconds: float, environments: Sequence[Mapping[str, Any]]) -> None:
        """Take over what the iterations up to one have taken, and where; says where this is another environment.

        What has been done beyond `iteration` since the checkpoint is lost: as far as rows tell of it, it is noted.
        """
        lost = self.record.get("seconds_lost", 0.0) + self.seconds_beyond(iteration)
        here = {"since": iteration, "hardware": self.record["hardware"], "versions": self.record["versions"]}
        # Nothing is left of what was done where no checkpoint was written.
        before = [dict(known) for known in environments if known["since"] < iteration]
        other = machine.differences(before[-1], here) if before else []
        if other:
            say(f"{'; '.join(other)}: the bits may not be those of one stretch (run.json keeps both environments)")
        self._before = seconds
        self.note(
            seconds=round(seconds, 2),
            seconds_lost=round(lost, 2),
            environments=before if before and not other else [*before, here],
        )

    def start_clock(self) -> None:
        """What is done from now on is training."""
        self._since = time.monotonic()
        self.note(trained_since=now("milliseconds"))

    def seconds_beyond(self, iteration: int) -> float:
        """Return how long rows were added beyond an iteration after the last checkpoint, or after training began."""
        # By the last row alone: the file may be damaged further up, and a checkpoint holds the rows too.
        if "trained_since" not in self.record or last_iteration(self.curves.path) <= iteration:
            return 0.0
        begin = datetime.fromisoformat(self.record["trained_since"]).timestamp()
        if self.checkpoint.is_file():
            begin = max(begin, self.checkpoint.stat().st_mtime)
        return max(0.0, self.curves.path.stat().st_mtime - begin)

    def end(self, status: Ended, **facts: Any) -> None:
        """Close the record."""
        if self.writes:
            found = digests(self.folder, (*TRAINED, *SCORED))
            # Only what was interrupted or stopped is gone on with: what has failed is begun once more.
            rerun = status in ("interrupted", "stopped") and self.record.get("rerun", False)
            self.note(status=status, ended=now(), digests=found, rerun=rerun, launch=launch(), **facts)

    @property
    def rows(self) -> Sequence[Row]:
        return self.curves.rows

    def add_row(self, row: Row) -> None:
        self.curves.add(row)

    def warn(self, message: str) -> None:
        say(message)
        self.note(warnings=[*self.record.get("warnings", []), message])

    def pass_over(self, message: str) -> None:
        """Tell once of a picture that could not be read, in whose place another one is trained on."""
        told = f"another picture takes the place of one: {message}"
        if self.writes and told not in self.record.get("warnings", []):
            self.warn(told)
        elif not self.writes and told not in self.passed_over:
            # Another rank's pictures are in no record: it says so itself.
            self.passed_over.add(told)
            saying.say(told)

    def save(self, state: State, keep: bool = False, for_good: bool = False) -> None:
        seconds = self.seconds
        if for_good:
            self.note(for_good=sorted({*self.record.get("for_good", []), state["iteration"]}))
        state = {**state, "identity": self.identity, "curves": self.curves.text, "seconds": seconds}
        if keep:
            # This first, so that a run killed in between comes by here again.
            path = checkpoint.of_iteration(self.folder, state["iteration"])
            checkpoint.save(state, path)
            checkpoint.link(path, self.checkpoint)
        else:
            checkpoint.save(state, self.checkpoint)
        self.note(seconds=round(seconds, 2))

    def kept(self) -> set[int]:
        return set(checkpoint.kept(self.folder))

    def drop(self, iterations: Collection[int]) -> None:
        for iteration in set(iterations) - set(self.record.get("for_good", [])):
            checkpoint.of_iteration(self.folder, iteration).unlink(missing_ok=True)

    def offer(self, identity: str, state: State, judged: bool) -> None:
        boundary: Boundary = {
            **(state if judged else without_discriminator(state)),
            "code": self.record["code"],
            "environments": self.record["environments"],
            "seconds": self.seconds,
            "curves": self.curves.text,
        }
        self.claims.offer(identity, boundary, self.folder / PANELS)

    def write(self) -> None:
        write_record(self.folder, self.record)


def says_into(path: Path) -> bool:
    """Whether what this process says goes into that file, as a study has it."""
    with suppress(OSError):
        return os.path.samestat(os.fstat(2), path.stat())
    return False


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Have a run's folder to oneself, once no other process trains or scores the run."""
    try:
        own = lock(folder / LOCK)
        hold(own, f"another process trains {folder.name}")
    except OSError as error:
        raise UserError(
            f"cannot write the run folder {folder}: {error.strerror}; choose another with paths.runs=DIR"
        ) from error
    try:
        yield
    finally:
        own.release()


def run_folder(runs: Path, config: Config, identity: str) -> Path:
    """Return the folder of a run: the one whose name ends in its identity, or where there is none, a new one."""
    own = runs / run_name(config, identity)
    if own.is_dir() or not runs.is_dir():
        return own
    # The rest of a name is for people; a recipe of another name may have made the run.
    return runs / by_identity(runs, runs.stat().st_mtime_ns).get(identity[:10], own.name)


@lru_cache(maxsize=8)
def by_identity(runs: Path, changed: int) -> dict[str, str]:
    """Return the names of what lies in a folder by their ends, as of when the folder has changed."""
    names = sorted((path.name for path in runs.iterdir()), reverse=True)
    return {name.rpartition("-")[2]: name for name in names}


def run_name(config: Config, identity: str | None = None) -> str:
    """Return a name a person can read: recipe, terms, seed; with the identity that of a folder, which ends in it.

    Before the beginning of the identity stands what its sweep varies, where it is of one. Where nothing is trained
    there are no terms, and no seed matters: the generator's name stands for both.
    """
    recipe = config.get("recipe") or config["task"]["_target_"].split(".")[-2]
    words = "+".join(sorted(config["loss"])) if config["loss"] else config["generator"]["_target_"].split(".")[-2]
    parts = [recipe, words, *([f"seed{config['seed']}"] if config["loss"] else [])]
    if identity is not None:
        parts += [*filter(None, [config.get("swept")]), identity[:10]]
    name = "-".join(parts)
    if name.startswith(".") or set(name) & set("/\\\0"):
        raise UserError(f"recipe={recipe} would be a folder's name elsewhere: use letters, digits, - and _")
    return name


def title(config: Config, overrides: Sequence[str]) -> str:
    """Return what a person tells the runs of a sweep apart by: the name, and what was set, as in `adversarial=0.01`."""
    return " ".join([run_name(config), *(f"{name}={value}" for name, value in told(overrides).items())])


def write_config(folder: Path, config: Mapping[str, Any]) -> None:
    write_file(folder / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(dict(config))))
