"""What a repository keeps of a study: small, repeatable, with scores along a setting."""

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from tiny_report import MakeStudy

from henkan.evaluation.along import label, write_curve
from henkan.files import unsealed, write_sealed
from henkan.report.figures.along import lines_along
from henkan.report.figures.lines import draw, draw_curve, lines
from henkan.report.publish import PUBLISHED_BYTES, publish
from henkan.report.read import read_study
from henkan.report.run import read_table
from henkan.report.write import write_report


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


def test_of_a_study_without_a_headline_no_empty_table_is_published(
    make_study: MakeStudy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_study()
    plan, _ = unsealed(json.loads((folder / "study.json").read_text()))
    write_sealed(folder / "study.json", plan | {"headline": []})
    monkeypatch.setattr("henkan.report.publish.PUBLISHED_BYTES", 100)
    publish(folder, folder / "results")
    assert not (folder / "results" / "scores.csv.gz").exists()
    assert "scores.csv.gz would take more than" in capsys.readouterr().err


def test_publish_without_anything_done(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60, done=0)
    assert [path.name for path in publish(folder, folder / "results")] == ["summary.csv", "scores.csv.gz"]


def test_a_setting_of_words_has_points_and_no_line_between_them() -> None:
    seeds = [
        pd.DataFrame({"only": ["telea", "telea", "paste"], "file": list("aba"), "auroc": [0.9, 0.7, low]})
        for low in (0.5, 0.6)
    ]
    found = lines({"all": seeds}, ["auroc"])
    (line,) = found["auroc"]
    assert list(line.values) == ["telea", "paste"] and line.mean == pytest.approx([0.8, 0.55])
    (axes,) = draw(found).axes
    assert axes.lines[0].get_linestyle() == "None" and len(axes.collections) == 1
    assert [label.get_text() for label in axes.get_xticklabels()] == ["telea", "paste"]


def test_ranges_and_null_are_values_of_a_setting(tmp_path: Path) -> None:
    values = [label(value) for value in ([30, 40], None, 90) for _ in "ab"]
    write_curve(pd.DataFrame({"quality": values, "file": list("ab") * 3, "psnr": [1.0, 3, 4, 6, 7, 9]}), tmp_path)
    table = read_table(tmp_path / "curve.csv")
    assert table is not None
    (line,) = lines({"": [table]}, ["psnr"])["psnr"]
    assert list(line.values) == ["[30, 40]", "null", "90"] and line.mean == [2.0, 5.0, 8.0]
    draw_curve(tmp_path)
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


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
