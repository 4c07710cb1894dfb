"""The page: one HTML file that asks for nothing outside its folder."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property

from markupsafe import Markup

from henkan.report import words
from henkan.report.answer import Answer, answer, identical, pictures_of, power
from henkan.report.beside import Beside
from henkan.report.cells import AreaRow, Column, ScoreRow, area_rows, score_rows
from henkan.report.comparisons import Comparison, comparisons
from henkan.report.effects import effect_lines
from henkan.report.facts import cost, differences, environment, notes, prefixes, progress, reason
from henkan.report.figures import curves, palette
from henkan.report.figures.chart import Chart
from henkan.report.figures.curves import GROUPS
from henkan.report.front import pareto
from henkan.report.opinion import Opinion, between, opinion, percent
from henkan.report.pictures import Gallery
from henkan.report.statistics import OVER_IMAGES, WITHOUT_SEEDS
from henkan.report.study import Study
from henkan.report.templates import template

# What a page is at most, whatever the study: more is slow to open on a phone, and no mail takes it.
PAGE_BYTES = 19_000_000
# Charts in the page, in bytes; what is beyond is shown from its file.
CHART_BYTES = 8_000_000
# What a table has at most: with more, it is of the first metrics alone.
CELLS, FIRST = 20_000, 3


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


def missing(rows: list[Comparison]) -> dict[str, int]:
    """Return metric -> how many of its scores are no numbers, where some are not."""
    found: Counter[str] = Counter()
    for row in rows:
        found[row.metric] += row.missing
    return dict(+found)


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
