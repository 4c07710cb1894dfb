"""The command `henkan <verb> [overrides]`; it imports nothing heavy before it must.

A verb is a module (or package) of `henkan` with a function `main`: its docstring is the verb's help, the first line of
it the purpose. `main(cfg: DictConfig)` makes it a Hydra root, configured by `conf/<verb>.yaml`;
`main(arguments: list[str])` takes its command line as it is. So a new verb is one file.
"""

from __future__ import annotations

import ast
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from henkan.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omegaconf import DictConfig

PACKAGE = Path(__file__).parent
# Says that every error shows its traceback. Hydra's own HYDRA_FULL_ERROR=1 does as well.
TRACEBACK = "HENKAN_TRACEBACK"
# Where the config tree of a study's runs lies: as it was when the study began.
FROZEN = "HENKAN_CONFIG"
HELP = ("-h", "--help")


@dataclass(frozen=True)
class Verb:
    """What `henkan` can do: the name, its help, and whether Hydra composes its config."""

    name: str
    help: str
    composed: bool

    @property
    def purpose(self) -> str:
        return self.help.partition("\n")[0]


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its exit code, what it returned, and the line that says what went wrong."""

    code: int
    value: float | None = None
    error: str | None = None


def main() -> int:
    """Run the command line of this process; return its exit code."""
    words = sys.argv[1:]
    try:
        if not words or words[0] in HELP:
            print(overview(verbs()))
            return 0
        if words[0] == "--version":
            from importlib.metadata import version

            print(f"henkan {version('henkan')}")
            return 0
        if len(words) > 1 and words[0] in verbs() and words[1] in HELP:
            from henkan.usage import usage

            print(usage(verbs()[words[0]]))
            return 0
        return execute(words[0], words[1:]).code
    except KeyboardInterrupt:
        print("henkan: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader (`henkan … | head`) has gone; Python would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def execute(verb: str, arguments: Sequence[str]) -> Outcome:
    """Run a verb; errors that people can read are one line on stderr, others keep their traceback."""
    wanted = os.environ.get(TRACEBACK, os.environ.get("HYDRA_FULL_ERROR")) == "1"
    try:
        result = run(verb, arguments)
    except Exception as error:
        from henkan.composition import explain

        line, code = explain(error, verb, arguments)
        if wanted or line is None:
            traceback.print_exc()
        if line is None:
            return Outcome(1, error=f"{type(error).__name__}: {error}".partition("\n")[0])
        print(f"henkan: {line}", file=sys.stderr, flush=True)
        return Outcome(code, error=line)
    if not composed(verb):
        return Outcome(int(result or 0))
    return Outcome(0, value=None if result is None else float(result))


def run(verb: str, arguments: Sequence[str]) -> float | None:
    """Run a verb with its command line and return what its `main` returned (nothing after a multirun).

    `sys.argv` is the command of this process while `main` runs, so that what starts it again (DDP) starts this.
    """
    if verb not in verbs():
        from henkan.composition import suggestion

        raise UserError(f"there is no verb {verb!r}{suggestion(verb, list(verbs()))}; `henkan --help` lists them")
    make_importable(Path.cwd())
    if not composed(verb):
        result: float | None = importlib.import_module(f"henkan.{verb}").main(list(arguments))
        return result

    import hydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    results: list[float | None] = []
    errors: list[Exception] = []
    command = [*sys.argv[:1], verb, *arguments]

    def task(cfg: DictConfig) -> float | None:
        from henkan.check import check_types

        hydra_config = HydraConfig.get()
        try:
            with argv(command):
                check_types(cfg, hydra_config.overrides.task, verb)
                results.append(importlib.import_module(f"henkan.{verb}").main(cfg))
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
    with argv([*sys.argv[:1], *arguments]), errors_raised(), completing(verb):
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


def composed(verb: str) -> bool:
    """Whether Hydra composes the verb's config."""
    return verbs()[verb].composed


@cache
def verbs() -> dict[str, Verb]:
    """Return every verb, read from its source without importing it."""
    found = {}
    for path in sorted([*PACKAGE.glob("*.py"), *PACKAGE.glob("*/__init__.py")]):
        name = path.parent.name if path.name == "__init__.py" else path.stem
        text = path.read_text(encoding="utf-8")
        if path == Path(__file__) or "\ndef main(" not in text:
            continue
        module = ast.parse(text)
        function = next(node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == "main")
        takes_config = [argument.arg for argument in function.args.args] == ["cfg"]
        found[name] = Verb(name, ast.get_docstring(module) or "", takes_config)
    return found


def overview(known: dict[str, Verb]) -> str:
    """Return the help of `henkan` itself."""
    lines = [f"  {verb.name:<12}{verb.purpose}" for verb in known.values()]
    return "\n".join(
        [
            "henkan: experiments in learned image transformation",
            "",
            "usage: henkan <verb> [key=value | group=option ...]",
            "",
            *lines,
            "",
            "henkan <verb> --help   what it takes: groups, options, examples",
            'eval "$(henkan completion bash)"   completes verbs, groups, options and keys in this shell',
            f"{TRACEBACK}=1   shows the traceback of every error",
        ]
    )


def config_folder() -> Path:
    """Return the config tree: `henkan/conf` in an installed wheel, `conf` of the repository in a checkout."""
    if FROZEN in os.environ:
        return Path(os.environ[FROZEN])
    installed = PACKAGE / "conf"
    return installed if installed.is_dir() else PACKAGE.parents[1] / "conf"


def user_config_folder() -> Path | None:
    """Return the config tree of the working directory, if it has one of its own; a frozen tree holds both."""
    here = Path.cwd() / "conf"
    own = FROZEN not in os.environ and here.is_dir() and here.resolve() != config_folder().resolve()
    return here if own else None


@contextmanager
def frozen_config() -> Iterator[None]:
    """Compose from a copy of the config trees, here and in processes started meanwhile, so that edits wait."""
    import shutil
    import tempfile

    if FROZEN in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="henkan-conf-") as copy:
        # Henkan's own file of a name comes first, as on Hydra's search path, so it is copied last.
        for tree in (user_config_folder(), config_folder()):
            if tree is not None:
                shutil.copytree(tree, copy, dirs_exist_ok=True)
        os.environ[FROZEN] = copy
        try:
            yield
        finally:
            del os.environ[FROZEN]


def make_importable(folder: Path) -> None:
    """Let `_target_: mine.Mine` find `mine.py` in `folder`; behind all else, so that it hides nothing installed."""
    if str(folder) not in sys.path and not ("" in sys.path and folder == Path.cwd()):
        sys.path.append(str(folder))


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
