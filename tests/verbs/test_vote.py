"""henkan vote: a study by its folder, a file out and answers in, and each wrong word in one line."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from henkan.errors import UserError
from henkan.launching.execute import execute
from henkan.report.votes import read_votes
from henkan.verbs import vote

Output = pytest.CaptureFixture[str]


@pytest.fixture
def voted(tmp_path: Path) -> Path:
    """A study of two configurations with six pictures each, and scores."""
    from PIL import Image

    runs = []
    for number, name in enumerate(("mse", "gan")):
        folder = tmp_path / "runs" / name
        (folder / "pictures").mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps({"identity": f"{name}-0", "status": "done"}))
        (folder / "scores.csv").write_text("file,psnr\n" + "".join(f"{k}.png,{20 + number + k}\n" for k in range(6)))
        for k in range(6):
            Image.new("RGB", (8, 8), (40 * k, 0, 200 * number)).save(folder / f"pictures/{k:02d}_output.png")
            for role in ("source", "target"):
                Image.new("RGB", (8, 8), (40 * k, 0, 100)).save(folder / f"pictures/{k:02d}_{role}.png")
        (folder / "pictures" / "index.json").write_text(json.dumps([f"{k}.png" for k in range(6)]))
        runs.append({"configuration": name, "seed": 0, "folder": f"../runs/{name}", "status": "done"})
    content = {"name": "tiny", "baseline": "mse", "headline": ["psnr"], "seeds": [0], "runs": runs,
               "configurations": {name: {"variant": name, "overrides": []} for name in ("mse", "gan")},
               "metrics": {"psnr": "higher"}}  # fmt: skip
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "study.json").write_text(json.dumps(content))
    return tmp_path / "study"


def test_a_file_is_written_and_its_answers_are_added_and_told(voted: Path, capsys: Output) -> None:
    page = voted / "vote.html"
    assert execute("vote", [str(voted), f"static={page}", "count=4"]).code == 0
    assert "vote.html: 4 pairs" in capsys.readouterr().out
    session = json.loads(page.read_text().partition('id="session"')[2].partition(">")[2].partition("</script>")[0])
    answers = [{"pair": one["pair"], "answer": "left", "time": "2026-11-26T10:00:00+00:00"} for one in session["pairs"]]
    (voted / "in.json").write_text(json.dumps({"study": "tiny", "voter": "ben", "answers": answers}))
    assert execute("vote", [str(voted), f"import={voted / 'in.json'}"]).code == 0
    printed = capsys.readouterr().out
    assert "4 of 4 answers were new" in printed
    assert "4 votes of ben on 4 pictures; preferred to mse" in printed
    assert "psnr agrees in" in printed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name a study: henkan vote mse_vs_gan"),
        (["voter=ana"], "name a study"),
        (["nothing"], "there is no study 'nothing'"),
        (["{}", "count=0"], "count=0 must be a whole number from 1 to 100000"),
        (["{}", "port=70000"], "port=70000 must be a whole number from 0 to 65535"),
        (["{}", "seed=x"], "seed=x must be a whole number"),
        (["{}", "voter="], "voter=None must be a word"),
        (["{}", "configurations=mse"], "configurations=mse must be a list of two or more"),
        (["{}", "configurations=[mse,gna]", "static=x.html"], "no configuration 'gna' (did you mean 'gan'?)"),
        (["{}", "import=nowhere.json"], "nowhere.json cannot be read"),
    ],
)
def test_a_wrong_word_is_one_line(voted: Path, words: list[str], said: str, capsys: Output) -> None:
    assert execute("vote", [word.format(voted) for word in words]).code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


@pytest.mark.slow
def test_it_serves_until_it_is_told_to_end_and_goes_on_later(voted: Path) -> None:
    words = [sys.executable, "-m", "henkan", "vote", str(voted), "voter=ana"]
    for left in (6, 5):
        with subprocess.Popen(
            words,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            # A shell that starts the suite behind a & has it ignored, and so would be what the suite starts.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        ) as one:
            assert one.stdout is not None
            assert one.stdout.readline().startswith(f"henkan: {left} pairs for ana")
            address = one.stdout.readline().strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{20,}/", address)
            page = urllib.request.urlopen(address).read().decode()
            session = json.loads(page.partition('id="session"')[2].partition(">")[2].partition("</script>")[0])
            assert len(session["pairs"]) == left
            body = json.dumps({"pair": session["pairs"][0]["pair"], "answer": "tie"}).encode()
            urllib.request.urlopen(f"{address}answer", body).read()
            one.send_signal(signal.SIGINT)
            assert one.wait(60) == 0
    assert [vote["voter"] for vote in read_votes(voted)] == ["ana", "ana"]


def test_who_has_no_name_says_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr("getpass.getuser", unknown)
    with pytest.raises(UserError, match="say voter=NAME"):
        vote.whoever()
