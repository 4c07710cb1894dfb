import gzip
import json
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import stats

from henkan.errors import UserError
from henkan.files import digests
from henkan.report import page, words
from henkan.report.answer import power
from henkan.report.comparisons import Comparison, compare
from henkan.report.facts import common, cost, differences, environment
from henkan.report.figures.along import lines_along
from henkan.report.figures.curves import logs_of
from henkan.report.figures.lines import draw, lines, over_axis
from henkan.report.publish import PUBLISHED_BYTES, publish
from henkan.report.read import read_study
from henkan.report.run import Run
from henkan.report.statistics import OVER_IMAGES, OVER_SEEDS, WITHOUT_SEEDS, detectable, p_value
from henkan.report.study import Study
from henkan.report.words import number
from henkan.report.write import table, write_report
from henkan.runs.killed import KILLED
from henkan.runs.locks import LOCK, lock
from henkan.runs.record import write_record
from henkan.scoring import evaluation_set, evaluator
from henkan.verbs.report import main

MakeStudy = Callable[..., Path]
FETCHING = ("src", "href", "srcset", "poster", "data", "action", "xlink:href")
VOID = {"meta", "link", "img", "input", "br", "path", "use", "rect"}


class Page(HTMLParser):
    """Collects what a page would fetch, what it links, and its text but for the contents.

    Fails on tags that do not close.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.pictures: list[str] = []
        self.feed(html)
        assert self.open == []
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for key, value in attrs:
            assert value is not None or key in ("open", "checked", "hidden")
            if tag == "a" and key == "href" and not str(value).startswith("#"):
                self.links.append(str(value))
            elif key in ("src", "href", "srcset", "poster", "data", "action", "xlink:href") and not str(
                value
            ).startswith("#"):
                self.fetched.append(str(value))
            if key == "id":
                self.ids.append(str(value))
            if tag == "img" and key == "alt" and value:
                self.pictures.append(str(value))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or (self.open[-1] not in ("style", "script") and "nav" not in self.open):
            self.words.append(data)


def read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def change(folder: Path, **entries: object) -> None:
    path = folder / "study.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def set_status(folder: Path, run: int, status: str) -> Path:
    runs = json.loads((folder / "study.json").read_text())["runs"]
    runs[run]["status"] = status
    change(folder, runs=runs)
    return folder / runs[run]["folder"]


def test_the_page_asks_for_nothing_outside_itself(make_study: MakeStudy) -> None:
    path = write_report(make_study(iterations=60))
    html = path.read_text(encoding="utf-8")
    page = Page(html)
    assert page.fetched and all(address.startswith("data:") for address in page.fetched)
    assert not re.search(r"@import|url\((?!#)|fetch\(|XMLHttpRequest|<iframe|<object|<embed", html)
    assert len(page.ids) == len(set(page.ids))
    for reference in set(re.findall(r'(?:href="#|url\(#)([^")]+)', html)):
        assert reference in page.ids


def test_what_a_report_calls_things_is_what_scoring_calls_them() -> None:
    assert page.WHOLE == evaluation_set.WHOLE and words.POST == evaluator.POST


@pytest.mark.slow
def test_a_report_is_written_without_torch() -> None:
    names = ("henkan.verbs.report", "henkan.report.page", "henkan.report.gathered", "henkan.report.tables")
    code = f"import sys, {', '.join(names)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_of_very_many_runs_configurations_are_drawn(make_study: MakeStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    study = read_study(make_study(iterations=60))
    assert [log.seeds for log in logs_of(study)] == ["seed 0"] * 3 + ["seed 1"] * 3 + ["seed 2"] * 3
    monkeypatch.setattr("henkan.report.figures.curves.LINES", 2)
    found = logs_of(study)
    assert [(log.configuration, log.seeds) for log in found] == [
        ("mse", "mean of its seeds"), ("gan_0.002", "mean of its seeds")
    ]  # fmt: skip
    own = [run.curves.groupby("iteration").first() for run in study.of("mse") if run.curves is not None]
    means = np.mean([log["loss/mse"].to_numpy() for log in own], axis=0)
    assert found[0].table["loss/mse"].to_numpy() == pytest.approx(means)
    assert found[0].table["phase"].tolist() == own[0]["phase"].tolist()


def test_the_page_of_a_finished_study(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60)
    page = read(write_report(folder))
    assert "Does an adversarial loss beat MSE?" in page.text
    assert "Over 3 seeds, against mse" in page.text
    assert "9 of 9 runs done" in page.text and "waiting" not in page.text
    assert "gan_0.02 is better in Lite0 distance (−0.0" in page.text
    assert "worse in PSNR in the hole (−" in page.text
    assert "higher in gradient in the hole (+0.1" in page.text  # it has no direction, so it is not called better
    assert "saved 2,400 iterations" in page.text
    # Twelve pictures in five columns for each of three seeds.
    assert len(page.pictures) == 12 * 5 * 3
    assert "color/svg/0003.svg, target" in page.pictures
    assert re.search(r"color/svg/0000.svg, gan_0.02: PSNR in the hole [\d.]+, Lite0", "\n".join(page.pictures))
    order = ["Test scores", "Perception and distortion", "Training", "The same test pictures", "What was run"]
    places = [page.text.index(heading) for heading in [*order, "How to read the numbers"]]
    assert places == sorted(places)


def banners(folder: Path) -> list[str]:
    html = write_report(folder).read_text(encoding="utf-8")
    return re.findall(r'<p class="banner">(.*?)</p>', html)


SMOKE = "Runs at scale=smoke show that everything works: neither scores nor pictures mean anything."
WHOLE = "Scored on whole pictures, whatever scale was trained (evaluation.framing=whole)."


def few(count: str) -> str:
    return f"Scored on {count}: too few to tell small differences."


@pytest.mark.parametrize(
    ("images", "scale", "framing", "said"),
    [
        (30, "laptop", "trained", []),
        (29, "laptop", "trained", [few("29 pictures")]),
        (1, "laptop", "whole", [few("1 picture"), WHOLE]),
        (40, "smoke", None, [SMOKE]),
        (5, "smoke", "whole", [SMOKE, few("5 pictures"), WHOLE]),
    ],
)
def test_what_must_be_said_before_a_score_is_read_stands_in_banners(
    images: int, scale: str, framing: str | None, said: list[str], make_study: MakeStudy
) -> None:
    folder = make_study(images=images, scale=scale, done=3, seeds=(0,))
    for run in folder.glob("runs/*"):
        (run / "config.yaml").write_text(json.dumps({"evaluation": {"framing": framing}}))
    assert banners(folder) == said


def test_banners_are_of_what_is_done_and_of_configs_that_can_be_read(make_study: MakeStudy) -> None:
    folder = make_study(images=5, done=0, scale="smoke")
    assert banners(folder) == [SMOKE]
    (folder / "study.json").unlink()
    shutil.rmtree(folder / "runs")
    folder = make_study(images=40, done=3, seeds=(0,))
    (folder / "runs" / "0-0" / "config.yaml").write_text("- neither\n- nor")
    assert banners(folder) == []


def test_tables_hold_the_numbers(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60)
    write_report(folder)
    scores = pd.read_csv(folder / "scores.csv")
    assert list(scores.columns) == ["configuration", "seed", "file", "metric", "value"]
    assert len(scores) == 9 * (40 * 5 + 1)
    rows = pd.read_csv(folder / "summary.csv").set_index(["configuration", "metric"])
    psnr = scores[scores["metric"] == "psnr_hole"].groupby(["configuration", "seed"])["value"].mean()
    row = rows.loc[("gan_0.02", "psnr_hole")]
    difference = psnr["gan_0.02"] - psnr["mse"]
    assert row["mean"] == pytest.approx(psnr["gan_0.02"].mean())
    assert row["difference"] == pytest.approx(difference.mean())
    reach = 4.302652729749464 * difference.std() / np.sqrt(3)
    assert row["difference_high"] - row["difference_low"] == pytest.approx(2 * reach)
    assert (row["n_seeds"], row["over"], row["difference_over"]) == (3, OVER_SEEDS, OVER_SEEDS)
    assert row["excludes_zero"] in (True, "True")
    assert np.isnan(rows.loc[("mse", "psnr_hole")]["difference"])
    assert rows.loc[("mse", "kid_lite0")]["n_seeds"] == 3


def test_figures_stand_alone(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60)
    before = dict(matplotlib.rcParams)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_report(folder)
    assert dict(matplotlib.rcParams) == before
    names = {path.name for path in (folder / "figures").iterdir()}
    assert {"plane.svg", "plane.png", "loss_mse.svg", "gradient_ratio.svg", "val_psnr_hole.svg"} <= names
    plane = (folder / "figures" / "plane.svg").read_text()
    assert "gan_0.002" in plane and "seed 2" in plane and "var(--" not in plane
    assert "below" not in plane


def test_a_line_lies_as_far_below_the_baseline_as_the_study_says(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60, bound=3.01)
    write_report(folder)
    assert "3.01 dB below mse" in (folder / "figures" / "plane.svg").read_text()


def test_after_the_first_seed(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60, done=3)
    page = read(write_report(folder))
    assert "With one seed so far, which cannot speak for others, against mse" in page.text
    assert "3 of 9 runs done, 1 running, 5 waiting" in page.text
    assert "it says nothing about another seed" in page.text
    assert "over pictures, 1 seed" in page.text and "1 seed, no interval" in page.text
    rows = pd.read_csv(folder / "summary.csv").set_index(["configuration", "metric"])
    row = rows.loc[("gan_0.02", "psnr_hole")]
    assert (row["n_seeds"], row["over"], row["difference_over"]) == (1, OVER_IMAGES, OVER_IMAGES)
    assert len(page.pictures) == 12 * 5


def test_in_the_middle_of_the_second_seed(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60, done=5)
    page = read(write_report(folder))
    assert "Over 2 of 3 seeds, against mse" in page.text
    assert "gan_0.002 is" in page.text
    assert "gan_0.02 (over 1 seed only) is better" in page.text


@pytest.mark.parametrize("done", [0, 1])
def test_before_there_is_anything_to_compare(make_study: MakeStudy, done: int) -> None:
    folder = make_study(iterations=60, done=done)
    page = read(write_report(folder))
    assert "No answer yet" in page.text
    assert f"{done} of 9 runs done, 1 running" in page.text
    assert ("No run has been scored yet" in page.text) == (done == 0)
    assert "No answer yet" in table(folder)
    assert pd.read_csv(folder / "scores.csv").empty == (done == 0)


def test_a_study_of_one_seed(make_study: MakeStudy) -> None:
    page = read(write_report(make_study(iterations=60, seeds=(5,), done=3)))
    assert "With one seed so far" in page.text
    assert "seed 5" in page.text.lower()


def test_a_failed_run_is_named_and_not_counted(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60)
    failed = set_status(folder, 8, "failed")
    record = json.loads((failed / "run.json").read_text())
    error = "TrainingFailed: loss/adversarial is NaN at iteration 41 <script>alert(1)</script>"
    (failed / "run.json").write_text(json.dumps(record | {"status": "failed", "error": error}))
    page = read(write_report(folder))
    assert "8 of 9 runs done, 1 failed" in page.text
    assert error in page.text  # as text: had it been a tag, the parser would have swallowed it
    rows = pd.read_csv(folder / "summary.csv").set_index(["configuration", "metric"])
    assert rows.loc[("gan_0.02", "psnr_hole")]["difference_n_seeds"] == 2
    assert rows.loc[("gan_0.002", "psnr_hole")]["difference_n_seeds"] == 3
    assert page.pictures.count("color/svg/0000.svg, target") == 3


def test_what_was_killed_with_its_study_is_called_interrupted(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60)
    killed = set_status(folder, 8, "running")
    record = {"status": "running", "iterations": 60, "seed": 2, "process": "1@elsewhere"}
    (killed / "run.json").write_text(json.dumps(record))
    page = read(write_report(folder))
    assert "8 of 9 runs done, 1 interrupted" in page.text
    assert KILLED in page.text
    # What it has said itself stands.
    (killed / "run.json").write_text(json.dumps(record | {"status": "failed", "error": "a NaN loss"}))
    assert "8 of 9 runs done, 1 failed" in (page := read(write_report(folder))).text
    assert "a NaN loss" in page.text
    with lock(killed / LOCK):
        assert "8 of 9 runs done, 1 running" in read(write_report(folder)).text


def test_scores_that_are_no_numbers_are_left_out_and_told(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60)
    path = folder / "runs" / "0-0" / "scores.csv"
    scores = pd.read_csv(path)
    scores.loc[3, "psnr_hole"] = np.nan
    scores.loc[4, "psnr_hole"] = np.inf
    scores["lite0_distance"] = np.nan
    scores.to_csv(path, index=False)
    page = read(write_report(folder))
    assert "PSNR in the hole: 2 scores that are no numbers are left out." in page.text
    rows = pd.read_csv(folder / "summary.csv").set_index(["configuration", "metric"])
    assert rows.loc[("mse", "psnr_hole")]["n_seeds"] == 3
    assert rows.loc[("mse", "lite0_distance")]["n_seeds"] == 2
    assert np.isfinite(rows.loc[("mse", "psnr_hole")]["mean"])
    assert "nan" not in page.text.lower().split()


def test_an_absent_metric_is_said_to_be_absent(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60, done=3)
    why = {"lpips_alex": "alexnet-owt-7be5be79.pth is missing"}
    (folder / "runs" / "0-0" / "absent_scores.json").write_text(json.dumps(why))
    assert "LPIPS (alex) is absent: alexnet-owt-7be5be79.pth is missing" in read(write_report(folder)).text


def test_odd_names_are_text(make_study: MakeStudy) -> None:
    odd = ["<b>mse</b>", 'a "$x^2$" & $y$', "_ünïcode 変換"]
    configurations = {name: {"variant": name, "overrides": ["loss=[<i>]"]} for name in odd}
    folder = make_study(
        iterations=60,
        configurations=configurations,
        baseline=odd[0],
        title="</title><script>x</script>",
        question=None,
    )
    page = read(write_report(folder))
    for text in (*odd, "</title><script>x</script>", "loss=[<i>]"):
        assert text in page.text
    assert odd[1] in table(folder) or '"$x^2$"' in table(folder)
    assert {path.name for path in publish(folder, folder / "results")} >= {"pictures.png"}


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


def test_a_file_that_is_being_written_is_read_to_its_last_line(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60, done=1)
    path = folder / "runs" / "0-1" / "metrics.csv"
    path.write_text(path.read_text() + "9999,joint,0.")
    curves = read_study(folder).runs[1].curves
    assert curves is not None and curves["iteration"].max() < 9999
    assert "1 of 9 runs done, 1 running" in read(write_report(folder)).text
    (folder / "runs" / "0-1" / "run.json").write_text('{"status": "runn')
    path.write_text("iteration,phase,loss/mse\n")
    assert read_study(folder).runs[1].curves is None
    assert "1 of 9 runs done, 1 running" in read(write_report(folder)).text


def test_phases_are_marked(make_study: MakeStudy) -> None:
    folder = make_study(iterations=240)
    write_report(folder)
    chart = (folder / "figures" / "loss_mse.svg").read_text()
    assert "discriminator" in chart and "joint" in chart and "reconstruction" not in chart


def test_a_folder_without_a_study_is_refused(tmp_path: Path, make_study: MakeStudy) -> None:
    with pytest.raises(UserError, match=r"holds no study: study\.json is missing"):
        write_report(tmp_path / "nowhere")
    with pytest.raises(UserError, match="no configuration is of the baseline variant 'l2'"):
        write_report(make_study(iterations=60, baseline="l2"))


def test_the_terminal_table(make_study: MakeStudy) -> None:
    text = table(make_study(iterations=60))
    assert "gan_0.002" in text and "Over 3 seeds, against mse" in text
    assert "\x1b" not in text


def test_scores_stand_beside_the_number_of_pictures(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60, images=7)
    assert "mse_vs_gan: test scores, 7 pictures" in table(folder)
    assert "Mean over 7 pictures with its 95 % interval" in read(write_report(folder)).text
    first = next(folder.glob("runs/*/scores.csv"))
    first.write_text("\n".join(first.read_text().splitlines()[:-2]) + "\n")
    assert "test scores, 5 to 7 pictures" in table(folder)


def test_publish_is_small_and_repeatable(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60, side=96)
    files = publish(folder, folder / "results")
    assert [path.name for path in files] == ["summary.csv", "scores.csv.gz", "plane.png", "pictures.png"]
    contents = [path.read_bytes() for path in files]
    assert sum(map(len, contents)) < PUBLISHED_BYTES
    assert contents == [path.read_bytes() for path in publish(folder, folder / "results")]
    assert gzip.decompress(contents[1]).startswith(b"configuration,seed,file,metric,value")
    with Image.open(files[3]) as picture:
        assert picture.width == 5 * 100 - 4 and picture.height > 4 * 100


def test_publish_without_anything_done(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60, done=0)
    assert [path.name for path in publish(folder, folder / "results")] == ["summary.csv", "scores.csv.gz"]


def test_the_verb(make_study: MakeStudy, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_study(iterations=60, done=3)
    assert main([str(folder), "--page"]) == 0
    assert (folder / "report.html").exists() and not (folder / "scores.csv").exists()
    assert main([str(folder), "--publish", str(folder / "results")]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(folder / "report.html")
    assert (folder / "results" / "summary.csv").exists()


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


def small(folder: Path, values: dict[str, list[list[float]]], **plan: Any) -> Study:
    """Write a study of psnr alone: configuration -> seed -> its pictures' scores; `base` is the baseline."""
    runs = []
    for name, seeds in values.items():
        for seed, one in enumerate(seeds):
            place = folder / f"{name}-{seed}"
            place.mkdir()
            (place / "run.json").write_text(json.dumps({"status": "done", "iterations": 1, "seconds": 1.0}))
            table = pd.DataFrame({"file": [f"{k}.png" for k in range(len(one))], "psnr": one, "ssim": one})
            table.to_csv(place / "scores.csv", index=False)
            runs.append({"configuration": name, "seed": seed, "folder": place.name, "status": "done"})
    nodes = {name: {"variant": name, "overrides": [f"loss=[{name}]"]} for name in values}
    seeds = list(range(max(map(len, values.values()))))
    content = {"name": "small", "baseline": "base", "headline": ["psnr"],
               "metrics": {"psnr": "higher", "ssim": "higher"}, "seeds": seeds, "configurations": nodes,
               "runs": runs}  # fmt: skip
    (folder / "study.json").write_text(json.dumps(content | plan))
    return read_study(folder)


def replace_plan(study: Study, **entries: Any) -> Study:
    return Study(study.folder, {**study.plan, **entries}, study.runs)


def row_of(study: Study, configuration: str, key: str = "psnr") -> Comparison:
    return next(row for row in compare(study) if (row.configuration, row.metric) == (configuration, key))


def test_verdicts_are_corrected_over_the_declared_family(tmp_path: Path) -> None:
    base = [[0.0], [0.0], [0.0]]
    # t = 4.59 (p 0.044) and 3.46 (p 0.074): the first alone would be a verdict.
    values = {"base": base, "a": [[0.71], [1.0], [1.39]], "b": [[0.5], [1.0], [1.5]]}
    study = small(tmp_path, values)
    row = row_of(study, "a")
    assert row.p == pytest.approx(stats.ttest_1samp([0.71, 1.0, 1.39], 0).pvalue) and row.p < 0.05
    assert row.corrected == pytest.approx(2 * row.p)
    assert row.verdict == "unclear" and row.difference is not None and row.difference.excludes_zero
    assert row_of(study, "b").corrected == pytest.approx(max(2 * row.p, row_of(study, "b").p or 0))
    # Without a headline all that is scored is the family: four comparisons.
    assert row_of(replace_plan(study, headline=[]), "a").corrected == pytest.approx(4 * row.p)
    # Outside of the family nothing is corrected, and that is said.
    assert (row_of(study, "a", "ssim").corrected, row_of(study, "a", "ssim").verdict) == (None, "better")
    change(tmp_path, headline=["psnr", "ssim"], family=["psnr"])
    page = read(write_report(tmp_path)).text
    assert "a is better in SSIM (+1.0, uncorrected) and not clearly different in PSNR" in page
    assert "verdicts are corrected (Holm) for 2 comparisons in PSNR" in page
    assert "In other metrics verdicts are uncorrected: hints." in page
    rows = pd.read_csv(tmp_path / "summary.csv").set_index(["configuration", "metric"])
    assert rows.loc[("a", "psnr")]["verdict"] == "unclear" and np.isnan(rows.loc[("a", "ssim")]["p_corrected"])


def test_two_seeds_that_happen_to_agree_make_no_verdict_where_others_scatter(tmp_path: Path) -> None:
    values = {"base": [[0.0], [0.0]], "lucky": [[1.0], [1.001]], "other": [[0.0], [2.0]], "third": [[3.0], [2.0]]}
    row = row_of(small(tmp_path, values), "lucky")
    assert row.difference is not None and row.difference.excludes_zero and row.lucky and row.verdict == "unclear"
    assert row.p == pytest.approx(p_value([1.0, 1.001], least=float(np.sqrt((2 + 0.5 + 5e-7) / 3))))
    assert "not clearly different in PSNR (two seeds, closer than others' here)" in read(write_report(tmp_path)).text
    (tmp_path / "alone").mkdir()
    alone = row_of(small(tmp_path / "alone", {name: values[name] for name in ("base", "lucky")}), "lucky")
    assert (alone.lucky, alone.verdict) == (False, "better")


def test_equal_seeds_and_equal_pictures_are_told(tmp_path: Path) -> None:
    base = [[1.0, 2.0], [1.5, 2.5]]
    values = {"base": base, "shifted": [[2.0, 3.0], [2.5, 3.5]], "same": base}
    study = small(tmp_path, values)
    shifted, same = row_of(study, "shifted"), row_of(study, "same")
    assert (shifted.verdict, shifted.doubt) == ("unclear", "2 seeds agree, no interval")
    assert (same.verdict, same.doubt, same.p) == ("equal", "the same in every picture", None)
    page = read(write_report(tmp_path)).text
    assert "same is equal in PSNR" in page and "2 seeds agree, no interval" in page


def test_configurations_that_are_one_run_are_named_and_counted_once(tmp_path: Path) -> None:
    values = {"base": [[0.0], [0.0], [0.0]], "a": [[1.0], [1.1], [1.2]], "twin": [[1.0], [1.1], [1.2]]}
    small(tmp_path, values)
    runs = json.loads((tmp_path / "study.json").read_text())["runs"]
    for run in runs:
        run["folder"] = run["folder"].replace("twin", "a")
    change(tmp_path, runs=runs)
    study = read_study(tmp_path)
    row = row_of(study, "twin")
    assert row.corrected == row.p == row_of(study, "a").corrected
    assert "6 of 6 runs done" in read(write_report(tmp_path)).text
    said = "One and the same run: a and twin. What sets them apart has no effect."
    assert said in read(write_report(tmp_path)).text and "One and the same run" in table(tmp_path)


def test_power_is_said_in_words(tmp_path: Path) -> None:
    values = {"base": [[0.0]] * 3, "a": [[0.0], [1.0], [2.0]], "b": [[3.0], [5.0], [4.0]]}
    study = small(tmp_path, values)
    rows = compare(study)
    three, eight = (number(detectable(1.0, seeds, 2), 1) for seeds in (3, 8))
    assert power(study, rows) == (
        f"Three seeds would show {three} dB in PSNR here; eight would show {eight} dB in PSNR (four times in five, by "
        "the scatter of the paired differences, corrected for 2 comparisons)."
    )
    assert power(study, rows) in read(write_report(tmp_path)).text
    first = Study(tmp_path, study.plan, [run for run in study.runs if run.seed == 0])
    assert power(first, compare(first)) == ""


@pytest.mark.parametrize(("key", "better"), [("gradient_gap_hole", None), ("mine", 0), ("mine", 0.0)])
def test_a_metric_with_a_target_is_closer_or_farther(key: str, better: float | None, tmp_path: Path) -> None:
    values = {
        "base": [[-0.3], [-0.32], [-0.29]],
        "near": [[-0.1], [-0.13], [-0.09]],
        # As near, from above: in "higher" and "lower" it would be the farthest of all.
        "over": [[0.1], [0.12], [0.08]],
        "far": [[-0.9], [-0.93], [-0.89]],
        "beyond": [[0.3], [0.31], [0.3]],
    }
    small(tmp_path, values)
    for place in tmp_path.glob("*/scores.csv"):
        place.write_text(place.read_text().replace("psnr", key))
    change(tmp_path, headline=[key], metrics={key: better})
    rows = {row.configuration: row for row in compare(read_study(tmp_path)) if row.metric == key}
    assert [rows[name].verdict for name in values] == [None, "closer", "closer", "farther", "unclear"]
    assert rows["near"].distance is not None and rows["near"].distance.mean == pytest.approx(-0.59 / 3)
    assert rows["over"].meeting == pytest.approx((-0.91 / 3, 0.1))
    page = read(write_report(tmp_path)).text
    place = "the true gradient in the hole" if key == "gradient_gap_hole" else "0 in mine"
    assert re.search(rf"near is closer to {place} \(−0\.30+\d* → −0\.1\d*\)", page)
    assert "closer to 0 is better" in page and "▲ better or closer to the target" in page
    assert f"far is farther to {place}" not in page and f"far is farther from {place}" in page
    assert "→ 0" in table(tmp_path)


def test_what_sets_configurations_apart_is_said_once(make_study: MakeStudy) -> None:
    nodes = {
        f"{variant} {place} {value}": {
            "variant": variant,
            "point": {"pictures": place, "weights.adversarial": f"adversarial={value}"},
            "overrides": [f"loss=[{variant}]", "size=64", f"data={place}", f"weights.adversarial={value}"],
        }
        for variant in ("mse", "gan") for place in ("drawings", "photographs") for value in ("0.1", "1")
    }  # fmt: skip
    folder = make_study(iterations=60, done=0, configurations=nodes, overrides=["scheduler=cosine"])
    assert differences(read_study(folder)) == [
        ("every run", ["scheduler=cosine", "size=64"]),
        ("mse", ["loss=[mse]"]),
        ("gan", ["loss=[gan]"]),
        ("weights.adversarial", ["0.1", "1"]),
        ("pictures: drawings", ["data=drawings"]),
        ("pictures: photographs", ["data=photographs"]),
    ]
    assert read(write_report(folder)).text.count("loss=[gan]") == 1
    assert common([["a", "b", "c"], ["c", "a"]]) == ["a", "c"] and common([["a"]]) == ["a"]


def test_a_shared_prefix_is_said_and_drawn_once(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60)
    write_report(folder)
    chart = "val_psnr_hole.svg"
    alone = (folder / "figures" / chart).read_text()
    for place in folder.glob("runs/*"):
        seed, _, number = place.name.partition("-")
        # The third has started from nothing that another has.
        prefix = {"iteration": 30, "identity": f"{seed}-{number if number == '2' else 'a'}", "seconds": 360.0}
        path = place / "run.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"prefix": prefix}))
    page = read(write_report(folder)).text
    assert page.count("mse and gan_0.002: 30 iterations, 6 min a seed") == 1
    # Nine lines were drawn; now three of each seed, and one for what two of them share.
    count = {text: text.count("stroke-opacity: 0.8") for text in (alone, (folder / "figures" / chart).read_text())}
    assert list(count.values()) == [9, 12]


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


def test_a_setting_of_words_has_points_and_no_line_between_them() -> None:
    seeds = [
        pd.DataFrame({"only": ["telea", "telea", "paste"], "file": list("aba"), "auroc": [0.9, 0.7, low]})
        for low in (0.5, 0.6)
    ]
    found = lines({"all": seeds}, ["auroc"])
    (line,) = found["auroc"]
    assert list(line.values) == ["paste", "telea"] and line.mean == pytest.approx([0.55, 0.8])
    (axes,) = draw(found).axes
    assert axes.lines[0].get_linestyle() == "None" and len(axes.collections) == 1
    assert [label.get_text() for label in axes.get_xticklabels()] == ["paste", "telea"]


def test_scores_along_a_setting_are_drawn_and_published(make_study: MakeStudy, tmp_path: Path) -> None:
    folder = make_study()
    for place in folder.glob("runs/*"):
        level = int(place.name.partition("-")[2])
        rows = [(count, f"{k}.png", 20.0 + level + count / 10 + k) for count in (0, 1, 500) for k in range(3)]
        pd.DataFrame(rows, columns=["count", "file", "psnr_hole"]).to_csv(place / "curve.csv", index=False)
    (line, *others) = lines_along(read_study(folder))["psnr_hole"]
    assert (line.name, line.setting, line.values) == ("mse", "count", [0.0, 1.0, 500.0]) and len(others) == 2
    assert line.mean == line.low == line.high == [21.0, 21.1, 71.0]
    page = write_report(folder).read_text()
    assert "Scores along a setting of the degradation" in page
    assert (folder / "figures" / "along_psnr_hole.svg").is_file()
    assert {"along.png", "along.csv"} <= {path.name for path in publish(folder, tmp_path / "published")}
    published = pd.read_csv(tmp_path / "published" / "along.csv")
    assert list(published.columns) == ["configuration", "seed", "count", "psnr_hole"]
    first = published[(published["configuration"] == "mse") & (published["seed"] == 0)]
    assert first["count"].tolist() == [0, 1, 500] and first["psnr_hole"].tolist() == [21.0, 21.1, 71.0]


def test_scores_that_were_edited_since_are_named_and_not_counted(make_study: MakeStudy, capsys: Any) -> None:
    folder = make_study(iterations=60)
    run = read_study(folder).runs[0].folder
    record = json.loads((run / "run.json").read_text())
    write_record(run, {**record, "digests": digests(run, ("metrics.csv", "scores.csv", "pictures/*"))})
    before = read_study(folder).runs[0]
    assert before.altered == [] and before.scores is not None and before.pictures
    (run / "scores.csv").write_text((run / "scores.csv").read_text().replace("1", "2", 1))
    (run / "metrics.csv").write_text("")
    after = read_study(folder).runs[0]
    assert after.scores is None and after.curves is None and after.pictures
    page = read(write_report(folder)).text
    assert f"and not counted: metrics.csv, scores.csv of {run.name}" in page
    assert f"{run.name}: edited or damaged since, and not counted: metrics.csv, scores.csv" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "{", "[]", "\0"])
def test_a_damaged_study_is_one_line(content: str, make_study: MakeStudy) -> None:
    folder = make_study(iterations=60)
    (folder / "study.json").write_text(content)
    with pytest.raises(UserError, match=r"study\.json is .*henkan study writes it again"):
        write_report(folder)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"seconds": 376.0, "iterations": 7000}, "6 min"),
        ({"seconds": 609.0, "iterations": 7200, "prefix": {"seconds": 376.0}}, "10 min (6 min shared)"),
        (
            {"seconds": 609.0, "iterations": 7200, "prefix": {"seconds": 376.0}, "seconds_lost": 50.0},
            "10 min (6 min shared, 50 s lost besides)",
        ),
        ({"seconds": 0.0, "iterations": 0}, "–"),
        ({"iterations": 5}, "–"),
    ],
)
def test_what_training_took(tmp_path: Path, record: dict[str, Any], said: str) -> None:
    assert cost(Run("mse", 0, tmp_path, "done", record)) == said


def test_the_environment_is_that_of_each_run(tmp_path: Path) -> None:
    def node(threads: int, since: int = 0) -> dict[str, Any]:
        return {"since": since, "hardware": {"threads": threads, "cores": 8}, "versions": {"torch": "2.15.0"}}

    records = [
        {"environments": [node(1)], "commit": "abc", "uncommitted": True},
        {"environments": [node(1), node(2, since=60)], "commit": "abc"},
        # Of before there was a list.
        {"hardware": {"threads": 2, "cores": 8}, "versions": {"torch": "2.15.0"}, "commit": "abc"},
        {},
    ]
    runs = [Run("mse", seed, tmp_path / f"r{seed}", "done", record) for seed, record in enumerate(records)]
    study = Study(tmp_path, {"environment": {"hardware": {"threads": 64}}}, runs)
    assert environment(study) == [
        ("hardware.threads", "1 (r0 and r1); 2 (r1 and r2)"),
        ("hardware.cores", "8"),
        ("versions.torch", "2.15.0"),
        ("commit", "abc with uncommitted changes (r0); abc (r1 and r2)"),
    ]
