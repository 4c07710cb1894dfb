"""A verb in this process, its error in one line."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from henkan.config.trees import config_folder, make_importable
from henkan.errors import Interrupted, UserError
from henkan.heap import keep_freed
from henkan.launching.verbs import composed, module_of, verbs
from henkan.saying import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omegaconf import DictConfig

# Says that every error shows its traceback. Hydra's own HYDRA_FULL_ERROR=1 does as well.
TRACEBACK = "HENKAN_TRACEBACK"


Result = float | list[float]
"""What a verb returns to a sweeper: a score, or one for each of several objectives."""


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its exit code, what it returned, and the line that says what went wrong."""

    code: int
    value: Result | None = None
    error: str | None = None


def execute(verb: str, arguments: Sequence[str]) -> Outcome:
    """Run a verb; errors that people can read are one line on stderr, others keep their traceback."""
    wanted = os.environ.get(TRACEBACK, os.environ.get("HYDRA_FULL_ERROR")) == "1"
    try:
        result = run(verb, arguments)
    except Interrupted as end:
        say(end.message)
        return Outcome(int(end.code or 0), error=end.message)
    except Exception as error:
        if isinstance(error, BrokenPipeError) and not composed(verb):
            # Whoever read what it prints (`henkan … | head`) has gone: nothing is wrong.
            raise
        from henkan.config.explain import explain

        line, code = explain(error, verb, arguments)
        if wanted or line is None:
            traceback.print_exc()
        if line is None:
            return Outcome(1, error=f"{type(error).__name__}: {error}".partition("\n")[0])
        say(line)
        return Outcome(code, error=line)
    if isinstance(result, list):
        return Outcome(0, value=[float(each) for each in result])
    if not composed(verb):
        return Outcome(int(result or 0))
    return Outcome(0, value=None if result is None else float(result))


def run(verb: str, arguments: Sequence[str]) -> Result | None:
    """Run a verb with its command line and return what its `main` returned (nothing after a multirun).

    `sys.argv` is the command of this process while `main` runs, so that what starts it again (DDP) starts this.
    """
    if verb not in verbs():
        from henkan.config.explain import suggestion

        raise UserError(f"there is no verb {verb!r}{suggestion(verb, list(verbs()))}; `henkan --help` lists them")
    make_importable(Path.cwd())
    if not composed(verb):
        result: Result | None = importlib.import_module(module_of(verb)).main(list(arguments))
        return result

    keep_freed()
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from henkan.config.quoting import quoted

    results: list[Result | None] = []
    errors: list[Exception] = []
    command = [*sys.argv[:1], verb, *arguments]

    def task(cfg: DictConfig) -> Result | None:
        from henkan.config.overrides import check_types
        from henkan.pretrained.weights import sought_in

        hydra_config = HydraConfig.get()
        try:
            with argv(command), sought_in(cfg.paths.weights):
                check_types(cfg, hydra_config.overrides.task, verb)
                results.append(importlib.import_module(module_of(verb)).main(cfg))
        except Exception as error:
            errors.append(error)
            if hydra_config.mode is not RunMode.RUN:
                raise
            # Raised below, since Hydra would print a line of its own about it.
            return None
        return results[-1]

    # Hydra names the job after the module of its task function.
    task.__module__ = f"henkan.{verb}"
    root = hydra.main(version_base="1.3", config_path=str(config_folder()), config_name=verb)
    with argv([*sys.argv[:1], *quoted(arguments)]), errors_raised(), completing(verb):
        try:
            root(task)()
        except ValueError as error:
            if error in errors:
                raise
            # Hydra's own, about the command line.
            raise UserError(str(error)) from error
    if errors:
        raise errors[0]
    return results[-1] if results else None


def killed(verb: str, cfg: DictConfig, process: int, reason: str | None) -> None:
    """Have a verb close what a process of its own left open that was killed, if it keeps a record of what it does."""
    close = getattr(importlib.import_module(module_of(verb)), "killed", None)
    if close is not None:
        close(cfg, process, reason)


@contextmanager
def argv(words: list[str]) -> Iterator[None]:
    """Set `sys.argv` for a while."""
    before, sys.argv = sys.argv, words
    try:
        yield
    finally:
        sys.argv = before


@contextmanager
def errors_raised() -> Iterator[None]:
    """Let Hydra raise errors instead of printing them; the person's own wish for tracebacks is kept in `TRACEBACK`."""
    before = {name: os.environ.get(name) for name in (TRACEBACK, "HYDRA_FULL_ERROR")}
    os.environ.setdefault(TRACEBACK, before["HYDRA_FULL_ERROR"] or "0")
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def completing(verb: str) -> Iterator[None]:
    """Take the verb out of the line that a shell asks Hydra to complete: Hydra expects a program and its overrides."""
    line = os.environ.get("COMP_LINE")
    if line is None:
        yield
        return
    program, _, rest = line.lstrip().partition(" ")
    os.environ["COMP_LINE"] = f"{program} {rest.lstrip().removeprefix(verb).lstrip()}"
    try:
        yield
    finally:
        os.environ["COMP_LINE"] = line
