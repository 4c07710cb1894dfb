"""What `study.yaml` says: variants of a recipe, the axes that cross them, seeds, and what the report is about."""

from __future__ import annotations

import glob
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Quote, QuotedString

from henkan.config.composition import compose_root
from henkan.config.engines import Engine, engine
from henkan.config.explain import suggestion
from henkan.config.overrides import in_effect, override_key
from henkan.config.settings import Kind, find, name_of, read_settings
from henkan.config.values import commands, count, several, spelled, text, words
from henkan.errors import UserError

# What is said of runs, and makes no other study of them: where they lie, how they are shown, saved and trained.
MEANS = ("checkpoint", "hydra", "logger", "paths", "rerun", "trainer")
# Of a digest of what a study is about, so many hexadecimal digits end the name of its folder.
DIGITS = 6


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
    # The option of `experiment` that every run begins with.
    recipe: str
    # The option of `scale`: smoke, laptop, paper, or one of your own.
    scale: str
    # What is compared: a name and its overrides, `mse: ["loss=[mse]"]`; null leaves one out.
    variants: dict[str, list[str]]
    # The variant that all others are compared with.
    baseline: str
    # Every configuration is trained with each; intervals are over them.
    seeds: list[int]
    # In words, for the report; it has the folder's name without.
    title: str | None = None
    # In words, for the report.
    question: str | None = None
    # What departs from the recipe in all runs.
    overrides: list[str] = field(default_factory=list)
    # What all variants are run at: a key with its values, `weights.adversarial: [0.01, 0.1]`, or any name with names of
    # overrides; null leaves one out.
    axes: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    # Configurations that are not run, by their names in the report: a variant with its values of the axes.
    exclude: list[str] = field(default_factory=list)
    # The metrics that it is about: what the report draws, and gives its verdicts on.
    headline: list[str] = field(default_factory=list)
    # The metrics whose verdicts are corrected together (Holm); none: the headline.
    family: list[str] = field(default_factory=list)
    # The two metrics, `x` and `y`, whose plane is drawn, a point a run.
    plane: dict[str, str] | None = None
    # A line across the plane, so far below the baseline in its x. 3.01 dB below the least MSE perfect perception is
    # possible (Blau and Michaeli 2018).
    bound: float | None = None
    # Runs at once; null: one a GPU, or one where there is none.
    jobs: int | None = None
    # Where they are trained: on this machine, or by so many workers, each of which has its own `jobs` at once.
    engine: Engine = field(default_factory=Engine)
    # Commands of henkan's that are run before any training, `[[degrade, count=5000, output=pairs]]`.
    prepare: list[list[str]] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    # What ends the name of the folder, where the command line makes another study of it than its file does.
    mark: str = ""

    @property
    def configurations(self) -> dict[str, Configuration]:
        """Every variant at every point of the axes, by name, but what is excluded."""
        return {name: made for name, made in self.grid.items() if name not in self.exclude}

    @property
    def grid(self) -> dict[str, Configuration]:
        """Every variant at every point of the axes, by name."""
        found: dict[str, Configuration] = {}
        for variant, overrides in self.variants.items():
            for values in itertools.product(*self.axes.values()):
                point = dict(zip(self.axes, values, strict=True))
                chosen = [word for axis, value in point.items() for word in self.axes[axis][value]]
                if (name := " ".join([variant, *values])) in found:
                    raise UserError(f"study {self.name}: two configurations are called {name!r}: name one otherwise")
                found[name] = Configuration(variant, point, [*overrides, *chosen])
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

    @cached_property
    def folder(self) -> Path:
        """Where the study writes its report; runs lie elsewhere, since studies may share them.

        It is called by name and scale, and has a `mark` of its own where the command line says what its file does not.
        """
        _, _, overrides = next(self.runs())
        name = "-".join(filter(None, (self.name, self.scale, self.mark)))
        return Path(compose_root("train", overrides).paths.studies) / name

    @property
    def begun(self) -> list[Path]:
        """The folders that hold a study of this name and scale, whatever the command line has said besides."""
        stem, place = f"{self.name}-{self.scale}", self.folder.parent
        plans = place.glob(f"{glob.escape(stem)}*/study.json")
        own = re.compile(rf"{re.escape(stem)}(-[0-9a-f]{{{DIGITS}}})?")
        return sorted(path.parent for path in plans if own.fullmatch(path.parent.name))

    @property
    def about(self) -> list[Any]:
        """What tells the study from others of its name, however it is spelled: what its runs are told, and its report.

        Titles are not of it, nor what is `MEANS` alone.
        """
        runs = [
            (name, seed, sorted((key, value) for key, value in in_effect(words).items() if not is_means(key)))
            for name, seed, words in self.runs()
        ]
        plane = sorted((self.plane or {}).items())
        told = [self.baseline, self.headline, self.family or self.headline, plane, self.bound, self.prepare]
        return [sorted(runs, key=lambda run: run[:2]), told]

    def runs(self) -> Iterator[tuple[str, int, list[str]]]:
        """Yield every run, seed by seed, so that the report means something after the first seed."""
        for seed in self.seeds:
            for name, configuration in self.configurations.items():
                named = [word for word in configuration.overrides if word.startswith("experiment=")]
                own = [word for word in configuration.overrides if word not in named]
                recipe = named[-1] if named else f"experiment={self.recipe}"
                common = [recipe, f"scale={self.scale}", *self.overrides]
                telling = [f"study={text_of(self.name)}", f"variant={text_of(configuration.variant)}"]
                if configuration.point:
                    telling.append(f"point={point_of(configuration.point)}")
                yield name, seed, [*common, *own, f"seed={seed}", *telling, *self.given]


def is_means(key: str) -> bool:
    """Whether what an override is about makes no other study."""
    return re.split(r"[.@]", key.lstrip("~"))[0] in MEANS


def text_of(word: str) -> str:
    """Return a word as an override gives it: with quotes, unless it is a plain one."""
    is_word = re.fullmatch(r"[A-Za-z_][\w-]*", word, re.ASCII) is not None
    plain = is_word and word.lower() not in ("null", "true", "false", "nan", "inf")
    return word if plain else QuotedString(word, Quote.single).with_quotes()


def point_of(point: Mapping[str, str]) -> str:
    """Return the values of axes as an override gives them, `{weights_adversarial:0.01,pictures:photographs}`."""
    found: dict[str, str] = {}
    for axis, word in point.items():
        # Values of a key are words such as adversarial=0.01, and those of a name are themselves.
        beginning = f"{axis.split('.')[-1]}="
        value = word.removeprefix(beginning)
        is_number = word != value and re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", value, re.IGNORECASE)
        name = named(axis)
        # What is left of names of another script may be the same.
        while name in found:
            name += "_"
        found[name] = value if is_number else text_of(value)
    return "{" + ",".join(f"{name}:{value}" for name, value in found.items()) + "}"


def named(axis: str) -> str:
    """Return the name of an axis in a point: without dots, which dashboards would take for keys in keys."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", axis)


metrics = several("metrics: [psnr,ssim]")
configurations = several("configurations, by their names in the report: ['gan photographs']")


def seeds(key: str, value: Any) -> list[int]:
    fits = isinstance(value, list) and all(type(seed) is int for seed in value)
    if not fits or not value or len(set(value)) < len(value):
        raise UserError(f"{key}={value} must be a list of one or more whole numbers, each once: {key}=[0,1,2]")
    return list(value)


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
    if unquoted := [name for name in value if name is None or isinstance(name, bool)]:
        raise UserError(
            f"{key}: YAML reads a name as {spelled(key, unquoted[0])}: put on, off, yes, no, null in quotes"
        )
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
            said = [spelled(f"{key}.{axis}", one) for one in values]
            if len(set(said)) < len(said):
                raise UserError(f"{key}.{axis}={values} must have each value once")
            found[axis] = {f"{axis.split('.')[-1]}={one}": [f"{axis}={one}"] for one in said}
        elif isinstance(values, Mapping):
            found[axis] = variants(f"{key}.{axis}", values)
        else:
            raise UserError(f"{key}.{axis} must be a list of values, or a mapping of names to lists of overrides")
    return found


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
        "exclude": configurations,
        "baseline": text,
        "headline": metrics,
        "family": metrics,
        "plane": plane,
        "bound": bound,
        "seeds": seeds,
        "jobs": count,
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
    check_words(study)
    check_axes(study)
    plain = plain_of(study) if overrides else study
    check_exclude(study, plain)
    return replace(study, mark=mark_of(study, plain)) if overrides else study


def check_words(study: Study) -> None:
    """Raise `UserError` for an override of the file that says of every run what the study itself says."""
    said = [study.overrides, *study.variants.values()]
    said += [own for values in study.axes.values() for own in values.values()]
    for own in said:
        for word in own:
            key = override_key(word)
            if key in (*STUDY.instead, "scale") and key != "experiment":
                raise UserError(f"study {study.name}: {word}: {STUDY.instead.get(key, 'say scale in study.yaml')}")


def plain_of(study: Study) -> Study | None:
    """Return the study as its file says it, at the same scale; None where by itself the file is no study."""
    try:
        settings, _ = read_settings(STUDY, study.file, [])
        return Study(name=study.name, file=study.file, **{**settings, "scale": study.scale})
    except UserError:
        return None


def mark_of(study: Study, plain: Study | None) -> str:
    """Return what marks a study that the command line has made another one than its file, else nothing.

    All that the command line makes of a file that is no study by itself are others.
    """
    if plain is not None and plain.about == study.about:
        return ""
    return blake2b(repr(study.about).encode(), digest_size=DIGITS // 2).hexdigest()


def check_exclude(study: Study, plain: Study | None) -> None:
    """Raise `UserError` for a name that nothing has, or a configuration that others are compared with.

    What the command line has left out may still be named.
    """
    known = {**(plain.grid if plain is not None else {}), **study.grid}
    for name in study.exclude:
        if name not in known:
            raise UserError(
                f"study {study.name}: exclude names {name!r}, which is no configuration{suggestion(name, known)}"
            )
        if known[name].variant == study.baseline:
            raise UserError(f"study {study.name}: exclude names {name!r}, of the baseline, which others need")


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
    for name, overrides in study.variants.items():
        for key in keys_of([overrides]):
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
