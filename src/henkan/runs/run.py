"""A run: its identity, its folder, its record. The folder is the truth; nothing else remembers a run.

run.json       identity, status (running, done, interrupted, failed), recipe, seed, overrides, iterations, final scores,
               machine
config.yaml    the resolved config                changes.diff  uncommitted changes of the code, if any
metrics.csv    curves                             checkpoints/last.ckpt
scores.csv     a row a test picture               set_scores.json, pictures/
"""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from henkan.errors import UserError
from henkan.files import write_json
from henkan.ranks import say
from henkan.runs import machine
from henkan.runs.curves import Curves
from henkan.runs.identity import changed, code
from henkan.runs.locks import hold, lock, try_to_hold
from henkan.runs.prefix import Claims, without_discriminator
from henkan.training import checkpoint
from henkan.training.loggers import Status
from henkan.training.recorder import Row

Record = dict[str, Any]

# What a resumed run takes over from its record.
KEPT = ("nonce", "created", "seconds", "prefix", "warnings")
# Held by the process that trains the run, and by a study while a process of its own does.
LOCK, TURN = ".lock", ".turn"


class Run:
    """One training run. Rank 0 writes; the other ranks only read."""

    def __init__(
        self, folder: Path, identity: str, config: Mapping[str, Any], parts: Mapping[str, Any], writes: bool = True
    ) -> None:
        self.folder, self.identity, self.config, self.writes = folder, identity, config, writes
        self.code = code(parts)
        self.curves = Curves(folder / "metrics.csv")
        self.record: Record = read_record(folder) or {}
        self.claims = Claims(folder.parent)

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoints" / "last.ckpt"

    @property
    def done(self) -> bool:
        return self.record.get("status") == "done"

    def word_of_changed_code(self) -> str:
        """Return what to add to a message if source files differ from when the run was started, and the way out."""
        names = changed(self.record.get("code", {}), self.code)
        return f"; since then changed: {', '.join(names)} (rerun=true trains it again)" if names else ""

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Have the folder to oneself, once no other process trains this run; then read how far that one came."""
        if not self.writes:
            yield
            return
        try:
            own = lock(self.folder / LOCK)
            hold(own, f"another process trains {self.folder.name}")
        except OSError as error:
            raise UserError(
                f"cannot write the run folder {self.folder}: {error.strerror}; choose another with paths.runs=DIR"
            ) from error
        try:
            self.record = read_record(self.folder) or {}
            yield
        finally:
            self.claims.release()
            own.release()

    def begin(self, overrides: list[str], manifest: str, iterations: int, fresh: bool = False) -> None:
        """Write the record of a claimed run, before anything is trained; `fresh` forgets an earlier run."""
        if not self.writes:
            return
        (self.folder / "checkpoints").mkdir(exist_ok=True)
        if fresh:
            self.clear()
        head, changes = machine.commit(Path(__file__).parent)
        self.record = {
            **{key: self.record[key] for key in KEPT if key in self.record},
            "identity": self.identity,
            "status": "running",
            "recipe": self.config.get("recipe"),
            "study": self.config.get("study"),
            "seed": self.config["seed"],
            "overrides": overrides,
            "iterations": iterations,
            "manifest": manifest,
            "commit": head,
            "uncommitted": bool(changes),
            # Of when it was started: what has changed since is told at each resume.
            "code": self.record.get("code", self.code),
            "hardware": machine.hardware(),
            "versions": machine.versions(),
            "started": now(),
        }
        self.record.setdefault("nonce", secrets.token_hex(3))
        self.record.setdefault("created", self.record["started"])
        self._since = time.monotonic()
        self._before = float(self.record.get("seconds", 0.0))
        (self.folder / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(dict(self.config))))
        if changes:
            (self.folder / "changes.diff").write_text(changes)
        self.write()

    def clear(self) -> None:
        """Remove all that an earlier run has left, but for the lock."""
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name not in (LOCK, TURN):
                path.unlink()
        self.record = {}
        (self.folder / "checkpoints").mkdir()

    def note(self, **facts: Any) -> None:
        """Add facts to the record."""
        if self.writes:
            self.record.update(facts)
            self.write()

    def end(self, status: Status, **facts: Any) -> None:
        """Close the record."""
        if self.writes:
            seconds = round(self._before + time.monotonic() - self._since, 2)
            self.note(status=status, ended=now(), seconds=seconds, **facts)

    def add_row(self, row: Row) -> None:
        self.curves.add(row)

    def warn(self, message: str) -> None:
        say(message)
        self.note(warnings=[*self.record.get("warnings", []), message])

    def save(self, state: Mapping[str, Any]) -> None:
        checkpoint.save(state, self.checkpoint)

    def offer(self, identity: str, state: Mapping[str, Any], judged: bool) -> None:
        kept = state if judged else without_discriminator(state)
        self.claims.offer(identity, {**kept, "code": self.record["code"]}, self.curves.path)

    def write(self) -> None:
        write_json(self.folder / "run.json", self.record)


def run_name(config: Mapping[str, Any], identity: str) -> str:
    """Return a folder name a person can read: recipe, terms, seed and the beginning of the identity.

    Where nothing is trained there are no terms, and no seed matters: the generator's name stands for both.
    """
    recipe = config.get("recipe") or config["task"]["_target_"].split(".")[-2]
    if not config["loss"]:
        return f"{recipe}-{config['generator']['_target_'].split('.')[-2]}-{identity[:10]}"
    terms = "+".join(config["loss"])
    return f"{recipe}-{terms}-seed{config['seed']}-{identity[:10]}"


def read_record(folder: Path) -> Record | None:
    """Return the record of a run folder, or None where there is none."""
    path = folder / "run.json"
    if not path.is_file():
        return None
    try:
        record: Record = json.loads(path.read_text())
    except ValueError as error:
        raise UserError(f"{path} is not readable ({error}); remove the folder to train the run again") from error
    return record


def close_killed(folder: Path, reason: str) -> None:
    """Close the record of a run whose process was killed before it could do so itself."""
    own = lock(folder / LOCK)
    # Another process may have gone on with it by now.
    record = read_record(folder) if try_to_hold(own) else None
    if record is not None and record["status"] == "running":
        write_json(folder / "run.json", {**record, "status": "failed", "ended": now(), "error": reason})
    own.release()


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
