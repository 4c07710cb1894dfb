"""What n seeds would have shown, and how often three of them would have said something else.

From the committed scores of studies with five seeds or more; nothing is trained.

  uv run python experiments/seeds/power.py
"""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from henkan.report.comparisons import compare, comparisons, difference_of
from henkan.report.published import rebuild
from henkan.report.read import read_study
from henkan.report.statistics import detectable, pooled_deviation
from henkan.report.study import Study
from henkan.report.words import metric

HERE = Path(__file__).parent
STUDIES = ("mse_vs_gan", "sr_mse_vs_gan")
SEEDS = (2, 3, 4, 5, 6, 8, 12, 20)


def power(study: Study) -> pd.DataFrame:
    """Return for each headline metric the deviation of a seed's difference, what was found, and what n seeds show."""
    many = comparisons(study, compare(study))
    rows = []
    for key in study.headline:
        found = {name: np.array(difference_of(study, name, key).means) for name in study.baselines}
        deviation = pooled_deviation([list(one) for one in found.values()]) or float("nan")
        differences = {name: one.mean() for name, one in found.items()}
        least = min(differences, key=lambda name: abs(differences[name]))
        shown = {f"n{count}": detectable(deviation, count, many) for count in SEEDS}
        row = {"study": study.name, "metric": key, "deviation": deviation, "comparisons": many}
        rows.append(row | {"smallest": abs(differences[least]), "of": least} | shown)
    return pd.DataFrame(rows)


def verdicts(study: Study) -> pd.DataFrame:
    """Return for each comparison in the headline and each number of seeds what subsets of them say against all."""
    everything = {(row.configuration, row.metric): row.verdict for row in compare(study)}
    rows = []
    for count in range(2, len(study.seeds)):
        said: dict[tuple[str, str], Counter[str]] = {}
        for chosen in itertools.combinations(study.seeds, count):
            runs = [run for run in study.runs if run.seed is None or run.seed in chosen]
            for row in compare(Study(study.folder, {**study.plan, "seeds": list(chosen)}, runs)):
                if row.metric in study.headline and row.configuration in study.baselines:
                    at = row.configuration, row.metric
                    said.setdefault(at, Counter())[kind(str(row.verdict), str(everything[at]))] += 1
        for (configuration, key), counts in said.items():
            found = {"study": study.name, "metric": key, "configuration": configuration, "seeds": count}
            found |= {"all": everything[configuration, key], "subsets": sum(counts.values())}
            rows.append(found | {how: counts[how] for how in ("same", "missed", "other")})
    return pd.DataFrame(rows)


def kind(verdict: str, whole: str) -> str:
    """Return how the verdict of some seeds stands to that of all: the same, missed (unclear), or another one."""
    return "same" if verdict == whole else "missed" if verdict == "unclear" else "other"


def draw(table: pd.DataFrame, studies: dict[str, Study]) -> Figure:
    """Draw what n seeds show over n, and the differences that were found as lines across."""
    width = max(table.groupby("study").size())
    figure = Figure(figsize=(2.6 * width, 2.5 * len(studies)), layout="constrained")
    grid = np.atleast_2d(figure.subplots(len(studies), width, sharex=True))
    for axes_of, (name, study) in zip(grid, studies.items(), strict=True):
        for axes, row in zip(axes_of, table[table["study"] == name].to_dict("records"), strict=True):
            axes.loglog(SEEDS, [row[f"n{count}"] for count in SEEDS], "o-", color="#0072b2", ms=3, lw=1.2)
            for number, configuration in enumerate(study.baselines):
                found = abs(np.mean(difference_of(study, configuration, row["metric"]).means))
                color = ("#d55e00", "#009e73", "#b0568f")[number % 3]
                axes.axhline(found, color=color, lw=1, ls="--", label=configuration)
            axes.axvline(len(study.seeds), color="#656d76", lw=0.8, ls=":")
            what = metric(row["metric"])
            axes.set_title(f"{what.label}{f', {what.unit}' if what.unit else ''}", fontsize=9, loc="left")
            axes.set_xticks(SEEDS, [str(count) for count in SEEDS])
            axes.minorticks_off()
            axes.grid(color="#d8dee4", lw=0.6)
            axes.tick_params(labelsize=7)
        axes_of[0].set_ylabel(f"{name}\na difference that shows", fontsize=8)
        axes_of[0].legend(fontsize=6.5, frameon=False, title="found, against mse", title_fontsize=6.5)
    for axes in grid[-1]:
        axes.set_xlabel("seeds", fontsize=8)
    return figure


def main() -> None:
    results = HERE / "results"
    with TemporaryDirectory() as folder:
        studies = {name: read_study(rebuild(HERE.parent / name / "results", Path(folder) / name)) for name in STUDIES}
        table = pd.concat([power(study) for study in studies.values()], ignore_index=True)
        said = pd.concat([verdicts(study) for study in studies.values()], ignore_index=True)
        table.to_csv(results / "power.csv", index=False, float_format="%.4g")
        said.to_csv(results / "verdicts.csv", index=False)
        draw(table, studies).savefig(results / "power.png", dpi=120, facecolor="white")
    print(table.to_string(index=False))
    counts = said.groupby(["study", "metric", "seeds"], sort=False)[["subsets", "same", "missed", "other"]].sum()
    print(counts.to_string())


if __name__ == "__main__":
    main()
