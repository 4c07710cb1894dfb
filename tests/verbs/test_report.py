"""`henkan report`: a study by its name."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_study import own

from henkan.config.studies import read_study
from henkan.errors import UserError
from henkan.sweeps.study import plan_jobs, write_study
from henkan.verbs import report


def test_a_report_is_found_by_the_name_of_its_study(
    study: Path, tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments").mkdir()
    study.rename(tmp_path / "experiments" / study.name)
    read = read_study("tiny_study", own(tiny))
    with pytest.raises(UserError, match=rf"tiny_study-smoke-{read.mark} holds no study yet: henkan study tiny_study"):
        report.main(["tiny_study", *own(tiny)])
    read.folder.mkdir(parents=True)
    write_study(read, plan_jobs(read), read.folder)
    assert report.main(["tiny_study", *own(tiny)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(read.folder / "report.html")


def test_a_report_of_other_settings_is_another_and_each_is_found_by_them(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments").mkdir()
    study.rename(tmp_path / "experiments" / study.name)
    folders = {}
    for words in (["seeds=[0]"], ["size=48", "jobs=2"]):
        read = read_study("tiny_study", words)
        read.folder.mkdir(parents=True)
        write_study(read, [], read.folder)
        folders[words[0]] = read.folder
    names = sorted(folder.name for folder in folders.values())
    told = f"tiny_study-smoke holds no study yet: .* begins it; begun with other settings: {names[0]} and {names[1]}$"
    with pytest.raises(UserError, match=told):
        report.main(["tiny_study"])
    for words in (["seeds=[0]", "logger=csv"], ["trainer.bar=false", "size=48"]):
        capsys.readouterr()
        assert report.main(["tiny_study", *words]) == 0
        place = folders[next(word for word in words if word in folders)]
        assert capsys.readouterr().out.splitlines()[-1] == str(place / "report.html")
    read = read_study("tiny_study", [])
    read.folder.mkdir(parents=True)
    write_study(read, [], read.folder)
    assert report.main(["tiny_study", "jobs=1"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(read.folder / "report.html")
    assert len({*folders.values(), read.folder}) == 3


def test_what_was_published_is_found_by_the_name_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = report.folder_of(
        [
            "balance",
        ],
        None,
        None,
    )
    assert folder.name == "balance-laptop-published" and (folder / "study.json").is_file()
    assert capsys.readouterr().err == ""
    other = read_study("balance", ["seeds=[0]"]).folder
    other.mkdir()
    (other / "study.json").touch()
    assert report.folder_of(["balance"], None, None) == folder
    assert f"this is what was published; begun here with other settings: {other}" in capsys.readouterr().err
    for given in ((tmp_path / "into", None), (None, "gan")):
        with pytest.raises(UserError, match="--into and --baseline are of runs"):
            report.folder_of(["balance"], *given)
