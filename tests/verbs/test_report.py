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
    with pytest.raises(UserError, match="tiny_study-smoke holds no study yet: henkan study tiny_study"):
        report.main(["tiny_study", *own(tiny)])
    read.folder.mkdir(parents=True)
    write_study(read, plan_jobs(read), read.folder)
    assert report.main(["tiny_study", *own(tiny)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(read.folder / "report.html")


def test_what_was_published_is_found_by_the_name_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = report.folder_of(
        [
            "balance",
        ],
        None,
        None,
    )
    assert folder.name == "balance-laptop-published" and (folder / "study.json").is_file()
    for given in ((tmp_path / "into", None), (None, "gan")):
        with pytest.raises(UserError, match="--into and --baseline are of runs"):
            report.folder_of(["balance"], *given)
