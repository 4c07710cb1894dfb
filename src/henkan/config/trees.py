"""Where configs lie: henkan's own tree, the one in the working directory, and what their files hold."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

PACKAGE = Path(__file__).parents[1]
# Where the config tree of a study's runs lies: as it was when the study began.
FROZEN = "HENKAN_CONFIG"


def config_folder() -> Path:
    """Return the config tree: `henkan/conf` in an installed wheel, `conf` of the repository in a checkout."""
    if FROZEN in os.environ:
        return Path(os.environ[FROZEN])
    installed = PACKAGE / "conf"
    return installed if installed.is_dir() else PACKAGE.parents[1] / "conf"


def default_runs() -> Path:
    """Return where runs lie if nobody says it: as `conf/paths/default.yaml` has it."""
    content = yaml.safe_load((config_folder() / "paths" / "default.yaml").read_text(encoding="utf-8"))
    return Path(content["runs"])


def experiments_folders() -> list[Path]:
    """Return where studies and searches lie: the working directory's, then henkan's own, in a wheel or a checkout."""
    above = PACKAGE if (PACKAGE / "conf").is_dir() else PACKAGE.parents[1]
    here, own = Path("experiments"), above / "experiments"
    return [here] if here.resolve() == own else [here, own]


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
    from contextlib import ExitStack

    from henkan.config.short import write_in_full
    from henkan.errors import UserError
    from henkan.files import is_left, owner

    if FROZEN in os.environ:
        yield
        return
    with ExitStack() as stack:
        try:
            for left in filter(is_left, Path(tempfile.gettempdir()).glob("henkan-conf-*")):
                shutil.rmtree(left, ignore_errors=True)
            copy = stack.enter_context(tempfile.TemporaryDirectory(prefix="henkan-conf-", suffix=f".{owner()}"))
            # Henkan's own file of a name comes first, as on Hydra's search path, so it is copied last.
            if (users := user_config_folder()) is not None:
                shutil.copytree(users, copy, dirs_exist_ok=True)
                write_in_full(Path(copy))
            shutil.copytree(config_folder(), copy, dirs_exist_ok=True)
        except OSError as error:
            # Of a tree, shutil gathers what was refused: from, to, and the whole message.
            told = error.args[0][0][2] if isinstance(error, shutil.Error) else str(error)
            why = told.partition("] ")[2].partition(": '")[0] or told
            place = tempfile.tempdir or os.environ.get("TMPDIR", "a temporary folder")
            raise UserError(
                f"cannot copy the configs to {place}, for the runs to be composed from: {why}; "
                "free some, or choose another with TMPDIR=DIR"
            ) from error
        os.environ[FROZEN] = copy
        try:
            yield
        finally:
            del os.environ[FROZEN]


def make_importable(folder: Path) -> None:
    """Let `_target_: mine.Mine` find `mine.py` in `folder`; behind all else, so that it hides nothing installed."""
    if str(folder) not in sys.path and not ("" in sys.path and folder == Path.cwd()):
        sys.path.append(str(folder))


def config_folders() -> list[Path]:
    """Return the config trees: henkan's own, then the one in the working directory."""
    own, here = config_folder(), user_config_folder()
    return [own] if here is None else [own, here]


def groups() -> list[str]:
    """Return the config groups, but for Hydra's."""
    found = {
        file.parent.relative_to(folder).as_posix() for folder in config_folders() for file in folder.rglob("*/*.yaml")
    }
    return sorted(name for name in found if name.split("/")[0] != "hydra")


def group_options(group: str) -> list[str]:
    """Return the options of a config group."""
    if not group:
        return []
    return sorted({file.stem for folder in config_folders() for file in (folder / group).glob("*.yaml")})


def term_names() -> dict[str, list[str]]:
    """Return the names of the terms that each option of the group `loss` brings by itself."""
    found: dict[str, list[str]] = {}
    for folder in config_folders():
        for path in sorted((folder / "loss").glob("*.yaml")):
            content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
            terms = content.get("loss", content) if isinstance(content, dict) else {}
            found[path.stem] = [str(name) for name in terms or () if name != "defaults"]
    return found


def defaults(root: Path) -> dict[str, Any]:
    """Return the groups in a root's defaults list, with what is chosen in each."""
    found: dict[str, Any] = {}
    for base in extended(root):
        found |= defaults(base)
    for entry in read_defaults(root):
        if isinstance(entry, dict):
            for key, choice in entry.items():
                group = key.removeprefix("override ").removeprefix("optional ").lstrip("/").partition("@")[0]
                if not group.startswith("hydra/"):
                    found[group] = choice
    return found


def extended(root: Path) -> list[Path]:
    """Return the roots that a root names in its own defaults list."""
    names = [entry for entry in read_defaults(root) if isinstance(entry, str) and entry != "_self_"]
    return [root.with_name(f"{name}.yaml") for name in names if root.with_name(f"{name}.yaml").is_file()]


def read_defaults(root: Path) -> list[Any]:
    entries: list[Any] = (yaml.safe_load(root.read_text(encoding="utf-8")) or {}).get("defaults") or []
    return entries
