"""What `search.yaml` says: a recipe, the space of its settings that is searched, and by which scores of validation."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from henkan.config.engines import Engine, engine
from henkan.config.explain import suggestion
from henkan.config.overrides import override_key
from henkan.config.settings import Kind, find, name_of, read_settings
from henkan.config.studies import text_of, variants
from henkan.config.values import commands, count, none_or_more, spelled, text, words
from henkan.errors import UserError

# Of a number that is tried, so that commands and folders stay readable.
SIGNIFICANT_DIGITS = 4
RANGE = ("low", "high", "log", "step", "when")
CHOICE = ("choices", "when")
# What a search writes into its folder beside its storage: a row a trial, and what is better of each objective.
TRIALS, ASKED = "trials.csv", "directions.json"
# What stands in trials.csv beside objectives and parameters.
COLUMNS = ("trial", "status", "front", "folder", "overrides", "error")
DIRECTIONS = {"maximize": "higher", "minimize": "lower"}
Value = float | int | str
"""What a dimension has at a point: a number of a range, the name of a choice."""


@dataclass(frozen=True)
class Dimension(ABC):
    """What is varied under a name. It has a value only `when` each of these choices is one of those named."""

    name: str
    when: Mapping[str, Sequence[str]] = field(kw_only=True, default_factory=dict)

    def applies(self, point: Mapping[str, Value]) -> bool:
        return all(name in point and point[name] in values for name, values in self.when.items())

    @abstractmethod
    def overrides(self, value: Value) -> list[str]:
        """Return what gives a run this value."""

    @abstractmethod
    def ends(self) -> list[Value]:
        """Return the values that show whether all can be composed."""

    @property
    def words(self) -> list[str]:
        """The overrides of those values."""
        return [word for value in self.ends() for word in self.overrides(value)]


@dataclass(frozen=True)
class Range(Dimension):
    """Numbers from `low` to `high`, whole ones where both are, in steps or with their logarithms spread evenly."""

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def __str__(self) -> str:
        step = f" in steps of {self.step}" if self.step is not None else ", whole" if self.whole else ""
        return f"{self.low} to {self.high}{step}{', by the logarithm' if self.log else ''}"

    @property
    def whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    def overrides(self, value: Value) -> list[str]:
        return [f"{self.name}={self.rounded(float(value))}"]

    def rounded(self, value: float) -> float | int:
        """Return a number with few digits, within the range."""
        if self.whole:
            return int(value)
        digits = f"{value:.{SIGNIFICANT_DIGITS}g}"
        if self.step is not None:
            # A step has digits of its own, and no two of them are one value.
            digits = f"{self.low + self.step * round((value - self.low) / self.step):.12g}"
        return float(min(max(float(digits), self.low), self.high))

    def ends(self) -> list[Value]:
        return [self.low, self.high]


@dataclass(frozen=True)
class Choice(Dimension):
    """One of some options, by name: a value of the key that the dimension is called by, or overrides."""

    options: Mapping[str, Sequence[str]]

    def __str__(self) -> str:
        return " | ".join(self.options)

    def overrides(self, value: Value) -> list[str]:
        return list(self.options[str(value)])

    def ends(self) -> list[Value]:
        return list(self.options)


Space = Mapping[str, Dimension]
"""By name, each after those that it depends on."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """What a search says; `given` are the overrides of the command line, after all others in each run.

    `objectives` are logged values of validation with their goal (null: the metric's own direction).
    """

    name: str
    file: Path
    # The option of `experiment` that every trial begins with.
    recipe: str
    # The option of `scale`: smoke, laptop, paper, or one of your own.
    scale: str
    # What is varied: a key with a list of values, or with a range `{low: …, high: …}`, by its logarithm with
    # `log: true`, in steps with `step: …`; or any name with `{choices: {name: [overrides]}}`. `when: {kind: [gan]}`
    # gives it a value only where that choice is one of these. null leaves one out.
    space: Space
    # Scores of validation, `[val/psnr]`; `{val/colorfulness: maximize}` where the metric does not say what is better,
    # `{val/colorfulness_gap: 0}` where that is to come near to a number.
    objectives: dict[str, str | float | None]
    # How many in all, those of earlier calls included.
    trials: int
    # In words, for the study that it ends with.
    title: str | None = None
    # In words, for the study that it ends with.
    question: str | None = None
    # What departs from the recipe in all trials.
    overrides: list[str] = field(default_factory=list)
    # Runs at once; null: one a GPU, or one where there is none.
    jobs: int | None = None
    # Where they are trained: on this machine, or by so many workers, each of which has its own `jobs` at once.
    engine: Engine = field(default_factory=Engine)
    # What chooses the next trial: tpe, random, gp or nsgaii, or `{name: tpe, …}` with settings of Optuna's.
    sampler: dict[str, Any] = field(default_factory=lambda: {"name": "tpe"})
    # What ends a trial that is behind: none, median, percentile, halving, hyperband or threshold, in the same way.
    pruner: dict[str, Any] = field(default_factory=lambda: {"name": "none"})
    # That every trial is trained with.
    seed: int = 0
    # How many are trained in the study that it ends with.
    winners: int = 3
    # An address that Optuna takes, or a journal file; null: one in the search's folder.
    storage: str | None = None
    # Commands of henkan's that are run before any trial, `[[degrade, count=5000, output=pairs]]`.
    prepare: list[list[str]] = field(default_factory=list)
    given: list[str] = field(default_factory=list)

    def run(self, words: Sequence[str]) -> list[str]:
        """Return the overrides of the run that tries these; of none: the recipe as it is. The test split is not met."""
        common = [f"experiment={self.recipe}", f"scale={self.scale}", *self.overrides]
        return [
            *common,
            *words,
            f"seed={self.seed}",
            f"study={text_of(self.name)}",
            *self.given,
            "evaluation.split=null",
        ]


def overrides_at(space: Space, point: Mapping[str, Value]) -> list[str]:
    """Return the overrides of a point of the space."""
    return [word for name, value in point.items() for word in space[name].overrides(value)]


def probes(space: Space) -> Iterator[dict[str, Value]]:
    """Yield points that have between them every choice, and both ends of every range."""
    left = {(name, value) for name, dimension in space.items() for value in dimension.ends()}
    while left:
        wanted = min(left, key=lambda pair: (list(space).index(pair[0]), space[pair[0]].ends().index(pair[1])))
        needed: dict[str, Sequence[Value]] = {wanted[0]: [wanted[1]]}
        for name in reversed(list(space)):
            if name in needed:
                for key, allowed in space[name].when.items():
                    # A condition of its own may leave fewer of those that what depends on it needs.
                    fewer: list[Value] = [value for value in needed.get(key, allowed) if value in allowed]
                    needed[key] = fewer or allowed
        point: dict[str, Value] = {}
        for name, dimension in space.items():
            if dimension.applies(point):
                values = needed.get(name, dimension.ends())
                point[name] = next((value for value in values if (name, value) in left), values[0])
        # What cannot be met (two conditions that exclude each other) is left out, so that this comes to its end.
        left -= {wanted, *point.items()}
        yield point


def space(key: str, value: Any) -> dict[str, Dimension]:
    """Read name → range or choices (null: left out), and put each after those that it depends on."""
    if not isinstance(value, Mapping):
        raise UserError(f"{key} must be a mapping: {{weights.adversarial: {{low: 1e-4, high: 0.1, log: true}}}}")
    found = {str(name): dimension(f"{key}.{name}", str(name), node) for name, node in value.items() if node is not None}
    if not found:
        raise UserError(f"{key} has no dimension left")
    for name, one in found.items():
        for other, values in one.when.items():
            if other not in found:
                raise UserError(f"{key}.{name}.when: there is no dimension {other!r}{suggestion(other, found)}")
            parent = found[other]
            if not isinstance(parent, Choice):
                raise UserError(f"{key}.{name}.when.{other}: it is a range; a condition is about choices")
            for chosen in values:
                if chosen not in parent.options:
                    near = suggestion(chosen, parent.options)
                    raise UserError(f"{key}.{name}.when.{other}: {chosen!r} is none of {list(parent.options)}{near}")
    ordered: dict[str, Dimension] = {}
    while len(ordered) < len(found):
        ready = [name for name, one in found.items() if name not in ordered and set(one.when) <= set(ordered)]
        if not ready:
            raise UserError(
                f"{key}: {' and '.join(name for name in found if name not in ordered)} depend on each other"
            )
        ordered[ready[0]] = found[ready[0]]
    return ordered


def dimension(key: str, name: str, node: Any) -> Dimension:
    """Read a range, or choices."""
    bare = override_key(name)
    if name in COLUMNS:
        raise UserError(f"{key}: {TRIALS} has a column of this name: choose another one")
    if bare in TAKEN:
        raise UserError(f"{key}: a search gives each of its runs its {bare}: {TAKEN[bare]}")
    if isinstance(node, list):
        node = {"choices": node}
    if not isinstance(node, Mapping) or not ({"low", "high"} <= set(node) or "choices" in node):
        raise UserError(f"{key} must be a list of choices, {{choices: …}} or a range {{low: 0.01, high: 1.0}}")
    known = CHOICE if "choices" in node else RANGE
    for setting in node:
        if setting not in known:
            raise UserError(f"{key} has no setting {setting!r}{suggestion(str(setting), known)}")
    when = conditions(f"{key}.when", node.get("when"))
    if "choices" in node:
        return Choice(name, options(f"{key}.choices", name, node["choices"]), when=when)
    low, high = finite(f"{key}.low", node["low"]), finite(f"{key}.high", node["high"])
    step = None if node.get("step") is None else finite(f"{key}.step", node["step"])
    log = node.get("log") or False
    if not isinstance(log, bool):
        raise UserError(f"{key}.log={log} must be true or false")
    if low > high:
        raise UserError(f"{key}: low={low} is above high={high}")
    if log and low <= 0:
        raise UserError(f"{key}: low={low} has no logarithm; take one above 0, or log=false")
    if step is not None and (log or not 0 < step <= high - low):
        raise UserError(f"{key}: step={step} must lie between 0 and {high - low}, and does not go with log=true")
    if not all(isinstance(one, int) for one in (low, high, 1 if step is None else step)):
        low, high, step = float(low), float(high), None if step is None else float(step)
    return Range(name, low, high, log, step, when=when)


def finite(key: str, value: Any) -> float:
    """Read a number, whole or not."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise UserError(f"{key}={value} must be a number")
    return value


def options(key: str, name: str, value: Any) -> dict[str, list[str]]:
    """Read the values of a key as a list, or names with their overrides."""
    if isinstance(value, Mapping):
        return variants(key, value)
    if not isinstance(value, list) or not value:
        raise UserError(f"{key} must be a list of values, or a mapping of names to lists of overrides")
    said = [spelled(key, one) for one in value]
    if len(set(said)) < len(said):
        raise UserError(f"{key}={value} must have each choice once")
    return {one: [f"{name}={one}"] for one in said}


def conditions(key: str, value: Any) -> dict[str, list[str]]:
    """Read name → choices of it; one may stand alone."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UserError(f"{key} must be a mapping of names to lists of choices: {{loss: [gan]}}")
    return {
        str(name): [spelled(key, one) for one in (chosen if isinstance(chosen, list) else [chosen])]
        for name, chosen in value.items()
    }


def objectives(key: str, value: Any) -> dict[str, str | float | None]:
    """Read scores of validation, each with `maximize`, `minimize` or what to come near to; null: as the metric says."""
    if isinstance(value, list):
        value = dict.fromkeys(map(str, value)) if len({*map(str, value)}) == len(value) else None
    if not isinstance(value, Mapping) or not value:
        raise UserError(f"{key} must be a list of scores, each once, or a mapping: {{val/psnr: maximize}}")
    found: dict[str, str | float | None] = {}
    for name, goal in value.items():
        near = isinstance(goal, int | float) and not isinstance(goal, bool) and math.isfinite(goal)
        if not (near or goal is None or (isinstance(goal, str) and goal in DIRECTIONS)):
            raise UserError(
                f"{key}.{name}={goal} must be {' or '.join(DIRECTIONS)}, a number to come near to, or null for the "
                "metric's own"
            )
        # As it is logged; a metric's name alone means no other.
        found[str(name) if "/" in str(name) else f"val/{name}"] = float(goal) if near else goal
    return found


def better_of(goal: str | float) -> str | float:
    """Return what is better of an objective: `higher`, `lower`, or what is nearer to this number."""
    return goal if isinstance(goal, float) else DIRECTIONS[goal]


def method(key: str, value: Any) -> dict[str, Any]:
    """Read a name, alone or with settings."""
    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        raise UserError(
            f"{key} must be a name, or a mapping with one: {{name: {'median' if key == 'pruner' else 'tpe'}}}"
        )
    return {str(name): setting for name, setting in value.items()}


def address(key: str, value: Any) -> str:
    """Read an address, in which ${oc.env:NAME} keeps a password out of the file."""
    try:
        return text(key, OmegaConf.create({key: value})[key])
    except OmegaConfBaseException as error:
        raise UserError(f"{key}: {str(error).splitlines()[0]}") from None


# What a search makes of its own settings for every run.
TAKEN = {
    "seed": "say seed in search.yaml; the study of the winners has other ones",
    "seeds": "say seed; the study of the winners has other ones",
    "experiment": "say recipe=glcic",
    "scale": "say scale in search.yaml",
    "study": "it is the name of the search's folder",
    "evaluation.split": "none, so that the test is not looked at; the study of the winners scores on it",
    "objective": "say objectives in search.yaml",
}
SEARCH = Kind(
    "search",
    {
        "title": text,
        "question": text,
        "recipe": text,
        "scale": text,
        "overrides": words,
        "space": space,
        "objectives": objectives,
        "trials": count,
        "jobs": count,
        "engine": engine,
        "sampler": method,
        "pruner": method,
        "seed": none_or_more,
        "winners": count,
        "storage": address,
        "prepare": commands,
    },
    needed=("recipe", "scale", "space", "objectives", "trials"),
    mappings=("space", "engine"),
    instead=TAKEN,
)


def read_search(name: str, overrides: Sequence[str]) -> Search:
    """Read a search by the name of its folder in `experiments/`, or by path, with the overrides of the command line.

    Raises `UserError` for a search that is not there, cannot be read or says what does not fit.
    """
    file = find(SEARCH, name)
    settings, given = read_settings(SEARCH, file, overrides)
    search = Search(name=name_of(file), file=file, given=given, **settings)
    varied = {override_key(word): name for name, one in search.space.items() for word in one.words}
    for word in [*search.overrides, *varied]:
        if (key := override_key(word)) in TAKEN:
            raise UserError(f"search {search.name}: {word}: a search gives each of its runs its {key}: {TAKEN[key]}")
    for word in given:
        if (key := override_key(word)) in varied:
            raise UserError(f"{word}: the search varies it; space.{varied[key]}=null leaves that out")
    return search
