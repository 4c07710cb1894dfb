"""Check every recipe, study and option of the config tree without building anything.

Composes each recipe at each scale, each configuration of each study, points of each search that have every value of its
space between them, and each option of each group; binds every _target_ to the signature of what it names. With
overrides, checks the one configuration that they make.

  henkan check
  henkan check experiment=glcic 'loss=[mse,mine]'
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from rich.console import Console
from rich.progress import track
from rich.table import Table

from henkan.config.checks import check_config, check_types
from henkan.config.composition import compose_root
from henkan.config.explain import explain
from henkan.config.trees import config_folders, group_options
from henkan.errors import UserError


def main(arguments: list[str]) -> int:
    """Print a line for each configuration; return 2 if any is wrong."""
    named = [("these overrides", arguments)] if arguments else list(configurations())
    table = Table("configuration", "result")
    wrong = 0
    for name, overrides in track(named, "checking", console=Console(stderr=True), transient=True):
        verdict, fine = judge(overrides)
        wrong += not fine
        table.add_row(name, verdict if fine else "wrong", style=None if fine else "bold")
        if not fine:
            print(f"henkan: {name}: {verdict}", file=sys.stderr)
    Console().print(table)
    return 2 if wrong else 0


def judge(overrides: Sequence[str]) -> tuple[str, bool]:
    """Compose and check one configuration of `train`; return the verdict in words and whether it is fine."""
    try:
        cfg = compose_root("train", overrides)
        check_types(cfg, overrides)
        check_config(cfg)
    except MissingMandatoryValue as error:
        # A recipe may leave open what only the user knows.
        return f"needs {error.full_key}", True
    except (UserError, HydraException, OmegaConfBaseException) as error:
        line, _ = explain(error, "train", overrides)
        if line is None:
            raise
        return line, False
    return "fine", True


def configurations() -> Iterator[tuple[str, list[str]]]:
    """Yield the name and the overrides of everything there is to check."""
    for recipe in group_options("experiment"):
        for scale in group_options("scale"):
            yield f"{recipe} at {scale}", [f"experiment={recipe}", f"scale={scale}"]
    from henkan.config.searches import overrides_at, probes, read_search
    from henkan.config.studies import read_study

    folders = {folder.parent / "experiments" for folder in config_folders()} | {Path("experiments").resolve()}
    for file in sorted(path for folder in folders for path in folder.glob("*/study.yaml")):
        seen = set()
        for name, _, overrides in read_study(str(file), []).runs():
            if name not in seen:
                seen.add(name)
                yield f"study {file.parent.name}: {name}", overrides
    for file in sorted(path for folder in folders for path in folder.glob("*/search.yaml")):
        search = read_search(str(file), [])
        for number, point in enumerate(probes(search.space)):
            yield f"search {file.parent.name}: point {number}", search.run(overrides_at(search.space, point))
    own, *others = config_folders()
    lists = {group for group, choice in compose_defaults().items() if isinstance(choice, Sequence | list)}
    for folder in (own, *others):
        for file in sorted(folder.glob("*/*.yaml")):
            group = file.parent.name
            if folder != own and (own / group / file.name).is_file():
                raise UserError(f"{file} is hidden by henkan's own {group}={file.stem}; give it another name")
            if group not in ("experiment", "hydra", "scale"):
                yield f"{group}={file.stem}", [f"{group}=[{file.stem}]" if group in lists else f"{group}={file.stem}"]


def compose_defaults() -> dict[str, Any]:
    from henkan.config.trees import defaults

    return defaults(config_folders()[0] / "train.yaml")
