"""A run: its identity, its folder, its record. The folder is the truth; nothing else remembers a run.

run.json       identity, mark, status (running, done, failed), recipe, seed, overrides, iterations, scores, machine
config.yaml    the resolved config                changes.diff  uncommitted changes of the code, if any
metrics.csv    curves                             checkpoints/last.ckpt
scores.csv     a row a test picture               set_scores.json, pictures/
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from omegaconf import OmegaConf

from henkan.errors import UserError
from henkan.files import digests, replaced, sweep
from henkan.ranks import say
from henkan.runs import machine
from henkan.runs.curves import Curves
from henkan.runs.identity import changed, code
from henkan.runs.mark import mark
from henkan.runs.prefix import Claims, without_discriminator
from henkan.runs.record import SCORED, TRAINED, Record, read_record, write_record
from henkan.training import checkpoint
from henkan.training.recorder import Row

# What a resumed run takes over from its record.
KEPT = ("nonce", "created", "seconds", "prefix", "warnings")
# How long a run waits for another process to let go of its folder, in seconds.
PATIENCE = 12.0


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
        self._lock = FileLock(folder / ".lock")

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

    def begin(self, overrides: list[str], manifest: str, iterations: int, fresh: bool = False) -> None:
        """Claim the folder and write the record, before anything is trained; `fresh` forgets an earlier run."""
        if not self.writes:
            return
        try:
            (self.folder / "checkpoints").mkdir(parents=True, exist_ok=True)
            # What a killed study has left behind takes a moment to end.
            self._lock.acquire(timeout=PATIENCE)
            sweep(self.folder)
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
            **{key: self.record[key] for key in KEPT if key in self.record},
            "identity": self.identity,
            "mark": mark(self.identity, self.config),
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
        write_config(self.folder, self.config)
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
            self.record.update(facts)
            self.write()

    def end(self, status: str, **facts: Any) -> None:
        """Close the record as done or failed, and let go of the folder."""
        if self.writes:
            seconds = round(self._before + time.monotonic() - self._since, 2)
            found = digests(self.folder, (*TRAINED, *SCORED))
            self.note(status=status, ended=now(), seconds=seconds, digests=found, **facts)
            self.claims.release()
            self._lock.release()

    def add_row(self, row: Row) -> None:
        self.curves.add(row)

    def warn(self, message: str) -> None:
        say(message)
        self.note(warnings=[*self.record.get("warnings", []), message])

    def save(self, state: Mapping[str, Any]) -> None:
        checkpoint.save({**state, "identity": self.identity, "curves": self.curves.text}, self.checkpoint)

    def offer(self, identity: str, state: Mapping[str, Any], judged: bool) -> None:
        kept = state if judged else without_discriminator(state)
        self.claims.offer(identity, {**kept, "code": self.record["code"], "curves": self.curves.text})

    def write(self) -> None:
        write_record(self.folder, self.record)


def run_name(config: Mapping[str, Any], identity: str) -> str:
    """Return a folder name a person can read: recipe, terms, seed and the beginning of the identity.

    Where nothing is trained there are no terms, and no seed matters: the generator's name stands for both.
    """
    recipe = config.get("recipe") or config["task"]["_target_"].split(".")[-2]
    words = "+".join(config["loss"]) if config["loss"] else config["generator"]["_target_"].split(".")[-2]
    seed = f"-seed{config['seed']}" if config["loss"] else ""
    name = f"{recipe}-{words}{seed}-{identity[:10]}"
    if name.startswith(".") or set(name) & set("/\\\0"):
        raise UserError(f"recipe={recipe} would be a folder's name elsewhere: use letters, digits, - and _")
    return name


def write_config(folder: Path, config: Mapping[str, Any]) -> None:
    with replaced(folder / "config.yaml") as partial:
        partial.write_text(OmegaConf.to_yaml(OmegaConf.create(dict(config))), encoding="utf-8")


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
