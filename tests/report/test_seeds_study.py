"""The study of seeds: its page says what its tables say, and those are what the committed scores say."""

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from henkan.report.published import rebuild
from henkan.report.read import read_study
from henkan.report.words import metric

FOLDER = Path(__file__).parents[2] / "experiments" / "seeds"


def test_its_page_says_what_its_tables_say() -> None:
    power, verdicts = (pd.read_csv(FOLDER / "results" / f"{name}.csv") for name in ("power", "verdicts"))
    lines = [line for line in (FOLDER / "README.md").read_text().splitlines() if line.startswith("| ")][1:]
    assert len(lines) == len(power)
    for line, (_, row) in zip(lines, power.iterrows(), strict=True):
        name, *said, agreement = [cell.strip() for cell in line.strip("|").split("|")]
        assert metric(row["metric"]).label in name
        assert [float(one) for one in said] == [
            float(f"{row[key]:.2g}") for key in ("deviation", "n3", "n5", "n8", "smallest")
        ]
        own = verdicts[
            (verdicts["study"] == row["study"]) & (verdicts["metric"] == row["metric"]) & (verdicts["seeds"] == 3)
        ]
        assert agreement == f"{own['same'].sum()} of {own['subsets'].sum()}"
    deep = verdicts["metric"].isin(["lite0_distance", "vgg16_distance", "kid_lite0"])
    three = verdicts["seeds"] == 3
    assert [verdicts.loc[three & which, "same"].sum() for which in (~deep, deep)] == [158, 77]
    assert verdicts["other"].sum() == 0 and verdicts.loc[three & deep, "subsets"].sum() == 160


def test_its_tables_are_of_the_committed_scores(tmp_path: Path) -> None:
    command = runpy.run_path(str(FOLDER / "power.py"))
    study = read_study(rebuild(FOLDER.parent / "mse_vs_gan" / "results", tmp_path))
    kept = pd.read_csv(FOLDER / "results" / "power.csv")
    kept, found = kept[kept["study"] == study.name], command["power"](study)
    assert found["metric"].tolist() == kept["metric"].tolist()
    numbers = [name for name in kept if name not in ("study", "metric", "of")]
    assert np.allclose(found[numbers], kept[numbers], rtol=1e-3)


@pytest.mark.parametrize(
    ("few", "every", "said"), [("worse", "worse", "same"), ("unclear", "worse", "missed"), ("better", "worse", "other")]
)
def test_how_verdicts_compare(few: str, every: str, said: str) -> None:
    assert runpy.run_path(str(FOLDER / "power.py"))["kind"](few, every) == said
