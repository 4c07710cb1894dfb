"""Check every recipe, study and option of the config tree; try what is yours on a little picture.

Composes each recipe at each scale, each configuration of each study, points of each search that have every value of its
space between them, and each option of each group; binds every _target_ to the signature of what it names. Losses,
networks, metrics, degradations, data, tasks and recipes of your own conf/ are built, too, and tried: one iteration on a
few little pictures (recipes: on their own data), in the first situation that they fit. all=true tries henkan's own as
well. With overrides, checks and tries the one configuration that they make.

  henkan check
  henkan check all=true
  henkan check experiment=glcic 'loss=[mse,mine]'
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from hydra.errors import HydraException
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from rich.console import Console
from rich.progress import track
from rich.table import Table

from henkan.config.checks import check_config
from henkan.config.composition import compose_root
from henkan.config.explain import explain
from henkan.config.overrides import check_types
from henkan.config.trees import config_folders, defaults, experiments_folders, group_options
from henkan.errors import UserError
from henkan.saying import say


def main(arguments: list[str]) -> int:
    """Print a line for each configuration; return 2 if any is wrong."""
    everything = arguments == ["all=true"]
    named: list[tuple[str, Callable[[], Verdict]]]
    if arguments and not everything:
        named = [("these overrides", partial(judge_and_try, arguments))]
    else:
        named = [(name, partial(judge, overrides)) for name, overrides in configurations()]
        named += list(trials(everything))
    table = Table("configuration", "result")
    wrong = 0
    for name, judged in track(named, "checking", console=Console(stderr=True), transient=True):
        verdict, fine = judged()
        wrong += not fine
        table.add_row(name, verdict if fine else "wrong", style=None if fine else "bold")
        if not fine:
            say(f"{name}: {verdict}")
    # Names may look like markup: loss=[mse].
    Console(markup=False).print(table)
    return 2 if wrong else 0


Verdict = tuple[str, bool]
"""What is to be said of a configuration, and whether it is fine."""


def judge(overrides: Sequence[str]) -> Verdict:
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


def judge_and_try(overrides: Sequence[str]) -> Verdict:
    """Judge a configuration and, where nothing is left open, try one iteration of it at the smallest scale."""
    verdict, fine = judge(overrides)
    if verdict != "fine":
        return verdict, fine
    from henkan.trying.options import tried_run

    try:
        tried_run(overrides)
    except UserError as error:
        return str(error), False
    return "fine: an iteration of it was tried", True


def try_option(group: str, option: str) -> Verdict:
    """Try an option of the working directory or of henkan in the situations that there are."""
    from henkan.trying.options import tried

    if not (judged := judge([choice(group, option)]))[1] or judged[0] != "fine":
        return judged
    try:
        situation = tried(group, option)
    except UserError as error:
        return str(error), False
    return f"fine: tried with {situation}" if situation else "fine: tried", True


def trials(everything: bool) -> Iterator[tuple[str, Callable[[], Verdict]]]:
    """Yield the name of what is to be tried, and what tries it: what is the person's own, or everything."""
    from henkan.trying.options import CHOICES

    for folder in config_folders() if everything else config_folders()[1:]:
        for file in sorted(folder.glob("*/*.yaml")):
            group, option = file.parent.name, file.stem
            if group in CHOICES:
                yield f"{group}={option}, tried", partial(try_option, group, option)
            elif group == "experiment":
                yield f"{option}, tried", partial(judge_and_try, [f"experiment={option}", "scale=smoke"])


def configurations() -> Iterator[tuple[str, list[str]]]:
    """Yield the name and the overrides of everything there is to check."""
    for recipe in group_options("experiment"):
        for scale in group_options("scale"):
            yield f"{recipe} at {scale}", [f"experiment={recipe}", f"scale={scale}"]
    from henkan.config.searches import overrides_at, probes, read_search
    from henkan.config.studies import read_study

    folders = experiments_folders()
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
    for folder in (own, *others):
        for file in sorted(folder.glob("*/*.yaml")):
            group = file.parent.name
            if folder != own and (own / group / file.name).is_file():
                raise UserError(f"{file} is hidden by henkan's own {group}={file.stem}; give it another name")
            if group not in ("experiment", "hydra", "scale"):
                yield f"{group}={file.stem}", [choice(group, file.stem)]


def choice(group: str, option: str) -> str:
    """Return how an option is chosen: in a list, where its group is one."""
    default = defaults(config_folders()[0] / "train.yaml").get(group)
    return f"{group}=[{option}]" if isinstance(default, list) else f"{group}={option}"
