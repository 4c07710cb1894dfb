"""Starts a loss, a network, … of one's own: from a template that works, under another name."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import yaml

from henkan.config.explain import suggestion
from henkan.config.trees import group_options
from henkan.errors import UserError

TEMPLATES = Path(__file__).with_name("templates")
# Kinds are groups of the config tree; a template is called mine_KIND.
KINDS = tuple(sorted(path.stem.removeprefix("mine_") for path in TEMPLATES.glob("mine_*.yaml")))


@dataclass(frozen=True)
class Started:
    """What was written, and the command that tries it."""

    files: tuple[Path, ...]
    command: str


def start(kind: str, name: str, folder: Path) -> Started:
    """Write NAME.py, conf/KIND/NAME.yaml and tests/test_NAME.py in `folder`.

    Raises `UserError` for a kind that there is not, a name that cannot be one or that something has, and for files
    that are there; nothing is written then.
    """
    if kind not in KINDS:
        raise UserError(f"there is no template of a {kind}{suggestion(kind, KINDS)}; there are {', '.join(KINDS)}")
    check_name(kind, name, folder)
    contents = {
        folder / f"{name}.py": text(kind, f"mine_{kind}.py", name),
        folder / "conf" / kind / f"{name}.yaml": text(kind, f"mine_{kind}.yaml", name),
        folder / "tests" / f"test_{name}.py": text(kind, f"test_mine_{kind}.py", name),
    }
    if there := [path for path in contents if path.exists()]:
        raise UserError(f"{there[0].relative_to(folder)} is there already: choose another name, or remove it")
    write(contents, folder)
    command = next(line for line in contents[folder / "conf" / kind / f"{name}.yaml"].splitlines() if "henkan" in line)
    return Started(tuple(contents), command.removeprefix("# "))


def check_name(kind: str, name: str, folder: Path) -> None:
    """Raise `UserError` for a name that a module and an option cannot have, or that one has already."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name) or keyword.iskeyword(class_name(name)):
        raise UserError(f"{name!r} can be no name of a module: take small letters, digits and _, as in sharper_edges")
    if yaml.safe_load(name) != name or name in ("nan", "inf"):
        raise UserError(f"{name!r} is a value in YAML or on the command line: choose another name")
    if re.search(rf"\b{class_name(name)}\b", text(kind, f"mine_{kind}.py", f"mine_{kind}")):
        raise UserError(f"{class_name(name)} is called so in what yours would be made of: choose another name")
    if name in group_options(kind):
        raise UserError(f"there is a {kind}={name} already: choose another name")
    # Modules of the working directory come last, so one that is installed would be taken for it.
    own = (folder / f"{name}.py", folder / name)
    if not any(path.exists() for path in own) and find_spec(name) is not None:
        raise UserError(f"a module called {name} is installed already, and would hide yours: choose another name")


def text(kind: str, template: str, name: str) -> str:
    """Return a template's text under another name."""
    words = {f"mine_{kind}": name, f"Mine{kind.capitalize()}": class_name(name)}
    content = (TEMPLATES / template).read_text(encoding="utf-8")
    for word, own in words.items():
        content = content.replace(word, own)
    return content


def class_name(name: str) -> str:
    """Return what the class in a module is called: sharper_edges -> SharperEdges."""
    return "".join(part.capitalize() for part in name.split("_"))


def write(contents: dict[Path, str], folder: Path) -> None:
    """Write some files, all or none. Raises `UserError` where one cannot be written."""
    written: list[Path] = []
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Not over a file that somebody else has put there in the meantime.
            with path.open("x", encoding="utf-8") as file:
                written.append(path)
                file.write(content)
    except OSError as error:
        for path in written:
            path.unlink()
        raise UserError(f"{error.filename or folder}: {error.strerror}; nothing was written") from error
