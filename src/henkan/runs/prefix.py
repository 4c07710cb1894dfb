"""Shared prefixes: runs of one seed that agree up to a phase boundary train that stretch once.

At each boundary a run offers its state under the identity of everything the weights depend on so far; another run
that would arrive at the same identity starts from there. The result is bitwise that of training it all.

A run holds a lock on each boundary that it is on the way to, and another one that needs the boundary waits for it.
Nobody waits while holding such a lock, so no two can wait for each other; the lock of a process that has died is free.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock

from henkan.files import sweep
from henkan.runs.locks import hold, is_held, lock, try_to_hold
from henkan.runs.record import Environment
from henkan.training import checkpoint
from henkan.training.state import State

# What holds the pictures of validations, as `henkan.training.loggers.logger.Files` names them.
PANELS = "panels"


def folder(runs: Path, identity: str) -> Path:
    return runs / "prefixes" / identity[:20]


class Boundary(State):
    """What other runs may start from: a state, and what it was trained by."""

    code: dict[str, str]
    environments: list[Environment]


class Claims:
    """The boundaries that this process trains towards, so that others wait for them instead of training them too."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self.held: dict[str, FileLock] = {}

    def await_longest(self, prefixes: Mapping[int, str]) -> Path | None:
        """Return the folder of the farthest boundary, once no other run is on the way to the next; claim the rest."""
        while missing := absent(self.runs, prefixes):
            end = min(missing)
            if not self.claim(missing[end]):
                one = lock(lock_file(self.runs, missing[end]))
                hold(one, f"another run trains the shared prefix up to iteration {end}")
                one.release()
            elif absent(self.runs, prefixes) == missing:
                self.claim_all(missing)
                break
            else:
                # It was offered between the look and the claim.
                self.release()
        return longest(self.runs, prefixes)

    def claim(self, identity: str) -> bool:
        """Claim a boundary; returns whether it is this run's now."""
        if identity not in self.held:
            one = lock(lock_file(self.runs, identity))
            if not try_to_hold(one):
                return False
            self.held[identity] = one
        return True

    def claim_all(self, prefixes: Mapping[int, str]) -> None:
        """Claim those boundaries that no other run has claimed."""
        for _, identity in sorted(prefixes.items()):
            self.claim(identity)

    def offer(self, identity: str, state: Boundary, panels: Path) -> None:
        """Offer a state at a phase boundary, with the curves that led there in it, and the pictures that were shown."""
        into = folder(self.runs, identity)
        # What a run that was killed in its save has left there.
        sweep(into)
        take_panels(panels, into / PANELS, int(state["iteration"]))
        own: Boundary = {**state, "identity": identity}
        checkpoint.save(own, into / "boundary.ckpt")
        self.release(identity)

    def release(self, identity: str | None = None) -> None:
        """Let go of one boundary, or of all."""
        for name in [identity] if identity is not None else list(self.held):
            if name in self.held:
                self.held.pop(name).release()


def lock_file(runs: Path, identity: str) -> Path:
    return folder(runs, identity) / ".lock"


def is_coming(runs: Path, prefixes: Mapping[int, str]) -> bool:
    """Whether some process is on the way to the next boundary that has not been offered."""
    missing = absent(runs, prefixes)
    return bool(missing) and is_held(lock_file(runs, missing[min(missing)]))


def absent(runs: Path, prefixes: Mapping[int, str]) -> dict[int, str]:
    """Return the boundaries beyond the farthest one that has been offered."""
    ends = [end for end, identity in prefixes.items() if at(runs, identity) is not None]
    return {end: identity for end, identity in prefixes.items() if end > max(ends, default=0)}


def without_discriminator(state: State) -> State:
    """Leave out a discriminator that has not been updated yet: a run without one offers the same prefix."""
    return {
        **state,
        "state_dict": {
            name: value for name, value in state["state_dict"].items() if not name.startswith("discriminator.")
        },
        "optimizers": {"generator": state["optimizers"]["generator"]},
        "schedulers": {name: value for name, value in state["schedulers"].items() if name == "generator"},
    }


def longest(runs: Path, prefixes: Mapping[int, str]) -> Path | None:
    """Return the folder of the farthest boundary that another run has offered."""
    offered = (at(runs, identity) for _, identity in sorted(prefixes.items(), reverse=True))
    return next((path for path in offered if path is not None), None)


def at(runs: Path, identity: str) -> Path | None:
    """Return the folder of a boundary, if it has been offered."""
    path = folder(runs, identity)
    return path if (path / "boundary.ckpt").is_file() else None


def take_panels(panels: Path, into: Path, until: int) -> None:
    """Take over the pictures of validations up to an iteration, without taking their space twice if that can be."""
    for path in panels.glob("*_*.png"):
        number = path.stem.rpartition("_")[2]
        if number.isdecimal() and int(number) <= until and not (into / path.name).exists():
            into.mkdir(parents=True, exist_ok=True)
            checkpoint.link(path, into / path.name)
