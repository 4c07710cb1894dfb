"""`henkan runs`: what it prints, deletes and refuses."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from tiny_runs import identity_of, write_run

from henkan.launching.execute import execute
from henkan.runs.locks import LOCK, lock

Output = pytest.CaptureFixture[str]


@pytest.fixture
def place(tmp_path: Path) -> str:
    runs = tmp_path / "runs"
    write_run(runs, "mse", metrics={"psnr": 20.0, "l1": 3.0, "gradient": 0.2})
    write_run(runs, "weak", alpha=0.001, metrics={"psnr": 19.5, "l1": 2.0})
    write_run(runs, "strong", seed=1, alpha=0.1, status="failed")
    (runs / "begun").mkdir()
    (runs / "begun" / LOCK).touch()
    return f"paths.runs={runs}"


def henkan(*words: str) -> int:
    return execute("runs", words).code


def table(output: Output) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(output.readouterr().out)))


def titles(rows: list[dict[str, str]]) -> list[str]:
    return [row["title"].partition("-")[0] for row in rows]


def test_the_list_names_runs_and_what_is_left_out(place: str, capsys: Output) -> None:
    assert henkan(place) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].startswith("3 of 3 runs in ") and lines[1].split() == [
        "identity",
        "status",
        "run",
        "ended",
        "psnr",
        "l1",
        "gradient",
    ]
    # The last begun first.
    assert lines[2].split()[:3] == [identity_of("strong")[:10], "failed", "strong-seed1"]
    assert err == "henkan: left out: begun (it has no run.json)\n"
    assert henkan(place, "status=done", "loss=adversarial", "--csv", "--columns=weights.adversarial,loss") == 0
    (row,) = table(capsys)
    assert (row["identity"], row["psnr"], row["weights.adversarial"], row["loss"]) == (
        identity_of("weak"), "19.5", "0.001", "adversarial mse",
    )  # fmt: skip
    assert henkan(place, identity_of("mse")[:8]) == 0
    assert identity_of("mse")[:10] in capsys.readouterr().out
    assert henkan(place, "status=stopped") == 0
    assert "none of 3 runs fits status=stopped" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["psnr"], ["mse", "weak"]),
        (["l1"], ["weak", "mse"]),
        (["psnr", "--lowest"], ["weak", "mse"]),
        (["weights.adversarial", "--highest"], ["strong", "weak"]),
        (["psnr", "loss=adversarial"], ["weak"]),
    ],
)
def test_the_best_is_the_first(place: str, capsys: Output, words: list[str], wanted: list[str]) -> None:
    assert henkan(place, "rank", *words, "--csv") == 0
    rows = table(capsys)
    assert "scored" not in rows[0] and "\r" not in "".join(rows[0])
    assert titles(rows) == wanted and [row["rank"] for row in rows] == [str(n + 1) for n in range(len(rows))]


def test_runs_that_were_scored_otherwise_are_told_apart(place: str, capsys: Output, tmp_path: Path) -> None:
    split = {"evaluation": {"split": "val", "batch": 16}}
    write_run(tmp_path / "runs", "other", seed=2, metrics={"psnr": 30.0}, config=split)
    assert henkan(place, "rank", "psnr") == 0
    out, err = capsys.readouterr()
    head, *ways = [line.split()[-1] for line in out.splitlines()[1:]]
    assert head == "scored" and ways[1] == ways[2] != ways[0]
    assert "1 runs have no psnr" in err and "only runs that were scored alike" in err


def test_two_runs_are_compared(place: str, capsys: Output) -> None:
    assert henkan(place, "compare", identity_of("mse")[:10], identity_of("weak")[:10], "--csv") == 0
    rows = {row["key"]: row for row in table(capsys)}
    one, other = (identity_of(name)[:10] for name in ("mse", "weak"))
    assert (rows["weights.adversarial"][one], rows["weights.adversarial"][other]) == ("–", "0.001")
    assert rows["psnr"] == {
        "of": "score",
        "key": "psnr",
        one: "20.0",
        other: "19.5",
        "change": "-0.5",
        "better": "higher",
    }
    assert "seed" not in rows


def test_nothing_is_deleted_without_a_word(place: str, capsys: Output, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    assert henkan(place, "delete", "status=failed") == 2
    out, err = capsys.readouterr()
    assert identity_of("strong")[:10] in out and "nothing was deleted (1 folder, " in err
    assert len(list(runs.glob("*/run.json"))) == 3
    assert henkan(place, "delete", "status=failed", "--yes") == 0
    assert "deleted 1 folder" in capsys.readouterr().out
    assert {path.parent.name[-10:] for path in runs.glob("*/run.json")} == {
        identity_of(n)[:10] for n in ("mse", "weak")
    }
    # What is half-written goes by its whole name.
    assert henkan(place, "delete", "begun", identity_of("mse")[:10], "--yes") == 0
    assert sorted(path.name for path in runs.iterdir() if path.is_dir()) == [
        next(runs.glob("*adversarial*")).name
    ]  # fmt: skip
    capsys.readouterr()
    assert henkan(place) == 0
    assert capsys.readouterr().out.startswith("1 of 1 runs")


@pytest.mark.parametrize(("answer", "left"), [("y", 2), ("", 3), ("no", 3)])
def test_a_person_is_asked(place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: str, left: int) -> None:
    monkeypatch.setattr("sys.stdin", type("Terminal", (StringIO,), {"isatty": lambda self: True})(f"{answer}\n"))
    assert henkan(place, "delete", "status=failed") == 0
    assert len(list((tmp_path / "runs").glob("*/run.json"))) == left


def test_a_run_that_is_trained_is_not_deleted(place: str, capsys: Output, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "runs", "now", seed=3, status="running")
    with lock(folder / LOCK):
        assert henkan(place, "delete", "loss=mse", "--yes") == 2
        assert f"{folder.name} is being trained: nothing was deleted" in capsys.readouterr().err
        assert henkan(place) == 0
        assert "running" in capsys.readouterr().out
    assert len(list((tmp_path / "runs").glob("*/run.json"))) == 4


def test_prefixes_that_no_run_needs_are_deleted(place: str, capsys: Output, tmp_path: Path) -> None:
    for name, identity in (("one", "1" * 64), ("two", "2" * 64)):
        status = "failed" if name == "two" else "done"
        write_run(tmp_path / "runs", name, seed=4, status=status, boundaries={"6": identity})
        folder = tmp_path / "runs" / "prefixes" / identity[:20]
        folder.mkdir(parents=True)
        (folder / "boundary.ckpt").write_bytes(b"x" * 9000)
    assert henkan(place, "prefixes", "--csv") == 0
    assert [(row["prefix"][0], row["iteration"], row["needed"] == "no") for row in table(capsys)] == [
        ("1", "6", True),
        ("2", "6", False),
    ]
    assert henkan(place, "disk") == 0
    assert "5 runs take " in (said := capsys.readouterr().out) and "2 shared prefixes take 2" in said
    assert henkan(place, "delete", "prefixes", "--yes") == 0
    assert [path.name[0] for path in (tmp_path / "runs" / "prefixes").iterdir()] == ["2"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["statsu=done"], "no run knows 'statsu' (did you mean 'status'?)"),
        (["seed<many"], "seed<many: only numbers have an order, and 'many' is none"),
        (["rank"], "henkan runs rank needs a score: henkan runs rank psnr"),
        (["rank", "psrn"], "no run knows 'psrn' (did you mean 'psnr'?)"),
        (["rank", "gradient"], "no config says which way gradient is better: --lowest or --highest"),
        (["compare", "*"], "henkan runs compare needs two runs"),
        (["compare", "*", "*"], "'*' names 3 runs"),
        (["delete", "", "--yes"], "'' names no run"),
        (["delete"], "henkan runs delete needs runs or filters"),
        (["compare", "begun", "begun"], "begun is left out: it has no run.json"),
        (["prefixes", "all"], "henkan runs prefixes all: it lists them all"),
        (["--columns=widht"], "no run knows 'widht' (did you mean "),
        (["lst"], "holds no run 'lst'"),
    ],
)
def test_bad_input_costs_one_line(place: str, capsys: Output, words: list[str], line: str) -> None:
    assert henkan(place, *words) == 2
    told = [text for text in capsys.readouterr().err.splitlines() if "left out: begun (" not in text]
    assert len(told) == 1 and line in told[0]


def test_no_runs_at_all(tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert henkan() == 2
    assert capsys.readouterr().err == (
        "henkan: outputs/runs: No such file or directory; name the folder of the runs with paths.runs=DIR\n"
    )
    (tmp_path / "outputs" / "runs").mkdir(parents=True)
    assert henkan() == 2
    assert "outputs/runs holds no runs: henkan train makes one" in capsys.readouterr().err


def test_a_reader_that_has_gone_is_no_error(place: str) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    # Unbuffered, so that the first line finds nobody.
    command, environment = [sys.executable, "-m", "henkan", "runs", place], {**os.environ, "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(command, stdout=writes, stderr=subprocess.PIPE, text=True, env=environment)
    os.close(writes)
    assert (done.returncode, done.stderr) == (141, "henkan: left out: begun (it has no run.json)\n")
