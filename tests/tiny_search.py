"""A search of runs that take no time: what they log is said by a function of their overrides."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from henkan.files import owner
from henkan.runs.curves import Curves
from henkan.runs.record import Record, write_record
from henkan.runs.stopping import why_stopped

SEARCH: dict[str, Any] = {
    "title": "Tiny",
    "recipe": "glcic",
    "scale": "smoke",
    "trials": 4,
    "jobs": 1,
    "space": {
        "kind": {"choices": {"mse": ["loss=[mse]"], "gan": ["loss=[mse,adversarial]"]}},
        "weights.adversarial": {"low": 1e-3, "high": 0.1, "log": True, "when": {"kind": ["gan"]}},
        "optimizer.generator.lr": {"low": 1e-4, "high": 1e-2, "log": True},
    },
    "objectives": {"val/psnr": "maximize"},
}
Course = Sequence[dict[str, float] | str | type[BaseException]]
"""What a run logs at each validation; a text ends it with that error, and an exception is raised by whoever looks."""


def write_search(folder: Path, **entries: Any) -> str:
    (folder / "alpha").mkdir(exist_ok=True)
    (folder / "alpha" / "search.yaml").write_text(yaml.safe_dump(SEARCH | entries, sort_keys=False))
    return str(folder / "alpha")


class Acted:
    """A run's process: at each look it has come one validation further."""

    pid = os.getpid()

    def __init__(self, folder: Path, course: Course, every: int) -> None:
        self.folder, self.course, self.every = folder, list(course), every
        self.curves, self.iteration = Curves(folder / "metrics.csv"), 0
        self.code: int | None = None
        self.value: float | None = None
        self.error: str | None = None
        self.close("running")

    def close(self, status: Any, code: int | None = None, error: str | None = None) -> None:
        record: Record = {"identity": "acted", "status": status, "process": owner(self.pid), "rerun": False}
        if error is not None:
            record["error"] = error
        write_record(self.folder, record)
        self.code, self.error = code, error

    def poll(self) -> int | None:
        if self.code is None and not self.course:
            self.close("done", 0)
        elif self.code is None:
            step = self.course.pop(0)
            if isinstance(step, type):
                self.code = -9
                raise step
            if isinstance(step, str):
                self.close("failed", 1, step)
            else:
                self.iteration += self.every
                self.curves.add({"iteration": self.iteration, "phase": "joint", **step})
        return self.code

    def ask(self) -> None:
        self.close("stopped", 143, why_stopped(self.folder))


class Stage:
    """Stands for `WarmProcesses`: `play` says of a run by its overrides what it logs, each 6 iterations."""

    def __init__(self, play: Callable[[dict[str, str]], Course], every: int = 6) -> None:
        self.play, self.every = play, every
        self.started: list[list[str]] = []

    def __call__(self, at_once: int) -> Stage:
        return self

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def start(self, argv: list[str], log: Path) -> Acted:
        self.started.append(argv)
        words = dict(word.partition("=")[::2] for word in argv[1:])
        return Acted(log.parent, self.play(words), self.every)
