"""What an evaluation writes by the share of the picture that is missing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from henkan.evaluation.written import by_area, print_scores, write_scores
from henkan.files import write_json
from henkan.scoring.evaluator import Scores


def test_means_by_area() -> None:
    scores = pd.DataFrame({"area": [0.0, 0.05, 0.1, 0.11, 0.5], "psnr": [1.0, 2.0, 3.0, 4.0, 5.0]})
    table = by_area(scores, [0.0, 0.1, 0.3, 0.4, 1.0])
    assert table.to_dict("list") == {
        "area": ["0-10 %", "10-30 %", "40-100 %"],
        "pictures": [3, 1, 1],
        "psnr": [2.0, 4.0, 5.0],
    }


def test_scores_are_called_by_their_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / f"{'long-' * 30}seed0-3dff98e5bf"
    for folder, name, count, words in (
        (run, run.name, 1, "1 picture of val"),
        (run / "evaluations" / "3_[b]", f"{run.name} (3_[b])", 1200, "1,200 pictures of val"),
    ):
        folder.mkdir(parents=True)
        write_json(
            folder / "evaluation.json",
            {"means": {"psnr": 1.0}, "absent": {"fid": "henkan[metrics]"}, "pictures": count, "split": "val"},
        )
        print_scores(folder)
        said = capsys.readouterr().err
        assert said.splitlines()[0] == f"{name}: {words}" and "absent: henkan[metrics]" in said


def test_areas_of_before_do_not_stay(tmp_path: Path) -> None:
    scores = Scores(files=["a"], facts={"area": [0.1], "kind": ["drawn"]}, images={"psnr": [1.0]})
    write_scores(scores, tmp_path, [0.0, 1.0])
    assert (tmp_path / "areas.csv").is_file()
    write_scores(scores, tmp_path, None)
    assert not (tmp_path / "areas.csv").exists()
