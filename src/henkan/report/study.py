"""A study as its folder tells it: configurations, the sections of its report, baselines, metrics, scores."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd

from henkan.errors import UserError
from henkan.report.plan import Plan, PlannedConfiguration
from henkan.report.run import STATUSES, Run
from henkan.report.words import listed, metric

# A set-level metric scores a whole run: one row, under this name, beside the pictures' rows.
WHOLE_SET = "(all)"


@dataclass(frozen=True)
class Axis:
    """An axis of numbers: the key that they are values of, and its value of each configuration that depends on it."""

    key: str
    values: dict[str, float]


@dataclass(frozen=True)
class Study:
    """A study as its folder tells it; `plan` is study.json whole."""

    folder: Path
    plan: Plan = field(repr=False)
    runs: list[Run]

    @property
    def name(self) -> str:
        return str(self.plan.get("name", self.folder.name))

    @property
    def title(self) -> str:
        return str(self.plan.get("title") or self.name)

    @property
    def configurations(self) -> dict[str, PlannedConfiguration]:
        return dict(self.plan["configurations"])

    @property
    def seeds(self) -> list[int]:
        return [int(seed) for seed in self.plan["seeds"]]

    @cached_property
    def axis(self) -> Axis | None:
        """The axis whose values are numbers, which is shown as a curve; of several the one with the most values."""
        nodes = self.configurations
        found = []
        for key in dict.fromkeys(key for node in nodes.values() for key in node.get("point") or {}):
            values = {name: number_at(node, key) for name, node in nodes.items() if key in (node.get("point") or {})}
            numbers = {name: value for name, value in values.items() if value is not None}
            if len(numbers) == len(values) and len(set(numbers.values())) > 1:
                found.append(Axis(key, numbers))
        return max(found, key=lambda axis: len(set(axis.values.values())), default=None)

    @cached_property
    def independent(self) -> set[str]:
        """The variants that the axis of numbers does not change: at any value they are one and the same run."""
        if self.axis is None:
            return set()
        folders: dict[tuple[str, tuple[str, ...], int | None], set[Path]] = {}
        values: dict[str, set[float]] = {}
        for run in self.runs:
            node = self.configurations[run.configuration]
            place = (str(node.get("variant", run.configuration)), self.elsewhere(run.configuration), run.seed)
            folders.setdefault(place, set()).add(run.folder.absolute())
            values.setdefault(place[0], set()).add(self.axis.values[run.configuration])
        # One that is there at one value alone tells nothing about the others.
        variants = {variant for variant, own in values.items() if len(own) > 1}
        return variants - {variant for (variant, _, _), places in folders.items() if len(places) > 1}

    def elsewhere(self, configuration: str) -> tuple[str, ...]:
        """Return the point of a configuration but for its place on the axis of numbers."""
        point = self.configurations[configuration].get("point") or {}
        return tuple(str(value) for key, value in point.items() if self.axis is None or key != self.axis.key)

    @cached_property
    def sections(self) -> dict[str, Study]:
        """The parts that are reported one after the other, by title: one for each point of the study's axes.

        A part is a study of its own, whose configurations go by their variants. Without axes it is this study. An axis
        of numbers makes no parts: its values stand beside each other, and a variant that does not depend on it, once.
        """
        found: dict[str, dict[str, str]] = {}
        for name, node in self.configurations.items():
            variant = str(node.get("variant", name))
            own = found.setdefault(", ".join(self.elsewhere(name)), {})
            if self.axis is None:
                own[name] = variant
            elif variant not in self.independent:
                own[name] = f"{variant} {(node.get('point') or {})[self.axis.key]}"
            elif variant not in own.values():
                own[name] = variant
        if len(found) < 2 and self.axis is None:
            return {"": self}
        return {title: self.part(variants) for title, variants in found.items()}

    def part(self, variants: dict[str, str]) -> Study:
        """Return the study of these configurations alone, named anew."""
        nodes: dict[str, PlannedConfiguration] = {}
        for name, variant in variants.items():
            node = self.configurations[name]
            if self.axis is not None and node.get("variant") in self.independent:
                point = {key: value for key, value in (node.get("point") or {}).items() if key != self.axis.key}
                node = {**node, "point": point}
            nodes[variant] = node
        runs = [run.called(variants[run.configuration]) for run in self.runs if run.configuration in variants]
        return Study(self.folder, {**self.plan, "configurations": nodes}, runs)

    def belonging(self, seed: int) -> dict[str, Run]:
        """Return each configuration's run of a seed, or the one that it has for every seed."""
        found = {name: next((run for run in self.of(name) if run.seed in (seed, None)), None)
                 for name in self.configurations}  # fmt: skip
        return {name: run for name, run in found.items() if run is not None}

    @property
    def headline(self) -> list[str]:
        """The metrics that the study is about, as far as something has scored them."""
        return [key for key in self.plan.get("headline") or [] if key in self.metrics]

    @property
    def family(self) -> list[str]:
        """The metrics whose verdicts are corrected together: those that the study names, or its headline, or all."""
        return [key for key in self.plan.get("family") or self.headline or self.metrics if key in self.metrics]

    def folders(self, configuration: str) -> frozenset[Path]:
        """Return where the runs of a configuration lie: those of the same runs lie in the same place."""
        return self.places.get(configuration, frozenset())

    @cached_property
    def places(self) -> dict[str, frozenset[Path]]:
        """Configuration -> its runs' folders."""
        found: dict[str, set[Path]] = {}
        for run in self.runs:
            found.setdefault(run.configuration, set()).add(run.folder.absolute())
        return {name: frozenset(folders) for name, folders in found.items()}

    @property
    def directions(self) -> dict[str, str]:
        """Metric -> `higher` or `lower`, whichever is better; a metric without a direction is absent."""
        named = self.plan.get("metrics") or {}
        return {key: str(value) for key, value in named.items() if value in ("higher", "lower")}

    @property
    def targets(self) -> dict[str, float]:
        """Metric -> the value that is best, where neither high nor low is: `better: 0` in its config."""
        named = self.plan.get("metrics") or {}
        found = {key: metric(key).target for key in self.metrics}
        found |= {key: float(better) for key, better in named.items() if isinstance(better, int | float)}
        return {key: target for key, target in found.items() if target is not None and key not in self.directions}

    @cached_property
    def metrics(self) -> list[str]:
        """Every metric that a run has scored: the headline ones first, then as study.json names them."""
        named = [*(self.plan.get("headline") or []), *(self.plan.get("metrics") or {})]
        there: dict[str, None] = {}
        for run in self.runs:
            there.update(dict.fromkeys([] if run.scores is None else map(str, run.scores.columns)))
            there.update(dict.fromkeys(run.set_scores))
        return [key for key in dict.fromkeys([*named, *there]) if key in there]

    @cached_property
    def absent_metrics(self) -> dict[str, str]:
        """The metrics that could not run in some run, and why."""
        return {key: why for run in self.runs for key, why in run.absent_scores.items()}

    @cached_property
    def baselines(self) -> dict[str, str]:
        """Configuration -> the configuration it is compared with; a baseline itself is absent.

        Where axes give the baseline variant several configurations, it is the one at the same point, or the one that
        shares most overrides. Where there is nothing but the baseline variant, the axis of numbers is compared with its
        first value.
        """
        wanted, all_of_them = self.plan.get("baseline"), self.configurations
        if wanted in all_of_them:
            candidates = [str(wanted)]
        else:
            candidates = [name for name, node in all_of_them.items() if node.get("variant") == wanted]
        if not candidates:
            raise UserError(f"study {self.name}: no configuration is of the baseline variant '{wanted}'")

        if len(candidates) == len(all_of_them) and self.axis is not None:
            first = next(iter(self.axis.values.values()))
            candidates = [name for name in candidates if self.axis.values.get(name, first) == first]

        def shared(name: str, other: str) -> tuple[bool, bool, int]:
            mine, theirs = (all_of_them[key] for key in (name, other))
            common = set(mine.get("overrides") or []) & set(theirs.get("overrides") or [])
            same = mine.get("point") == theirs.get("point")
            return same, self.elsewhere(name) == self.elsewhere(other), len(common)

        return {
            name: max(candidates, key=lambda other: shared(name, other))
            for name in all_of_them
            if name not in candidates
        }

    @property
    def altered(self) -> dict[str, list[str]]:
        """Run folder -> what was edited or damaged since the run wrote it, where there is something."""
        return {run.folder.name: run.altered for run in self.runs if run.altered}

    def of(self, configuration: str) -> list[Run]:
        """The runs of one configuration, in order of seed."""
        found = [run for run in self.runs if run.configuration == configuration]
        return sorted(found, key=lambda run: -1 if run.seed is None else run.seed)

    @cached_property
    def distinct(self) -> list[tuple[str, Run]]:
        """The runs, each once, and the configurations that it is of: several where what sets them apart has no effect.

        A variant that the axis of numbers does not change goes by its name alone.
        """
        found: dict[Path, list[Run]] = {}
        for run in self.runs:
            found.setdefault(run.folder.absolute(), []).append(run)
        told = []
        for runs in found.values():
            variants = [str(self.configurations[run.configuration].get("variant", run.configuration)) for run in runs]
            names = [
                variant if variant in self.independent else run.configuration
                for variant, run in zip(variants, runs, strict=True)
            ]
            told.append((listed(dict.fromkeys(names)), min(runs, key=lambda run: STATUSES.index(run.status))))
        return told

    def count(self, status: str) -> int:
        return sum(run.status == status for _, run in self.distinct)

    def scores(self, configuration: str, metric: str) -> dict[int | None, pd.Series[float]]:
        """Seed -> the scores of one metric by picture; a set-level metric has the one row `WHOLE_SET`."""
        found: dict[int | None, pd.Series[float]] = {}
        for run in self.of(configuration):
            if run.scores is not None and metric in run.scores:
                found[run.seed] = run.scores[metric]
            elif metric in run.set_scores:
                found[run.seed] = pd.Series({WHOLE_SET: run.set_scores[metric]}, dtype=float)
        return found


def number_at(node: PlannedConfiguration, key: str) -> float | None:
    """Return the number that a point gives to `key`, as in axes: {weights.adversarial: [0.01, 0.1]}; None if none."""
    said = (node.get("point") or {}).get(key, "")
    name, _, value = said.partition("=")
    if name != key.split(".")[-1] or f"{key}={value}" not in (node.get("overrides") or []):
        return None
    try:
        return number if math.isfinite(number := float(value)) else None
    except ValueError:
        return None
