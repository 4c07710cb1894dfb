"""What a repository keeps of its studies: reports are made of it anew, and what READMEs say stands in it."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from henkan.errors import UserError
from henkan.report.comparisons import compare
from henkan.report.published import NUMBERS, ROW, SCORES, SUMMARY, finer, rebuild, searches
from henkan.report.read import read_study
from henkan.report.scores import summary_table
from henkan.report.searched import read_search
from henkan.report.words import listed, metric
from henkan.verbs.report import main

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
STUDIES = sorted(path.parents[1].name for path in EXPERIMENTS.glob(f"*/results/{SUMMARY}"))
# The rest take seconds each.
QUICK = ("dehaze_physics", "hints", "sr_mse_vs_gan")


def results(name: str) -> Path:
    return EXPERIMENTS / name / "results"


WITH_SCORES = [name for name in STUDIES if (results(name) / SCORES).is_file()]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in WITH_SCORES]
)
def test_a_committed_summary_is_that_of_its_scores(name: str, tmp_path: Path) -> None:
    study = read_study(rebuild(results(name), tmp_path))
    found = summary_table(compare(study)).set_index(ROW)
    kept = pd.read_csv(results(name) / SUMMARY).set_index(ROW)
    both = kept.index.intersection(found.index)
    # What was too large to publish is of no headline metric.
    assert {metric for _, metric in both} >= set(study.headline)
    for column in NUMBERS:
        ours, theirs = found.loc[both, column].astype(float), kept.loc[both, column].astype(float)
        # Scores have three digits, of which differences lose some, and intervals of two or three seeds more.
        size = kept.loc[both, "mean"].abs().groupby("metric").transform("max")
        assert ((ours - theirs).abs() / size).max() < 0.03, column
    told = kept.loc[both, ["verdict", "p_corrected"]]
    assert (told["verdict"].fillna("") == found.loc[both, "verdict"].fillna("")).all()
    assert np.allclose(told["p_corrected"], found.loc[both, "p_corrected"].astype(float), equal_nan=True)


def test_the_verb_makes_the_report_of_a_committed_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = (results("sr_mse_vs_gan") / SUMMARY).read_bytes()
    again = tmp_path / "results"
    again.mkdir()
    (again / SUMMARY).write_bytes(kept)
    command = [str(results("sr_mse_vs_gan")), "--into", str(tmp_path / "study"), "--publish", str(again)]
    assert main(command) == 0
    assert "Over 6 seeds, against mse" in " ".join(capsys.readouterr().out.split())
    page = (tmp_path / "study" / "report.html").read_text()
    assert "Pareto front" in page and "What does an adversarial loss buy in super-resolution?" in page
    assert (again / "plane.png").is_file() and not (again / SCORES).exists()
    # To the last digit, though the scores have three.
    assert (again / SUMMARY).read_bytes() == kept


def test_the_search_that_a_study_is_of_has_its_page_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(results("perception_distortion")), "--into", str(tmp_path), "--csv"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("configuration,")
    page = tmp_path / "search_perception_distortion" / "report.html"
    assert told.err.splitlines()[-2:] == [str(page), str(tmp_path / "report.html")]
    # As the README has it.
    said = (
        "24 trials: 24 done. On the Pareto front of PSNR in the hole (higher is better) and Lite0 distance (lower is b"
    )
    assert said in page.read_text() and "in validation: 10 trials, " in page.read_text()
    assert page.with_name("search.png").stat().st_size > 10_000


def test_a_published_search_comes_near_to_what_its_file_says(tmp_path: Path) -> None:
    (folder,) = searches(rebuild(results("perception_distortion_color"), tmp_path))
    assert "PSNR (higher is better) and colorfulness gap (nearer to 0 is better)" in read_search(folder).sentence


def test_what_was_not_published_stays_in_the_summary(tmp_path: Path) -> None:
    old = pd.DataFrame(
        [("a", "psnr", 1.23456, None, None), ("a", "rare", 5.0, -1.0, 1.0)],
        columns=[*ROW, "mean", "difference_low", "difference_high"],
    )
    columns = [*ROW, *NUMBERS, "excludes_zero", "p"]
    old["excludes_zero"] = False
    old.to_csv(tmp_path / SUMMARY, index=False)
    new = pd.DataFrame(
        [("a", "psnr", 1.23, *[None] * 5, False, 0.5), ("b", "psnr", 2.0, *[None] * 5, False, 0.1)], columns=columns
    )
    found = finer(tmp_path / SUMMARY, new)
    assert found[ROW].to_numpy().tolist() == [["a", "psnr"], ["a", "rare"], ["b", "psnr"]]
    assert found["mean"].tolist() == [1.23456, 5.0, 2.0] and found["p"].tolist()[::2] == [0.5, 0.1]
    assert finer(tmp_path / "none.csv", new) is new
    for content, message in ((b"", "cannot be read"), (b"\xff\x00", "cannot be read"), (b"a,b\n1,2\n", "it lacks")):
        (tmp_path / SUMMARY).write_bytes(content)
        with pytest.raises(UserError, match=message):
            finer(tmp_path / SUMMARY, new)


def test_a_run_that_an_axis_does_not_change_is_one_again(tmp_path: Path) -> None:
    study = read_study(rebuild(results("dehaze_physics"), tmp_path))
    (place,) = study.folders("dark channel bsds500")
    assert [run.seed for run in study.of("dark channel bsds500")] == [None] and place.is_dir()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no gzip", "cannot be read"),
        (None, "there is no study"),
        ("configuration,seed\nmse,0\n", "lacks file, metric"),
    ],
)
def test_what_cannot_be_rebuilt_is_one_line(content: bytes | str | None, message: str, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    if content is not None:
        text = (EXPERIMENTS / "mse_vs_gan" / "study.yaml").read_text()
        (tmp_path / "study.yaml").write_text(text)
    path = tmp_path / "results" / SCORES
    path.write_bytes(content if isinstance(content, bytes) else gzip.compress((content or "").encode()))
    with pytest.raises(UserError, match=message):
        rebuild(tmp_path / "results", tmp_path / "into")


NUMBER = r"[−+]?\d+\.\d+"
SPAN = re.compile(rf"({NUMBER}) to ({NUMBER})")
WHOLE = re.compile(rf"({NUMBER})(?: [a-zA-Z%]+)? \(({NUMBER}) to ({NUMBER})\)")
# Tables of something else than the committed scores, by how they begin: single runs, pilots, other sets.
ELSEWHERE = (
    "| pilot |",
    "| share of the adversarial one |",
    "| with features too",
    "| by L1 first, then |",
    "| more pairs, line F (95 %)",
    "| PSNR in the hole, dB, by the share that is missing",
    "| weight of style",
)
# Numbers in tables that are no scores: weights, ratios of gradients, a discriminator's accuracy.
OTHERS = {
    "balance": {"0.0001", "0.001", "0.01", "0.1", "0.5"},
    "glcic_ablation": {"1.3", "5.9"},
    "line_loss": {"0.002", "0.94", "0.70"},
    "perception_distortion": {"0.0004", "0.00055", "0.0053", "0.011", "0.040"},
    "perception_distortion_color": {"0.00034", "0.00069", "0.0035", "0.014"},
    "perception_distortion_sr": {"0.85", "4.4", "15", "1.2", "2.2", "0.61"},
}


def tables(text: str) -> Iterator[list[str]]:
    """Yield the tables of a Markdown page, each its lines."""
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        lines = block.splitlines()
        if not lines[0].startswith(ELSEWHERE):
            yield lines


def alike(said: str, values: np.ndarray) -> np.ndarray:
    """Return which values a number with so many decimals stands for, as it is or in percent."""
    digits = len(said.partition(".")[2])
    number = float(said.replace("−", "-"))
    return (np.abs(values[..., None] * (1, 100) - number) <= 0.501 * 10**-digits).any(-1)


@pytest.mark.parametrize("name", STUDIES)
def test_a_readme_says_what_the_summary_says(name: str) -> None:
    kept = pd.read_csv(results(name) / SUMMARY)
    rows = np.concatenate([kept[NUMBERS[:3]].to_numpy(float), kept[NUMBERS[3:]].to_numpy(float)])
    pool = [rows.ravel()]
    for path in results(name).glob("along*.csv"):
        along = pd.read_csv(path)
        seeds = along.drop(columns="seed").groupby(["configuration", along.columns[2]])
        pool += [seeds.agg(how).to_numpy(float).ravel() for how in ("mean", "min", "max", "std")]
    values = np.concatenate(pool)
    values = values[np.isfinite(values)]
    told = 0
    for lines in tables((EXPERIMENTS / name / "README.md").read_text()):
        body = "\n".join(lines[2:])
        for mean, low, high in WHOLE.findall(body):
            fits = alike(mean, rows[:, 0]) & alike(low, rows[:, 1]) & alike(high, rows[:, 2])
            assert fits.any(), f"{mean} ({low} to {high})"
        for low, high in SPAN.findall(body):
            assert (alike(low, rows[:, 1]) & alike(high, rows[:, 2])).any(), f"{low} to {high}"
        for said in re.findall(NUMBER, body):
            assert said in OTHERS.get(name, ()) or alike(said, values).any(), said
            told += 1
    assert told >= 18 or name == "style_grid"


def test_what_is_said_of_blends_is_what_was_scored() -> None:
    kept = pd.read_csv(results("sr_in_full") / "blends.csv")
    text = (results("sr_in_full").parent / "README.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"^\| share of the adversarial one .*\n(?:\|.*\n)+", text, flags=re.MULTILINE)
    told = [[float(cell) for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    wanted = []
    for share, rows in kept.groupby("blend"):
        ways = rows.set_index("blend_of")[["psnr_y_crop", "lite0_distance", "vgg16_distance"]]
        wanted.append(
            [
                share,
                *(
                    round(ways.loc[way, name], 2 if name == "psnr_y_crop" else 3)
                    for way in ("weights", "pictures")
                    for name in ways
                ),
            ]
        )
    assert told == wanted


def certain(name: str) -> str:
    """Return what is said of a study's verdicts: those that correction over the family leaves, or `nothing`."""
    kept = pd.read_csv(results(name) / SUMMARY, dtype={"configuration": str})
    told = kept[kept["p_corrected"].notna() & ~kept["verdict"].isin(["unclear", "equal"])]
    clauses = []
    for configuration, rows in told.groupby("configuration", sort=False):
        found = {str(verdict): listed([metric(key).label for key in own["metric"]])
                 for verdict, own in rows.groupby("verdict", sort=False)}  # fmt: skip
        clauses.append(f"{configuration} is {listed([f'{verdict} in {what}' for verdict, what in found.items()])}")
    return "; ".join(clauses) or "nothing"


@pytest.mark.parametrize("name", WITH_SCORES)
def test_a_readme_says_which_differences_are_beyond_doubt(name: str) -> None:
    text = " ".join((EXPERIMENTS / name / "README.md").read_text().split())
    assert f"**Beyond doubt** after correction over the family: {certain(name)}." in text
