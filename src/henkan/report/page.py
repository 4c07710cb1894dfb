"""The page: one HTML file that asks for nothing outside its folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property

import pandas as pd
import yaml
from markupsafe import Markup

from henkan.report import words
from henkan.report.answer import SYMBOLS, Answer, answer, digits_of, identical, interval_words, pictures_of, power
from henkan.report.beside import Beside
from henkan.report.comparisons import Comparison, comparisons
from henkan.report.effects import effect_lines
from henkan.report.figures import curves, palette
from henkan.report.figures.chart import Chart
from henkan.report.figures.curves import GROUPS
from henkan.report.front import pareto
from henkan.report.pictures import Gallery
from henkan.report.run import STATUSES, Run
from henkan.report.statistics import OVER_IMAGES, WITHOUT_SEEDS
from henkan.report.study import Study
from henkan.report.templates import template
from henkan.report.votes import Opinion, between, opinion, percent

# What a page is at most, whatever the study: more is slow to open on a phone, and no mail takes it.
PAGE_BYTES = 19_000_000
# Charts in the page, in bytes; what is beyond is shown from its file.
CHART_BYTES = 8_000_000
# What a table has at most: with more, it is of the first metrics alone.
CELLS, FIRST = 20_000, 3
# What a config says of whole pictures: `henkan.scoring.evaluation_set.WHOLE`, which would load torch.
WHOLE = "whole"
# Fewer pictures are told to be few.
FEW = 30
UNCOMMITTED = " with uncommitted changes"


@dataclass(frozen=True)
class Column:
    """A metric as a column of the table."""

    key: str
    metric: words.Metric
    better: str | None
    headline: bool

    @classmethod
    def of(cls, study: Study, key: str) -> Column:
        closer = f"closer to {study.targets[key]:g}" if key in study.targets else None
        return cls(key, words.metric(key), study.directions.get(key) or closer, key in study.headline)


@dataclass(frozen=True)
class ScoreCell:
    """One configuration in one metric, as it is shown; `value` is what it is sorted by."""

    value: float | None
    mean: str
    span: str
    scope: str
    verdict: str | None
    symbol: str | None
    change: str | None
    change_span: str
    doubt: str


@dataclass(frozen=True)
class ScoreRow:
    configuration: str
    baseline: str | None
    cells: dict[str, ScoreCell]


@dataclass(frozen=True)
class AreaRow:
    """The means of the configurations over pictures with holes of one size; a dash where there is none."""

    area: str
    pictures: int
    means: list[str]


@dataclass(frozen=True)
class Part:
    """What is shown of one part of a study (see `Study.sections`): its numbers and its charts."""

    title: str
    study: Study
    rows: list[Comparison]
    plane: Chart | None
    curves: list[Chart]
    galleries: list[Gallery] = field(default_factory=list)

    @cached_property
    def colors(self) -> dict[str, str]:
        """What each configuration's color is called in the page's style."""
        return palette.variables(self.study)

    @cached_property
    def answer(self) -> Answer:
        return answer(self.study, self.rows)

    @property
    def clauses(self) -> list[tuple[list[str], str]]:
        """What the answer says, with the configurations that it says it of: where these are many, many are alike."""
        said: dict[str, list[str]] = {}
        for name, clause in self.answer.clauses.items():
            said.setdefault(clause, []).append(name)
        return [(names, clause) for clause, names in said.items()]

    @property
    def corrected(self) -> int:
        """How many comparisons verdicts are corrected for together."""
        return comparisons(self.study, self.rows)

    @property
    def family(self) -> str:
        """The metrics that are corrected together, in words."""
        return words.listed(words.metric(key).label for key in self.study.family)

    @property
    def notes(self) -> list[str]:
        """What must be said of the numbers: runs that are one, the Pareto front, what the seeds would show."""
        return [note for note in (*identical(self.study), pareto(self.study), power(self.study, self.rows)) if note]

    @property
    def pictures(self) -> str:
        return pictures_of(self.study)

    @cached_property
    def scores(self) -> list[ScoreRow]:
        return score_rows(self.study, self.rows)

    @cached_property
    def columns(self) -> list[Column]:
        """The metrics of the table, the headline first."""
        found = [Column.of(self.study, key) for key in self.study.metrics]
        found.sort(key=lambda column: not column.headline)
        return found if len(found) * len(self.study.configurations) <= CELLS else found[:FIRST]

    @property
    def groups(self) -> dict[str, list[Chart]]:
        """Return the curves by the heading that they stand under."""
        found = {title: [chart for chart in self.curves if chart.group == group] for group, title in GROUPS.items()}
        return {title: charts for title, charts in found.items() if charts}

    @property
    def over(self) -> list[Chart]:
        """Return the charts of the scores over the axis of numbers, if there is one."""
        return [chart for chart in self.curves if chart.group == "axis"]

    @property
    def averaged(self) -> bool:
        return curves.averaged(self.study)

    @cached_property
    def areas(self) -> dict[str, list[AreaRow]]:
        """Return headline metric -> rows by the share of the picture that is missing; none where all are alike."""
        found = {key: area_rows(self.study, key) for key in self.study.headline}
        return {key: rows for key, rows in found.items() if len(rows) > 1}

    @cached_property
    def opinion(self) -> Opinion | None:
        """What people have said of the pictures (henkan vote), if they were asked."""
        return opinion(self.study)


def linked(parts: list[Part]) -> list[Part]:
    """Return the parts with as many charts inside the page as it has room for; others are shown from their files."""
    spent, found = 0, []
    for part in parts:
        curves = []
        for chart in part.curves:
            spent += len(chart.inline)
            curves.append(chart if spent <= CHART_BYTES else replace(chart, inline=""))
        found.append(replace(part, curves=curves))
    return found


def render(study: Study, rows: list[Comparison], parts: list[Part], beside: Beside, single: bool = False) -> str:
    """Return the report as HTML; of a `single` file nothing is said to lie beside it."""
    return template("report.html.j2").render(
        study=study,
        words=words,
        percent=percent,
        between=between,
        parts=parts,
        progress=progress(study),
        over_images=any(row.value is not None and row.value.over == OVER_IMAGES for row in rows),
        without_seeds=any(row.value is not None and row.value.over == WITHOUT_SEEDS for row in rows),
        palette=palette.PALETTE,
        baseline=palette.BASELINE,
        beside=beside,
        shapes={palette.seed_words(seed): shape(marker) for seed, marker in palette.markers(study).items()},
        Markup=Markup,
        contents=[],
        single=single,
        missing=missing(rows),
        notes=notes(study),
        effects=effect_lines(study),
        runs=sorted(
            study.distinct, key=lambda one: study.seeds.index(one[1].seed) if one[1].seed in study.seeds else -1
        ),
        differences=differences(study),
        prefixes=prefixes(study),
        cost=cost,
        reason=reason,
        environment=environment(study),
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def notes(study: Study) -> list[str]:
    """Return what must be said before any score is read: of smoke runs, few pictures, whole pictures."""
    found = []
    if study.plan.get("scale") == "smoke":
        found.append("Runs at scale=smoke show that everything works: neither scores nor pictures mean anything.")
    counts = {len(run.scores) for run in study.runs if run.scores is not None}
    if counts and max(counts) < FEW:
        found.append(f"Scored on {max(counts)} picture{'s' * (max(counts) > 1)}: too few to tell small differences.")
    if any(is_scored_whole(run) for run in study.runs):
        found.append("Scored on whole pictures, whatever scale was trained (evaluation.framing=whole).")
    return found


def is_scored_whole(run: Run) -> bool:
    """Whether a run was asked to score whole pictures."""
    path = run.file("config.yaml") if run.status == "done" else None
    if path is None or not path.is_file():
        return False
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    return isinstance(config, dict) and (config.get("evaluation") or {}).get("framing") == WHOLE


def differences(study: Study) -> list[tuple[str, list[str]]]:
    """Return what sets configurations apart, each thing once: every run, the variants, the values of the axes.

    An axis of numbers is one line.
    """
    nodes = study.configurations
    said = {name: list(node.get("overrides") or []) for name, node in nodes.items()}
    everywhere = common(said.values())
    found = [("every run", [*(study.plan.get("overrides") or []), *everywhere])] if len(nodes) > 1 else []
    variants: dict[str, list[str]] = {}
    values: dict[tuple[str, str], list[str]] = {}
    for name, node in nodes.items():
        variants.setdefault(str(node.get("variant", name)), []).append(name)
        for place in (node.get("point") or {}).items():
            values.setdefault(place, []).append(name)
    known = {word for _, words in found for word in words}
    own = {variant: [word for word in common(said[name] for name in names) if word not in known]
           for variant, names in variants.items()}  # fmt: skip
    found += [(variant, words or ["the recipe as it stands"]) for variant, words in own.items()]
    known |= {word for words in own.values() for word in words}
    axis = study.axis
    if axis is not None:
        found.append((axis.key, [f"{value:g}" for value in dict.fromkeys(axis.values.values())]))
    for (key, value), names in values.items():
        if axis is None or key != axis.key:
            words = [word for word in common(said[name] for name in names) if word not in known]
            found.append((f"{key}: {value}", words or ["as it stands"]))
    return [(name, words) for name, words in found if words]


def common(lists: Iterable[list[str]]) -> list[str]:
    """Return what is in each of several lists, in the order of the first."""
    first, *others = list(lists)
    return [word for word in first if all(word in other for other in others)]


def prefixes(study: Study) -> list[str]:
    """Say which runs of a seed have trained their beginning together: `mse and gan: 2,000 iterations, 6 min`."""
    shared: dict[str, list[tuple[str, Run]]] = {}
    for name, run in study.distinct:
        if start := run.record.get("prefix"):
            shared.setdefault(start["identity"], []).append((name, run))
    told: dict[tuple[int, tuple[str, ...]], list[float]] = {}
    everyone = {name for name, _ in study.distinct}
    for runs in shared.values():
        names = tuple(dict.fromkeys(name for name, _ in runs))
        if len(names) > 1:
            start = runs[0][1].record["prefix"]
            told.setdefault((start["iteration"], names), []).append(start.get("seconds", 0.0))
    return [
        f"{words.listed(names) if len(names) < len(everyone) or len(names) < 4 else 'all of them'}: "
        f"{words.plural(iteration, 'iteration')}"
        + (f", {words.duration(max(seconds))} a seed" if max(seconds) >= 1 else "")
        for (iteration, names), seconds in told.items()
    ]


def missing(rows: list[Comparison]) -> dict[str, int]:
    """Return metric -> how many of its scores are no numbers, where some are not."""
    found: Counter[str] = Counter()
    for row in rows:
        found[row.metric] += row.missing
    return dict(+found)


def progress(study: Study) -> str:
    """Say how far the study is: `6 of 9 runs done, 1 running, 2 waiting`."""
    parts = [f"{study.count('done')} of {words.plural(len(study.distinct), 'run')} done"]
    parts += [f"{study.count(status)} {status}" for status in STATUSES[1:] if study.count(status)]
    return ", ".join(parts)


def score_rows(study: Study, rows: list[Comparison]) -> list[ScoreRow]:
    """Return the table of scores, a row a configuration and a cell a metric, formatted."""
    digits = digits_of(rows)
    found: dict[str, dict[str, ScoreCell]] = {name: {} for name in study.configurations}
    for row in rows:
        change, places = row.difference, digits[row.metric]
        found[row.configuration][row.metric] = ScoreCell(
            value=None if row.value is None else row.value.mean,
            mean=words.number(None if row.value is None else row.value.mean, places),
            span=interval_words(row.value, places),
            scope=scope(study, row),
            verdict=row.verdict,
            symbol=row.verdict and SYMBOLS[row.verdict],
            change=None if change is None else words.number(change.mean, places, signed=True),
            change_span=interval_words(change, places, signed=True),
            doubt=row.doubt,
        )
    return [ScoreRow(name, study.baselines.get(name), cells) for name, cells in found.items()]


def area_rows(study: Study, key: str) -> list[AreaRow]:
    """Return the means of one metric by area, each over the runs of a configuration."""
    tables = [
        run.areas.set_index("area")[["pictures", key]].assign(configuration=run.configuration)
        for run in study.runs
        if run.areas is not None and key in run.areas
    ]
    if not tables:
        return []
    table = pd.concat(tables).reset_index()
    means = table.pivot_table(key, "area", "configuration", "mean", sort=False)
    pictures = {str(area): int(count) for area, count in table.groupby("area")["pictures"].max().items()}
    digits = 1 if means.abs().max().max() >= 10 else 3
    return [
        AreaRow(
            str(area),
            pictures[str(area)],
            [words.number(row.get(name), digits) if name in row else "–" for name in study.configurations],
        )
        for area, row in sorted(means.iterrows(), key=lambda pair: float(str(pair[0]).partition("-")[0]))
    ]


def scope(study: Study, row: Comparison) -> str:
    """Return what a cell's intervals cover where that is not every seed of the study."""
    if row.value is None or (row.seeds == len(study.seeds) > 1 and row.value.low is not None):
        return ""
    if row.value.over == WITHOUT_SEEDS:
        return "no seeds; over pictures" if row.value.low is not None else "no seeds, no interval"
    if row.value.low is None:
        return "1 seed, no interval" if row.seeds == 1 else f"{row.seeds} seeds agree, no interval"
    return "over pictures, 1 seed" if row.value.over == OVER_IMAGES else f"{row.seeds} of {len(study.seeds)} seeds"


def shape(marker: str) -> str:
    """Return the character that looks like a matplotlib marker, for the legend in the page."""
    return {
        "o": "●",
        "s": "■",
        "^": "▲",
        "D": "◆",
        "v": "▼",
        "P": "✚",
        "X": "✖",
        "*": "★",
        "<": "◀",
        ">": "▶",
        palette.WITHOUT_SEED: "⬢",
    }[marker]


def cost(run: Run) -> str:
    """Say what training took, and how much of it was shared with other runs, or lost: `9 min (5 min shared), 3.2 GiB`.

    The memory is the most that was taken of a GPU's.
    """
    value = run.record.get("seconds")
    if not isinstance(value, int | float) or not run.record.get("iterations"):
        return "–"
    shared = run.record.get("prefix", {}).get("seconds", 0)
    asides = {"shared": shared, "lost besides": run.record.get("seconds_lost", 0)}
    told = [f"{words.duration(part)} {name}" for name, part in asides.items() if part >= 1]
    log = run.curves
    peak = log["memory/peak"].max() if log is not None and "memory/peak" in log else float("nan")
    memory = f", {peak:.1f} GiB" if peak > 0 else ""
    return words.duration(value) + (f" ({', '.join(told)})" if told else "") + memory


def environment(study: Study) -> list[tuple[str, str]]:
    """Return what the runs were trained on and with, as their own records say; where they differ, which on what."""
    found: dict[str, dict[str, dict[str, None]]] = {}
    for run in study.runs:
        record = run.record
        now = {key: record[key] for key in ("hardware", "versions") if key in record}
        commit = f"{record['commit']}{UNCOMMITTED if record.get('uncommitted') else ''}" if record.get("commit") else ""
        for node in [*record.get("environments", [now]), {"commit": commit}]:
            for name, value in flat({key: part for key, part in node.items() if key != "since"}):
                found.setdefault(name, {}).setdefault(value, {})[run.folder.name] = None
    return [(name, told(places)) for name, places in found.items()]


def told(places: Mapping[str, Collection[str]]) -> str:
    """Return a value that all runs share, or each value with the runs that it is of."""
    if len(places) == 1:
        return next(iter(places))
    named = {
        value: words.listed(runs) if len(runs) <= 3 else words.plural(len(runs), "run")
        for value, runs in places.items()
    }
    return "; ".join(f"{value} ({runs})" for value, runs in named.items())


def reason(run: Run) -> str:
    """Return why a run has not come to its end."""
    return run.error if run.status in ("failed", "interrupted", "stopped") else ""


def flat(node: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield a nested mapping as dotted names and texts, without what is empty or longer than two lines."""
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        elif value not in (None, "", []) and len(str(value)) <= 200:
            yield f"{prefix}{key}", str(value)
