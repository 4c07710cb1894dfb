"""Runs that no study has asked for: put together, compared, and as tables for papers."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tiny_runs import write_run

from henkan.errors import UserError
from henkan.launching.execute import execute
from henkan.launching.swept import RUNS
from henkan.report.comparisons import Comparison
from henkan.report.contact import sheet
from henkan.report.gathered import found, gather
from henkan.report.pictures import walls
from henkan.report.read import read_study
from henkan.report.run import read_table
from henkan.report.statistics import OVER_SEEDS, Interval
from henkan.report.tables import in_latex, latex, latex_cell, markdown

Output = pytest.CaptureFixture[str]
FILES = ("a", "b", "c")


def scored(runs: Path, name: str, seed: int, psnr: float, alpha: float | None = None, **more: Any) -> Path:
    """Write a run whose pictures score around a mean: a dB less, as much, and more."""
    words = ["experiment=glcic", f"seed={seed}", *([] if alpha is None else [f"weights.adversarial={alpha}"])]
    folder = write_run(runs, f"{name}{seed}", seed, alpha, overrides=words, metrics={"psnr": psnr}, **more)
    lines = [f"{file},{psnr + offset},0.5" for file, offset in zip(FILES, (-1, 0, 1), strict=True)]
    (folder / "scores.csv").write_text("\n".join(["file,psnr,gradient", *lines, ""]))
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two configurations of two seeds: 20 ± 0.1 dB, and a decibel less."""
    runs = tmp_path / "runs"
    for seed, luck in ((0, -0.1), (1, 0.1)):
        scored(runs, "mse", seed, 20 + luck)
        scored(runs, "gan", seed, 19 + luck, alpha=0.01)
    return runs


def folders(runs: Path, pattern: str = "*-seed*") -> list[Path]:
    return sorted(runs.glob(pattern))


def test_runs_that_differ_in_their_seeds_alone_are_one_configuration(runs: Path) -> None:
    study = read_study(gather([f"{runs}/*-mse-*", f"{runs}/*adversarial*"]))
    assert list(study.configurations) == ["mse", "adversarial+mse"]
    assert study.seeds == [0, 1] and study.headline == ["psnr"] and study.directions == {"psnr": "higher"}
    assert study.baselines == {"adversarial+mse": "mse"}
    assert [run.status for run in study.runs] == ["done"] * 4
    assert study.scores("mse", "psnr")[0].tolist() == [18.9, 19.9, 20.9]
    # Refreshed, it is where it was; other runs are another report.
    assert gather([str(runs)]) == study.folder
    assert gather([f"{runs}/*-mse-*"]) != study.folder


def test_what_sets_configurations_apart_is_their_name(tmp_path: Path, capsys: Output) -> None:
    wide = {"generator": {"_target_": "henkan.generators.glcic.GLCIC", "width": 0.5}}
    scored(tmp_path, "a", 0, 20, alpha=0.01)
    scored(tmp_path, "b", 0, 20, alpha=0.1)
    scored(tmp_path, "c", 0, 20, alpha=0.1, recipe="other", config={"size": 32})
    # What sets it apart was set in a file: nobody has said it.
    scored(tmp_path, "d", 0, 20, alpha=0.01, config=wide)
    twin = scored(tmp_path, "e", 0, 20, alpha=0.01, study="again")
    names = list(read_study(gather([str(tmp_path)])).configurations)
    assert sorted(name.removesuffix(name[-7:]) if name[-7] == " " else name for name in names) == [
        "glcic adversarial=0.01",
        "glcic adversarial=0.01",
        "glcic adversarial=0.1",
        "other adversarial=0.1",
    ]
    assert len(set(names)) == 4
    said = capsys.readouterr().err
    assert said.count("once more") == 1 and twin.name[:20] in said


def test_runs_on_other_pictures_are_another_configuration(tmp_path: Path, capsys: Output) -> None:
    scored(tmp_path, "a", 0, 20, manifest="before")
    scored(tmp_path, "b", 0, 22, manifest="after")
    names = list(read_study(gather([str(tmp_path)])).configurations)
    assert len(names) == 2 and "left out" not in capsys.readouterr().err
    scored(tmp_path, "c", 0, 21, manifest="after")
    assert len(read_study(gather([str(tmp_path)])).configurations) == 2
    assert "has the settings of" in capsys.readouterr().err


def test_what_trains_nothing_has_no_seed(tmp_path: Path) -> None:
    scored(tmp_path, "mse", 3, 20)
    scored(tmp_path, "bicubic", 0, 18, config={"loss": {}})
    study = read_study(gather([str(tmp_path)]))
    assert {run.seed for run in study.runs} == {None, 3} and study.seeds == [3]


def test_runs_of_which_none_was_trained_have_pictures_too(tmp_path: Path) -> None:
    for name in ("telea", "bicubic"):
        folder = scored(tmp_path, name, 0, 18, config={"loss": {}, "generator": {"_target_": f"a.{name}"}})
        (folder / "pictures").mkdir()
        Image.new("RGB", (8, 8)).save(folder / "pictures" / "00_output.png")
    study = read_study(gather([str(tmp_path)]))
    (wall,) = walls(study)
    assert len(wall.runs) == 2 and wall.numbers == [0] and sheet(study, 10**6) is not None


def test_pictures_that_are_called_by_numbers_keep_their_names(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text("file,psnr\n0000012,20.5\n0000013,21\n")
    table = read_table(tmp_path / "scores.csv")
    assert table is not None and table["file"].tolist() == ["0000012", "0000013"]


def test_runs_are_found_in_whatever_names_them(runs: Path) -> None:
    names = [folder.name for folder in folders(runs)]

    def told(path: Path | str) -> list[str] | None:
        these = found(str(path))
        return None if these is None else sorted(folder.name for folder in these)

    assert told(runs) == names and told(f"{runs}/*") == names
    assert told(runs / names[0]) == names[:1] and told(runs / "none") is None and told(f"{runs}/none*") is None
    assert told(runs / names[0] / "run.json") is None
    sweep, search, study = (runs / kind / "one" for kind in ("sweeps", "searches", "studies"))
    for folder in (sweep, search, study):
        folder.mkdir(parents=True)
        assert told(folder) is None
    (sweep / RUNS).write_text(f"../../{names[1]}\n../../{names[2]}\n../../{names[1]}\n")
    assert told(sweep) == names[1:3]
    # The places that it knew are those of another folder.
    (search / "trials.csv").write_text(f"trial,folder\n0,outputs/runs/{names[3]}\n1,\n")
    assert told(search) == names[3:]
    nodes = [{"folder": f"../../{name}"} for name in (names[0], "waiting")]
    (study / "study.json").write_text(json.dumps({"runs": nodes}))
    assert told(study) == names[:1]
    # A sweep's report lies with it, and is made of what the sweep has by then.
    assert gather([str(sweep)]) == sweep
    (sweep / RUNS).write_text(f"../../{names[1]}\n")
    assert len(read_study(gather([str(sweep)])).runs) == 1


def test_a_study_is_not_overwritten_and_its_runs_may_be_others_too(runs: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "study.json").write_text(json.dumps({"runs": [{"folder": f"../runs/{folders(runs)[0].name}"}]}))
    with pytest.raises(UserError, match="own holds a study: another folder with --into DIR"):
        gather([str(runs)], own)
    assert len(read_study(gather([str(own), str(folders(runs)[1])], tmp_path / "new")).runs) == 2


def test_half_written_runs_are_named_and_scores_of_other_pictures_are_said(runs: Path, capsys: Output) -> None:
    half, damaged, other = folders(runs)[:3]
    (half / "run.json").unlink()
    (damaged / "config.yaml").write_text("a: [")
    with (other / "config.yaml").open("a") as file:
        file.write("evaluation: {split: val}\n")
    assert len(read_study(gather([str(runs)])).runs) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"henkan: left out: {damaged.name} (") and "is damaged" in lines[0]
    assert lines[1] == f"henkan: left out: {half.name} (it has no run.json)"
    assert lines[2].startswith("henkan: psnr was taken in 2 ways, which do not compare: ")


def test_tables_for_papers_and_pages(runs: Path) -> None:
    study = read_study(gather([f"{runs}/*-mse-*", f"{runs}/*adversarial*"]))
    # Two seeds, 0.2 dB apart: 12.7 times 0.1. Their paired differences agree, which makes no interval and no verdict.
    assert markdown(study).splitlines() == [
        "| configuration | PSNR ↑ |",
        "| --- | ---: |",
        "| mse | 20.0 (18.7 to 21.3) |",
        "| adversarial+mse | 19.0 (17.7 to 20.3) ≈ −1.0 |",
    ]
    text = latex(study)
    assert r"\begin{tabular}{lr}" in text and r" & PSNR $\uparrow$ \\" in text
    assert r"mse & $\mathbf{20.0}$ {\scriptsize $[18.7, 21.3]$} \\" in text
    assert r"adversarial+mse & $19.0$ {\scriptsize $[17.7, 20.3]$} \\" in text
    assert in_latex("[l1] x") == "{}[l1] x"
    assert in_latex(r"a_b 50% \x") == r"a\_b 50\% \textbackslash{}x"


def test_the_verb_prints_what_is_asked_for(runs: Path, capsys: Output, tmp_path: Path) -> None:
    # As a shell's pattern may name a folder of no run.
    (runs / "stopped").mkdir()
    words = [
        f"{runs}/*adv*",
        f"{runs}/stopped",
        f"{runs}/*mse-s*",
        f"--into={tmp_path / 'into'}",
        "--baseline=mse",
        "--csv",
    ]
    assert execute("report", words).code == 0
    out, err = capsys.readouterr()
    rows = {(row["configuration"], row["metric"]): row for row in csv.DictReader(StringIO(out))}
    gan = rows["adversarial+mse", "psnr"]
    assert float(gan["mean"]) == pytest.approx(19) and float(gan["difference"]) == pytest.approx(-1)
    assert gan["baseline"] == "mse" and err.splitlines()[-1] == str(tmp_path / "into" / "report.html")
    assert f"{runs}/stopped holds no runs: left out" in err
    assert execute("report", [str(tmp_path / "into")]).code == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(tmp_path / "into" / "report.html")
    # As it was chosen, whatever comes first.
    assert read_study(tmp_path / "into").plan["baseline"] == "mse"
    assert (tmp_path / "into" / "scores.csv").is_file()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["RUNS/*mse-*", "RUNS/none"], "RUNS/none holds no runs: name runs, a sweep's folder"),
        (["RUNS/sweeps"], "RUNS/sweeps holds no runs"),
        (["RUNS", "scale=smoke"], "scale=smoke: overrides choose a study by its name, and here are runs"),
        (["RUNS", "--baseline=msse"], "baseline=msse (did you mean 'mse'?): the configurations are "),
        (["nothing"], "there is no study 'nothing'"),
    ],
)
def test_bad_input_costs_one_line(
    runs: Path, capsys: Output, words: list[str], line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs.parent)
    (runs / "sweeps").mkdir()
    assert execute("report", [word.replace("RUNS", str(runs)) for word in words]).code == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert line.replace("RUNS", str(runs)) in told


def test_a_name_says_no_more_than_it_must(tmp_path: Path) -> None:
    for seed in (0, 1):
        words = ["experiment=glcic", f"seed={seed}", "data.size=64"]
        scored(tmp_path, "mse", seed, 20)
        for alpha in (0.01, 0.1):
            scored(tmp_path, f"gan{alpha}", seed, 20, alpha=alpha)
        folder = write_run(tmp_path, f"plain{seed}", seed, overrides=[*words, "generator=bicubic"], config={"loss": {}})
        assert folder.is_dir()
    # The seed of what trains nothing does not matter, and its size is not needed to tell it.
    assert list(read_study(gather([str(tmp_path)])).configurations) == [
        "generator=bicubic",
        "adversarial+mse adversarial=0.01",
        "adversarial+mse adversarial=0.1",
        "mse",
    ]


def test_of_twins_the_one_that_is_done_stays(tmp_path: Path, capsys: Output) -> None:
    scored(tmp_path, "a", 0, 20, alpha=0.01, status="interrupted")
    done = scored(tmp_path, "b", 0, 21, alpha=0.01, study="again")
    (run,) = read_study(gather([str(tmp_path)])).runs
    assert (run.status, run.folder.resolve()) == ("done", done.resolve())
    assert "left out: " in capsys.readouterr().err


def test_a_link_to_a_run_that_is_not_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "glcic-x").symlink_to(tmp_path / "unmounted")
    assert found(str(tmp_path / "glcic-x")) is None and found(str(tmp_path / "glcic-*")) is None


@pytest.mark.parametrize(("corrected", "marked"), [(0.01, True), (None, False)])
def test_a_dagger_is_of_what_was_corrected(corrected: float | None, marked: bool) -> None:
    difference = Interval(-1.0, -1.5, -0.5, 0.95, OVER_SEEDS, 3)
    row = Comparison("gan", "psnr", "mse", difference, difference, 3, 3, 0, "higher", p=0.01, corrected=corrected)
    assert row.verdict == "worse" and (r"^\dagger" in latex_cell(row, 1, best=False)) is marked
