"""What `henkan study` and `henkan search` have in common: how they are asked, prepared, and handed to an engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from omegaconf import DictConfig

from henkan.config.engines import without_engine
from henkan.config.searches import Search
from henkan.config.settings import Kind
from henkan.config.studies import Study
from henkan.errors import UserError
from henkan.launching.crew import Crew
from henkan.launching.execute import execute
from henkan.saying import say

DRY = "--dry-run"
# How often an engine's workers and their runs are looked at, in seconds.
LOOK_EVERY = 2.0


@dataclass(frozen=True)
class Command:
    """A command line: whose it is, the name of a study or a search, its overrides, whether it is to be told only."""

    kind: Kind
    name: str
    overrides: list[str]
    dry: bool

    @property
    def of_worker(self) -> list[str]:
        """What follows `henkan` in the same command that trains on its own machine."""
        return [self.kind.name, self.name, *without_engine(self.overrides), "engine=local"]


def asked(kind: Kind, arguments: Sequence[str], example: str) -> Command:
    """Read a command line. Raises `UserError` where it names nothing."""
    words = [word for word in arguments if word != DRY]
    if not words or "=" in words[0]:
        raise UserError(
            f"name {kind.article}: henkan {kind.name} {example} "
            f"(a folder of experiments/, or a path to a {kind.name}.yaml)"
        )
    return Command(kind, words[0], words[1:], DRY in arguments)


def prepare(study: Study | Search) -> None:
    """Make the data that a study or a search is about: its `prepare` commands, which do nothing where that is done."""
    for command in study.prepare:
        verb, *words = command
        # At the study's scale, so that a trial is short.
        outcome = execute(verb, [f"scale={study.scale}", *words])
        if outcome.code:
            raise UserError(f"preparing {study.name} failed: henkan {' '.join(command)}")


def check_anywhere(many: Study | Search, cfg: DictConfig) -> None:
    """Raise `UserError` for a run that other machines would make another run of: one has to say what it computes in."""
    if cfg.trainer.precision == "auto" and not many.engine.here:
        raise UserError(
            f"engine={many.engine.name}: every machine would choose a trainer.precision and make other runs: say "
            "trainer.precision=bf16-mixed (GPUs of 2020 and later), or 32-true"
        )


def await_workers(crew: Crew, command: Command, count: int, since: str, at_once: int, look: Callable[[], None]) -> None:
    """Start so many workers and wait for all; `look` is called every two seconds. Those that have failed are told."""
    crew.start(command.of_worker, count, since, at_once)
    say(f"{count} worker{'s' * (count > 1)}, whose logs lie in {crew.folder}")
    told: set[str] = set()
    while len(told) < count:
        time.sleep(LOOK_EVERY)
        for name, wrong in crew.ended().items():
            if name not in told and wrong is not None:
                say(f"{name}: {wrong}")
            told.add(name)
        look()
