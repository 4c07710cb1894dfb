"""The page of a study: it asks for nothing outside itself, and says what must be said."""

import json
import re
import shutil
import warnings
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from tiny_report import MakeStudy, Page, read

from henkan.report import facts, words
from henkan.report.figures.curves import logs_of
from henkan.report.publish import publish
from henkan.report.read import read_study
from henkan.report.write import table, write_report
from henkan.scoring import evaluation_set, evaluator


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
    assert facts.WHOLE == evaluation_set.WHOLE and words.POST == evaluator.POST


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


def test_phases_are_marked(make_study: MakeStudy) -> None:
    folder = make_study(iterations=240)
    write_report(folder)
    chart = (folder / "figures" / "loss_mse.svg").read_text()
    assert "discriminator" in chart and "joint" in chart and "reconstruction" not in chart
