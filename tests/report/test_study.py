"""Axes and baselines of a study: sections, curves over numbers, what has no seeds."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tiny_report import MakeStudy, change, read

from henkan.files import unsealed, write_sealed
from henkan.report.figures.lines import over_axis
from henkan.report.publish import publish
from henkan.report.read import read_study
from henkan.report.statistics import OVER_SEEDS, WITHOUT_SEEDS
from henkan.report.write import table, write_report


def test_a_baseline_by_variant_follows_the_axes(make_study: MakeStudy) -> None:
    sizes = {f"{variant} {size}": {"variant": variant, "overrides": [f"loss=[{variant}]", f"size={size}"]}
             for variant in ("mse", "gan") for size in (32, 64)}  # fmt: skip
    folder = make_study(iterations=60, done=12, configurations=sizes)
    write_report(folder)
    rows = pd.read_csv(folder / "summary.csv").drop_duplicates("configuration").set_index("configuration")
    assert rows["baseline"].to_dict() == {"mse 32": pytest.approx(np.nan, nan_ok=True),
                                          "mse 64": pytest.approx(np.nan, nan_ok=True),
                                          "gan 32": "mse 32", "gan 64": "mse 64"}  # fmt: skip
    assert "gan 64 against mse 64 is" in read(folder / "report.html").text


POINTS = {
    f"{variant} {place}": {"variant": variant, "point": {"pictures": place}, "overrides": [f"loss=[{variant}]"]}
    for variant in ("mse", "gan") for place in ("drawings", "photographs")
}  # fmt: skip


def test_each_point_of_the_axes_is_a_section(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60, done=12, configurations=POINTS)
    page = read(write_report(folder))
    assert len(page.ids) == len(set(page.ids))
    rows = pd.read_csv(folder / "summary.csv").drop_duplicates("configuration").set_index("configuration")
    compared = rows["baseline"].dropna().to_dict()
    assert compared == {"gan drawings": "mse drawings", "gan photographs": "mse photographs"}
    # In a section, configurations go by their variants, so nothing of the other section is named.
    assert len(re.findall(r"Over 3 seeds, against mse ?: gan is", page.text)) == 2
    assert page.text.count("Test scores") == page.text.count("Perception and distortion") == 2
    # Four columns in each section: source, two variants, target.
    assert len(page.pictures) == 2 * 12 * 4 * 3
    names = {path.name for path in (folder / "figures").iterdir()}
    assert {"drawings_plane.svg", "photographs_plane.png", "photographs_loss_mse.svg"} <= names
    assert "plane.svg" not in names
    printed = table(folder)
    assert "test scores on drawings" in printed and "test scores on photographs" in printed
    published = [path.name for path in publish(folder, folder / "results")]
    assert published[2:] == [
        "plane_drawings.png", "plane_photographs.png", "pictures_drawings.png", "pictures_photographs.png"
    ]  # fmt: skip


def over(*values: str, variants: tuple[str, ...] = ("mse", "gan")) -> dict[str, Any]:
    """Return every variant at every value of weights.adversarial."""
    return {
        f"{variant} adversarial={value}": {
            "variant": variant,
            "point": {"weights.adversarial": f"adversarial={value}"},
            "overrides": [f"loss=[{variant}]", f"weights.adversarial={value}"],
        }
        for variant in variants for value in values
    }  # fmt: skip


def same_runs(folder: Path, variant: str) -> None:
    """Let the axis change nothing of a variant: its configurations are one run a seed."""
    runs = json.loads((folder / "study.json").read_text())["runs"]
    first: dict[int, str] = {}
    for run in runs:
        if run["configuration"].startswith(f"{variant} "):
            run["folder"] = first.setdefault(run["seed"], run["folder"])
    change(folder, runs=runs)


def test_an_axis_of_numbers_is_one_section_with_one_baseline_and_a_curve(make_study: MakeStudy, tmp_path: Path) -> None:
    folder = make_study(iterations=60, done=18, configurations=over("0.01", "0.1", "1.0"))
    same_runs(folder, "mse")
    (section,) = read_study(folder).sections.values()
    assert list(section.configurations) == ["mse", "gan adversarial=0.01", "gan adversarial=0.1", "gan adversarial=1.0"]
    assert set(section.baselines.values()) == {"mse"}
    level, line = over_axis(section)["psnr_hole"]
    assert (level.name, level.values, line.name, line.values) == ("mse", [], "gan", [0.01, 0.1, 1.0])
    means = [
        [float(scores.mean()) for scores in section.scores(f"gan adversarial={value}", "psnr_hole").values()]
        for value in ("0.01", "0.1", "1.0")
    ]
    assert line.mean == pytest.approx([np.mean(seeds) for seeds in means])
    assert line.low == pytest.approx([min(seeds) for seeds in means])
    page = read(write_report(folder))
    assert "No answer yet" not in page.text and page.text.count("Test scores") == 1
    assert "Over 3 seeds, against mse" in page.text and "Over weights.adversarial" in page.text
    assert "12 of 12 runs done" in page.text and "0 mse done 60" in page.text
    assert (folder / "figures" / "over_psnr_hole.svg").is_file()
    published = {path.name for path in publish(folder, tmp_path / "published")}
    assert {"along_weights_adversarial.png", "along_weights_adversarial.csv", "plane.png"} <= published
    table = pd.read_csv(tmp_path / "published" / "along_weights_adversarial.csv")
    assert list(table.columns[:3]) == ["configuration", "seed", "weights.adversarial"] and len(table) == 3 + 9
    assert table["weights.adversarial"].isna().sum() == 3
    assert table[table["weights.adversarial"] == 0.1]["psnr_hole"].mean() == pytest.approx(line.mean[1], rel=1e-4)


def test_a_baseline_that_an_axis_changes_stands_at_every_value(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60, done=12, configurations=over("0.01", "0.1"))
    (section,) = read_study(folder).sections.values()
    assert section.baselines == {f"gan adversarial={value}": f"mse adversarial={value}" for value in ("0.01", "0.1")}
    assert [line.values for line in over_axis(section)["psnr_hole"]] == [[0.01, 0.1]] * 2


def test_a_variant_that_is_excluded_but_at_one_value_has_one_point(make_study: MakeStudy) -> None:
    configurations = over("0.01", "0.1")
    del configurations["gan adversarial=0.1"]
    (section,) = read_study(make_study(iterations=60, done=9, configurations=configurations)).sections.values()
    assert "gan adversarial=0.01" in section.configurations and "gan" not in section.configurations
    assert {line.name: line.values for line in over_axis(section)["psnr_hole"]} == {"mse": [0.01, 0.1], "gan": [0.01]}


def test_an_axis_of_the_baseline_alone_is_compared_with_its_first_value(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60, done=9, configurations=over("0.1", "0", "1", variants=("mse",)))
    (section,) = read_study(folder).sections.values()
    assert section.baselines == {f"mse adversarial={value}": "mse adversarial=0.1" for value in ("0", "1")}
    assert over_axis(section)["psnr_hole"][0].values == [0.0, 0.1, 1.0]
    page = read(write_report(folder))
    assert "No answer yet" not in page.text and "against mse adversarial=0.1" in page.text


def test_other_axes_are_sections_beside_an_axis_of_numbers(make_study: MakeStudy) -> None:
    nodes = {
        f"{name} {place}": node | {"point": node["point"] | {"pictures": place}}
        for name, node in over("0.01", "0.1", variants=("mse",)).items() for place in ("drawings", "photographs")
    }  # fmt: skip
    folder = make_study(iterations=60, done=12, configurations=nodes)
    study = read_study(folder)
    assert list(study.sections) == ["drawings", "photographs"]
    assert study.baselines == {
        f"mse adversarial=0.1 {place}": f"mse adversarial=0.01 {place}" for place in ("drawings", "photographs")
    }
    assert "along_weights_adversarial_drawings.png" in {path.name for path in publish(folder, folder / "results")}


@pytest.mark.parametrize("values", [("small", "large"), ("0.1", "null"), ("0.1",), ("nan", "1")])
def test_an_axis_of_anything_else_stays_sections(values: tuple[str, ...], make_study: MakeStudy) -> None:
    folder = make_study(iterations=60, done=0, configurations=over(*values))
    assert read_study(folder).axis is None
    assert len(read_study(folder).sections) == len(values)


def test_an_axis_before_anything_but_the_baseline_is_scored(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60, done=1, seeds=(0,), configurations=over("0.01", "0.1"))
    same_runs(folder, "mse")
    assert "No answer yet" in read(write_report(folder)).text
    assert "along_weights_adversarial.png" in {path.name for path in publish(folder, folder / "results")}


def without_seed(folder: Path, configuration: str) -> None:
    """Let a configuration have one run for every seed."""
    runs = json.loads((folder / "study.json").read_text())["runs"]
    others = [run for run in runs if run["configuration"] != configuration]
    first = next(run for run in runs if run["configuration"] == configuration)
    change(folder, runs=[*others, first | {"seed": None}])


def test_what_has_no_seeds_is_compared_with_every_seed(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60)
    without_seed(folder, "gan_0.02")
    page = read(write_report(folder))
    assert "no seeds; over pictures" in page.text
    assert "What trains nothing is the same for every seed" in page.text
    assert "Over 3 seeds, against mse" in page.text
    assert "⬢ no seeds" in page.text
    assert "7 of 7 runs done" in page.text
    # Its pictures stand beside those of each seed.
    assert len(page.pictures) == 12 * 5 * 3
    rows = pd.read_csv(folder / "summary.csv").set_index(["configuration", "metric"])
    row = rows.loc[("gan_0.02", "psnr_hole")]
    assert (row["n_seeds"], row["over"]) == (0, WITHOUT_SEEDS)
    assert (row["difference_n_seeds"], row["difference_over"]) == (3, OVER_SEEDS)
    scores = pd.read_csv(folder / "scores.csv")
    scores = scores[scores["metric"] == "psnr_hole"]
    own = scores[scores["configuration"] == "gan_0.02"]
    assert own["seed"].isna().all() and len(own) == 40
    others = scores[scores["configuration"] == "mse"].groupby("seed")["value"].mean()
    assert row["difference"] == pytest.approx((own["value"].mean() - others).mean())


def test_a_baseline_without_seeds(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60)
    without_seed(folder, "mse")
    rows = pd.read_csv(write_report(folder).with_name("summary.csv")).set_index(["configuration", "metric"])
    assert rows.loc[("gan_0.02", "psnr_hole")]["difference_n_seeds"] == 3
    without_seed(folder, "gan_0.002")
    without_seed(folder, "gan_0.02")
    page = read(write_report(folder))
    assert "On these pictures, with nothing trained and so no seeds, against mse" in page.text
    assert len(page.pictures) == 12 * 5
    assert "with nothing trained" in table(folder)


def test_what_a_run_says_of_itself_since_is_what_it_is(make_study: MakeStudy) -> None:
    folder = make_study()
    plan = sealed(folder / "study.json")
    first, second, third, fourth = (folder / node["folder"] / "run.json" for node in plan["runs"][:4])
    shutil.rmtree(first.parent)
    # Begun once more by hand, and killed.
    write_sealed(second, {**sealed(second), "status": "running"})
    write_sealed(third, {**sealed(third), "status": "failed", "error": "no memory"})
    found = read_study(folder).runs[:4]
    assert [run.status for run in found] == ["waiting", "interrupted", "failed", "done"]
    assert found[2].error == "no memory"
    plan["runs"][3] |= {"status": "failed", "error": "no memory"}
    write_sealed(folder / "study.json", plan)
    assert read_study(folder).runs[3].status == "failed"
    # The same command has trained it since.
    write_sealed(fourth, {**sealed(fourth), "status": "done", "ended": "2999-01-01T00:00:00+00:00"})
    assert (read_study(folder).runs[3].status, read_study(folder).runs[3].error) == ("done", "")


def sealed(path: Path) -> dict[str, Any]:
    content, _ = unsealed(json.loads(path.read_text()))
    return content
