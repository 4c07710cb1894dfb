"""What `study.yaml` says, with the command line put in: every value of its type, or one line about it.

`Kind` and what reads one serve `search.yaml` too; see `henkan.config.searches`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.types import Quote, QuotedString
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from henkan.config.composition import compose_root
from henkan.config.engines import Engine, engine
from henkan.config.explain import one_line, suggestion
from henkan.config.trees import config_folders, experiments_folders, groups
from henkan.errors import UserError


@dataclass(frozen=True)
class Configuration:
    """A variant at one point of the axes: axis → value, in words, and the overrides that make both."""

    variant: str
    point: dict[str, str]
    overrides: list[str]


@dataclass(frozen=True, kw_only=True)
class Study:
    """What a study says.

    `variants` maps names to overrides, `axes` an axis to its values, in words, and those to overrides. `overrides` are
    of every run, and after those of its configuration come the `given` ones of the command line. A value of an axis, or
    a variant, may name a recipe of its own: `experiment=NAME` among its overrides.
    """

    name: str
    file: Path
    recipe: str
    scale: str
    variants: dict[str, list[str]]
    baseline: str
    seeds: list[int]
    title: str | None = None
    question: str | None = None
    overrides: list[str] = field(default_factory=list)
    axes: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    headline: list[str] = field(default_factory=list)
    # The metrics whose verdicts are corrected together (Holm); none: the headline.
    family: list[str] = field(default_factory=list)
    plane: dict[str, str] | None = None
    # A line across the plane, so far below the baseline in its x. 3.01 dB below the least MSE perfect perception is
    # possible (Blau and Michaeli 2018).
    bound: float | None = None
    # Runs at once; null: one a GPU, or one where there is none.
    jobs: int | None = None
    # Where they are trained: on this machine, or by so many workers, each of which has its own `jobs` at once.
    engine: Engine = field(default_factory=Engine)
    prepare: list[list[str]] = field(default_factory=list)
    given: list[str] = field(default_factory=list)

    @property
    def configurations(self) -> dict[str, Configuration]:
        """Every variant at every point of the axes, by name."""
        found: dict[str, Configuration] = {}
        for variant, overrides in self.variants.items():
            for values in itertools.product(*self.axes.values()):
                point = dict(zip(self.axes, values, strict=True))
                chosen = [word for axis, value in point.items() for word in self.axes[axis][value]]
                found[" ".join([variant, *values])] = Configuration(variant, point, [*overrides, *chosen])
        return found

    @property
    def facts(self) -> dict[str, Any]:
        """What `study.json` says of the study, whichever of its runs there are."""
        return {
            "title": self.title,
            "question": self.question,
            "recipe": self.recipe,
            "scale": self.scale,
            "baseline": self.baseline,
            "headline": self.headline,
            "family": self.family,
            "plane": self.plane,
            "bound": self.bound,
            "name": self.name,
            "seeds": self.seeds,
            "configurations": {name: asdict(made) for name, made in self.configurations.items()},
            "overrides": [*self.overrides, *self.given],
        }

    @property
    def folder(self) -> Path:
        """Where the study writes its report; runs lie elsewhere, since studies may share them."""
        _, _, overrides = next(self.runs())
        return Path(compose_root("train", overrides).paths.studies) / f"{self.name}-{self.scale}"

    def runs(self) -> Iterator[tuple[str, int, list[str]]]:
        """Yield every run, seed by seed, so that the report means something after the first seed."""
        for seed in self.seeds:
            for name, configuration in self.configurations.items():
                named = [word for word in configuration.overrides if word.startswith("experiment=")]
                own = [word for word in configuration.overrides if word not in named]
                recipe = named[-1] if named else f"experiment={self.recipe}"
                common = [recipe, f"scale={self.scale}", *self.overrides]
                telling = [f"study={self.name}", f"variant={text_of(configuration.variant)}"]
                if configuration.point:
                    telling.append(f"point={point_of(configuration.point)}")
                yield name, seed, [*common, *own, f"seed={seed}", *telling, *self.given]


def text_of(word: str) -> str:
    """Return a word as an override gives it: with quotes, unless it is a plain one."""
    plain = re.fullmatch(r"[A-Za-z_][\w-]*", word, re.ASCII) and word.lower() not in (
        "null",
        "true",
        "false",
        "nan",
        "inf",
    )
    return word if plain else QuotedString(word, Quote.single).with_quotes()


def point_of(point: Mapping[str, str]) -> str:
    """Return the values of axes as an override gives them, `{weights_adversarial:0.01,pictures:photographs}`."""
    found = []
    for axis, word in point.items():
        # Values of a key are words such as adversarial=0.01, and those of a name are themselves.
        beginning = f"{axis.split('.')[-1]}="
        value = word.removeprefix(beginning)
        is_number = word != value and re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", value, re.IGNORECASE)
        found.append(f"{named(axis)}:{value if is_number else text_of(value)}")
    return "{" + ",".join(found) + "}"


def named(axis: str) -> str:
    """Return the name of an axis in a point: without dots, which dashboards would take for keys in keys."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", axis)


def text(key: str, value: Any) -> str:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise UserError(f"{key}={value} must be text")
    return str(value)


def words(key: str, value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise UserError(f"{key} must be a list of overrides: [data=openmoji]")
    return list(value)


def metrics(key: str, value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise UserError(f"{key}={value} must be a list of metrics: {key}=[psnr,ssim]")
    return list(value)


def commands(key: str, value: Any) -> list[list[str]]:
    fits = isinstance(value, list) and all(isinstance(command, list) and command for command in value)
    if not fits or not all(isinstance(word, str) for command in value for word in command):
        raise UserError(f"{key} must be a list of commands: [[degrade, count=5000, output=pairs]]")
    return [list(command) for command in value]


def seeds(key: str, value: Any) -> list[int]:
    fits = isinstance(value, list) and all(type(seed) is int for seed in value)
    if not fits or not value or len(set(value)) < len(value):
        raise UserError(f"{key}={value} must be a list of one or more whole numbers, each once: {key}=[0,1,2]")
    return list(value)


def jobs(key: str, value: Any) -> int:
    if type(value) is not int or value < 1:
        raise UserError(f"{key}={value} must be a whole number, 1 or more: so many runs at once")
    return value


def plane(key: str, value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or set(value) != {"x", "y"}:
        raise UserError(f"{key}={value} must name a metric for each direction: {key}={{x: psnr, y: kid_lite0}}")
    return {name: text(f"{key}.{name}", value[name]) for name in ("x", "y")}


def bound(key: str, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
        raise UserError(f"{key}={value} must be a number above 0, in units of the plane's x: {key}=3.01")
    return float(value)


def variants(key: str, value: Any) -> dict[str, list[str]]:
    """Read name → overrides (null: left out)."""
    if not isinstance(value, Mapping):
        raise UserError(f"{key} must be a mapping of names to lists of overrides: {{gan: [loss=[mse,adversarial]]}}")
    found = {str(name): words(f"{key}.{name}", given) for name, given in value.items() if given is not None}
    if not found:
        raise UserError(f"{key} has no value left")
    return found


def axes(key: str, value: Any) -> dict[str, dict[str, list[str]]]:
    """Read axis → its values: of a key a list, of any name a mapping of names to overrides (null: left out)."""
    if not isinstance(value, Mapping):
        raise UserError(f"{key} must be a mapping: {{weights.adversarial: [0.01, 0.1]}}")
    found = {}
    for axis, values in ((str(axis), values) for axis, values in value.items() if values is not None):
        if isinstance(values, list) and values:
            said = ["null" if one is None else str(one) for one in values]
            found[axis] = {f"{axis.split('.')[-1]}={one}": [f"{axis}={one}"] for one in said}
        elif isinstance(values, Mapping):
            found[axis] = variants(f"{key}.{axis}", values)
        else:
            raise UserError(f"{key}.{axis} must be a list of values, or a mapping of names to lists of overrides")
    return found


@dataclass(frozen=True)
class Kind:
    """What a file of many runs may say: a study's, or a search's.

    `readers` make each setting its type, `needed` are those it cannot do without, the entries of `mappings` can be
    said one by one (variants.mse=null, axes.weights.adversarial=[0.01,0.1]), and `instead` tells what to say in place
    of what is made of its own settings for every run.
    """

    name: str
    readers: Mapping[str, Callable[[str, Any], Any]]
    needed: Sequence[str]
    mappings: Sequence[str]
    instead: Mapping[str, str]

    @property
    def article(self) -> str:
        return f"a {self.name}"


STUDY = Kind(
    "study",
    {
        "title": text,
        "question": text,
        "recipe": text,
        "scale": text,
        "overrides": words,
        "variants": variants,
        "axes": axes,
        "baseline": text,
        "headline": metrics,
        "family": metrics,
        "plane": plane,
        "bound": bound,
        "seeds": seeds,
        "jobs": jobs,
        "engine": engine,
        "prepare": commands,
    },
    needed=("recipe", "scale", "variants", "baseline", "seeds"),
    mappings=("variants", "axes", "plane", "engine"),
    instead={
        "seed": "say seeds=[0,1]",
        "experiment": "say recipe=glcic",
        "study": "it is the name of the study's folder",
        "variant": "it is what variants names them",
        "point": "it is what axes makes of it",
    },
)


def read_study(name: str, overrides: Sequence[str]) -> Study:
    """Read a study by the name of its folder in `experiments/`, or by path, with the overrides of the command line.

    Raises `UserError` for a study that is not there, cannot be read or says what does not fit.
    """
    file = find(STUDY, name)
    settings, given = read_settings(STUDY, file, overrides)
    study = Study(name=name_of(file), file=file, given=given, **settings)
    if study.baseline not in study.variants:
        near = suggestion(study.baseline, study.variants)
        raise UserError(f"study {study.name}: the baseline {study.baseline!r} is none of {list(study.variants)}{near}")
    check_axes(study)
    return study


def check_axes(study: Study) -> None:
    """Raise `UserError` where two parts of a study say the same key: one of them would silently have no effect."""
    varied: dict[str, str] = {}
    for axis, values in study.axes.items():
        for key in keys_of(values.values()):
            if key in varied:
                raise UserError(
                    f"study {study.name}: axes.{varied[key]} and axes.{axis} both say {key}, and a run has one"
                )
        varied |= dict.fromkeys(keys_of(values.values()), axis)
    for name, words in study.variants.items():
        for key in keys_of([words]):
            if key in varied:
                raise UserError(
                    f"study {study.name}: variants.{name} and axes.{varied[key]} both say {key}, and a run has one"
                )
    for word in study.given:
        for key in keys_of([[word]]):
            if key in varied:
                raise UserError(
                    f"{word}: axes.{varied[key]} says it of each run; axes.{varied[key]}=null leaves that out"
                )


def keys_of(lists: Iterable[list[str]]) -> list[str]:
    """Return the keys and groups that overrides are about, each once."""
    return list(dict.fromkeys(word.lstrip("+~").partition("=")[0] for words in lists for word in words))


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
    key = word.partition("=")[0]
    if key in kind.instead:
        raise UserError(f"{word}: {kind.article} gives each of its runs its {key}: {kind.instead[key]}")
    plainly = key.isidentifier() and "=" in word
    roots = [OmegaConf.load(folder / "train.yaml") for folder in config_folders() if (folder / "train.yaml").is_file()]
    known = [str(name) for root in roots for name in root] + groups()
    if plainly and key not in known:
        raise UserError(f"there is no key {key!r}{suggestion(key, [*kind.readers, *known])}; +{key}=… adds a new one")
