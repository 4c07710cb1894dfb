"""Reads a file of many runs, `study.yaml` or `search.yaml`, with the command line put in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from henkan.config.explain import one_line, suggestion
from henkan.config.overrides import override_key
from henkan.config.trees import config_folders, experiments_folders, groups
from henkan.config.values import Reader
from henkan.errors import UserError


@dataclass(frozen=True)
class Kind:
    """What a file of many runs may say: a study's, or a search's.

    `readers` make each setting its type, `needed` are those it cannot do without, the entries of `mappings` can be
    said one by one (variants.mse=null, axes.weights.adversarial=[0.01,0.1]), and `instead` tells what to say in place
    of what is made of its own settings for every run.
    """

    name: str
    readers: Mapping[str, Reader]
    needed: Sequence[str]
    mappings: Sequence[str]
    instead: Mapping[str, str]

    @property
    def article(self) -> str:
        return f"a {self.name}"


def read_settings(kind: Kind, file: Path, overrides: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Return what a file says, each setting of its type, the command line put in, and the overrides of its runs."""
    said = read_yaml(file)
    for key in said:
        if key not in kind.readers:
            raise UserError(f"{file}: {kind.article} has no setting {key!r}{suggestion(key, kind.readers)}")
    given, own = [], []
    for word in overrides:
        key = word.partition("=")[0]
        if key in kind.readers or key.partition(".")[0] in kind.mappings:
            own.append(word)
        else:
            check_override(kind, word)
            given.append(word)
    # A setting whole before entries of it, whichever was said first.
    for word in sorted(own, key=lambda word: word.partition("=")[0] not in kind.readers):
        key, _, value = word.partition("=")
        put(said, key, parsed(word, value))
    if absent := [key for key in kind.needed if said.get(key) is None]:
        raise UserError(f"{file} does not say {', '.join(absent)}")
    try:
        return {key: kind.readers[key](key, value) for key, value in said.items() if value is not None}, given
    except UserError as error:
        raise UserError(f"{kind.name} {name_of(file)}: {error}") from None


def name_of(file: Path) -> str:
    """Return the name of a study or a search: that of its folder."""
    return file.resolve().parent.name


def find(kind: Kind, name: str) -> Path:
    """Return the file, `study.yaml` say, that a name or a path means."""
    folders = [Path(name), *(folder / name for folder in experiments_folders())]
    files = [folder / f"{kind.name}.yaml" if folder.is_dir() else folder for folder in folders]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        known = sorted(
            {path.parent.name for folder in experiments_folders() for path in folder.glob(f"*/{kind.name}.yaml")}
        )
        raise UserError(f"there is no {kind.name} {name!r}{suggestion(name, known)}; there are {', '.join(known)}")
    return found


def read_yaml(file: Path) -> dict[str, Any]:
    """Return what a YAML file of settings says. What it interpolates stays: it is of the runs' config, not its own."""
    try:
        content = OmegaConf.create(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, OmegaConfBaseException, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read: {unreadable(error)}") from None
    if not isinstance(content, DictConfig):
        raise UserError(f"{file} must be a mapping of settings, as in recipe: glcic")
    return {str(key): value for key, value in plain(content).items()}


def plain(content: DictConfig) -> dict[Any, Any]:
    """Return a config as a plain mapping, with its interpolations as they are written."""
    found = OmegaConf.to_container(content, resolve=False)
    assert isinstance(found, dict)
    return found


def parsed(word: str, value: str) -> Any:
    """Return the value of an override of the study itself, read as YAML."""
    try:
        return plain(OmegaConf.from_dotlist([f"value={value}"]))["value"]
    except (yaml.YAMLError, OmegaConfBaseException) as error:
        raise UserError(f"cannot read {word!r}: {unreadable(error)}") from None


def unreadable(error: Exception) -> str:
    """Return what is wrong with a YAML text, and in which line of it."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem} in line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}"
    return one_line(error)


def put(said: dict[str, Any], key: str, value: Any) -> None:
    """Put a value of the command line into what a study says: a setting whole, or one entry of a mapping.

    The names of axes and variants may hold dots, so an entry's name is not split but where it names one of an axis.
    """
    setting, _, name = key.partition(".")
    if not name:
        said[setting] = value
        return
    if said.get(setting) is None:
        said[setting] = {}
    if setting == "engine" and isinstance(said[setting], str):
        said[setting] = {"name": said[setting]}
    entries = said[setting]
    if not isinstance(entries, dict):
        # The file's own fault, which its reader names.
        return
    known = {str(entry): entry for entry in entries}
    parent = next((entry for entry in known if name.startswith(f"{entry}.")), None)
    if name not in known and parent is not None and isinstance(entries[known[parent]], dict):
        entries, name = entries[known[parent]], name.removeprefix(f"{parent}.")
        known = {str(entry): entry for entry in entries}
    if value is None and name not in known:
        raise UserError(f"{key}=null leaves out nothing{suggestion(name, known)}; there are {list(known)}")
    entries[known.get(name, name)] = value


def check_override(kind: Kind, word: str) -> None:
    """Raise `UserError` for an override that says of every run what the study says, or a misspelt setting of it."""
    key, bare = word.partition("=")[0], override_key(word)
    if bare in kind.instead:
        raise UserError(f"{word}: {kind.article} gives each of its runs its {bare}: {kind.instead[bare]}")
    plainly = key.isidentifier() and "=" in word
    roots = [OmegaConf.load(folder / "train.yaml") for folder in config_folders() if (folder / "train.yaml").is_file()]
    known = [str(name) for root in roots for name in root] + groups()
    if plainly and key not in known:
        raise UserError(f"there is no key {key!r}{suggestion(key, [*kind.readers, *known])}; +{key}=… adds a new one")
