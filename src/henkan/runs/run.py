"""A run: its identity, its folder, its record. The folder is the truth; nothing else remembers a run.

run.json       identity, status (running, done, failed), recipe, seed, overrides, iterations, final scores, machine
config.yaml    the resolved config                changes.diff  uncommitted changes of the code, if any
metrics.csv    curves                             checkpoints/last.ckpt
scores.csv     a row a test picture               set_scores.json, pictures/
"""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from omegaconf import OmegaConf

from henkan.config.resolved import Config
from henkan.errors import UserError
from henkan.files import write_json
from henkan.ranks import say
from henkan.runs import machine
from henkan.runs.curves import Curves
from henkan.runs.identity import changed, code
from henkan.runs.prefix import Claims, without_discriminator
from henkan.runs.record import Record, as_record, kept
from henkan.training import checkpoint
from henkan.training.recorder import Row

# How long a run waits for another process to let go of its folder, in seconds.
PATIENCE = 12.0


class Run:
    """One training run. Rank 0 writes; the other ranks only read."""

    def __init__(
        self, folder: Path, identity: str, config: Config, parts: Mapping[str, Any], writes: bool = True
    ) -> None:
        self.folder, self.identity, self.config, self.writes = folder, identity, config, writes
        self.code = code(parts)
        self.curves = Curves(folder / "metrics.csv")
        self.record: Record = read_record(folder) or {}
        self.claims = Claims(folder.parent)
        self._lock = FileLock(folder / ".lock")

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoints" / "last.ckpt"

    @property
    def done(self) -> bool:
        return self.record.get("status") == "done"

    def changed_code_notice(self) -> str:
        """Return what to add to a message if source files differ from when the run was started, and the way out."""
        names = changed(self.record.get("code", {}), self.code)
        return f"; since then changed: {', '.join(names)} (rerun=true trains it again)" if names else ""

    def begin(self, overrides: list[str], manifest: str, iterations: int, fresh: bool = False) -> None:
        """Claim the folder and write the record, before anything is trained; `fresh` forgets an earlier run."""
        if not self.writes:
            return
        try:
            (self.folder / "checkpoints").mkdir(parents=True, exist_ok=True)
            # What a killed study has left behind takes a moment to end.
            self._lock.acquire(timeout=PATIENCE)
            if fresh:
                self.clear()
        except Timeout:
            raise UserError(
                f"{self.folder} is being trained by another process; wait for it, or change the seed"
            ) from None
        except OSError as error:
            raise UserError(
                f"cannot write the run folder {self.folder}: {error.strerror}; choose another with paths.runs=DIR"
            ) from error
        head, changes = machine.commit(Path(__file__).parent)
        self.record = {
            **kept(self.record),
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
            elif path.name != ".lock":
                path.unlink()
        self.record = {}
        (self.folder / "checkpoints").mkdir()

    def note(self, **facts: Any) -> None:
        """Add facts to the record."""
        if self.writes:
            self.record.update(as_record(facts))
            self.write()

    def end(self, status: str, **facts: Any) -> None:
        """Close the record as done or failed, and let go of the folder."""
        if self.writes:
            seconds = round(self._before + time.monotonic() - self._since, 2)
            self.note(status=status, ended=now(), seconds=seconds, **facts)
            self.claims.release()
            self._lock.release()

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


def run_name(config: Config, identity: str) -> str:
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


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
