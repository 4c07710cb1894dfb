"""`henkan evaluate`: the scores of a trained run again, others beside them, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from omegaconf import DictConfig, OmegaConf
from tiny_model import write_model

from henkan.launching.execute import execute
from henkan.runs.mark import is_own
from henkan.runs.record import altered, read_record, write_record
from henkan.verbs import train

Compose = Callable[..., DictConfig]


def only_run(runs: Path) -> Path:
    (folder,) = (path.parent for path in runs.glob("*/run.json"))
    return folder


def test_a_trained_run_scores_the_same_again(tiny: list[str], composed: Compose, tmp_path: Path) -> None:
    train.main(composed([*tiny, "loss=[mse]"]))
    folder = only_run(tmp_path / "runs")
    before = (folder / "scores.csv").read_text()
    (folder / "scores.csv").unlink()
    assert execute("evaluate", [f"run={folder}"]).code == 0
    assert (folder / "scores.csv").read_text() == before


def test_other_settings_do_not_overwrite_the_scores_of_test(tiny: list[str], composed: Compose, tmp_path: Path) -> None:
    train.main(composed([*tiny, "loss=[mse]"]))
    folder = only_run(tmp_path / "runs")
    before = (folder / "scores.csv").read_text()
    assert execute("evaluate", [f"run={folder}", "evaluation.split=val", "metric=[l1_hole]"]).code == 0
    assert (folder / "scores.csv").read_text() == before
    (other,) = (folder / "evaluations").iterdir()
    assert json.loads((other / "evaluation.json").read_text())["split"] == "val"
    assert (other / "scores.csv").read_text().splitlines()[0] == "file,l1_hole"
    assert (other / "samples.csv").read_text().splitlines()[0] == "file,area,kind"
    assert len((other / "scores.csv").read_text().splitlines()) == 1 + 4


def test_pictures_are_kept_of_those_that_are_scored(tiny: list[str], composed: Compose, tmp_path: Path) -> None:
    train.main(composed([*tiny, "loss=[mse]", "evaluation.split=null"]))
    folder = only_run(tmp_path / "runs")
    nothing = execute("evaluate", [f"run={folder}"])
    assert nothing.code == 2 and "evaluation.split=null scores nothing: name a split" in str(nothing.error)
    assert execute("evaluate", [f"run={folder}", "evaluation.split=val", "evaluation.pictures=2"]).code == 0
    (other,) = (folder / "evaluations").iterdir()
    scored = pd.read_csv(other / "scores.csv")["file"].tolist()
    assert len(scored) == 2 and json.loads((other / "pictures" / "index.json").read_text()) == scored
    assert sorted(path.name for path in other.glob("pictures/*_output.png")) == ["00_output.png", "01_output.png"]


def test_the_post_processed_output_is_scored_beside_the_other(
    tiny: list[str], composed: Compose, tmp_path: Path
) -> None:
    train.main(composed([*tiny, "loss=[mse]"]))
    folder = only_run(tmp_path / "runs")
    identity = json.loads((folder / "run.json").read_text())["identity"]
    assert execute("evaluate", [f"run={folder}", "postprocess=poisson", "metric=[psnr_hole,gradient_hole]"]).code == 0
    (other,) = (folder / "evaluations").iterdir()
    scores = pd.read_csv(other / "scores.csv")
    assert list(scores) == [
        *("file", "psnr_hole", "psnr_hole_post", "gradient_hole", "gradient_hole_post"),
    ]
    assert (scores["psnr_hole"] != scores["psnr_hole_post"]).all()
    plain = pd.read_csv(folder / "scores.csv")
    assert scores["psnr_hole"].tolist() == plain["psnr_hole"].tolist()
    shown = {path.name.partition("_")[2] for path in (other / "pictures").glob("*.png")}
    assert shown == {"source.png", "output.png", "postprocessed.png", "target.png"}
    # How it is scored does not make it another run.
    train.main(composed([*tiny, "loss=[mse]", "postprocess=poisson"]))
    assert json.loads((only_run(tmp_path / "runs") / "run.json").read_text())["identity"] == identity
    assert "psnr_hole_post" in pd.read_csv(folder / "scores.csv")


def test_a_run_of_before_there_were_areas(tiny: list[str], composed: Compose, tmp_path: Path) -> None:
    train.main(composed([*tiny, "loss=[mse]"]))
    folder = only_run(tmp_path / "runs")
    assert (folder / "areas.csv").is_file()
    config = OmegaConf.load(folder / "config.yaml")
    del config.evaluation["areas"]
    OmegaConf.save(config, folder / "config.yaml")
    (folder / "areas.csv").unlink()
    # Runs of then have no digests either.
    record = read_record(folder) or {}
    write_record(folder, {name: value for name, value in record.items() if name != "digests"})
    assert execute("evaluate", [f"run={folder}"]).code == 0
    assert not (folder / "areas.csv").exists()


@pytest.mark.parametrize(
    "generator",
    ["telea", "navier_stokes", "biharmonic", "patchmatch", "criminisi", "image_melding", "planar_guidance"],
)
def test_what_learns_nothing_is_scored_without_training(tiny: list[str], tmp_path: Path, generator: str) -> None:
    assert execute("evaluate", [*tiny, f"generator={generator}"]).code == 0
    folder = only_run(tmp_path / "runs")
    scores = pd.read_csv(folder / "scores.csv")
    assert scores["psnr_hole"].notna().all() and scores["psnr"].between(5, 100).all()
    assert folder.name.startswith(f"glcic-{generator}-")


def test_what_it_refuses(tiny: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert execute("evaluate", [f"run={tmp_path / 'nowhere'}"]).code == 2
    assert "there is no checkpoint" in capfd.readouterr().err
    assert execute("evaluate", tiny).code == 2
    assert "name a trained run with run=FOLDER" in capfd.readouterr().err


@pytest.mark.usefixtures("white")
def test_train_and_evaluate_find_what_the_other_has_done(
    tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*tiny, "generator=white"]
    assert execute("evaluate", words).code == 0
    (folder,) = (path.parent for path in (tmp_path / "runs").glob("*/run.json"))
    before = (folder / "scores.csv").read_text()
    assert execute("train", [*words, "seed=5"]).code == 0
    printed = capsys.readouterr()
    assert "done already" in printed.err
    assert printed.out.splitlines() == [str(folder), str(folder)]
    assert execute("train", [*words, "rerun=true"]).code == 0
    assert execute("evaluate", [f"run={folder}"]).code == 0
    assert (folder / "scores.csv").read_text() == before


def test_between_two_runs_and_the_mean_of_eight_views(pictures: Path, tmp_path: Path, composed: Compose) -> None:
    """Super-resolution: a blend by weights at 1 and 0 is one run or the other, and lies beside the run's own scores."""
    words = ["experiment=srresnet", "scale=smoke", "data=image_folder", f"data.path={pictures}", "logger=none"]
    words += [
        "size=16",
        "schedule.joint.iterations=2",
        "validation.every=2",
        "metric=[psnr_y_crop]",
        "trainer.threads=1",
    ]
    words += [f"paths.runs={tmp_path / 'runs'}", f"paths.cache={tmp_path / 'cache'}", "optimizer.generator.lr=1e-2"]
    for seed in (0, 1):
        train.main(composed([*words, f"seed={seed}"]))
    first, second = sorted((tmp_path / "runs").glob("*/run.json"))

    def scores(*more: str) -> list[float]:
        known = set(first.parent.glob("evaluations/*"))
        assert execute("evaluate", [f"run={first.parent}", *more]).code == 0
        (new,) = set(first.parent.glob("evaluations/*")) - known
        return pd.read_csv(new / "scores.csv")["psnr_y_crop"].tolist()

    own, others = (pd.read_csv(run.parent / "scores.csv")["psnr_y_crop"].tolist() for run in (first, second))
    other = f"other={second.parent}"
    assert own != others
    assert scores(other, "blend=1") == own and scores(other, "blend=0") == others
    assert scores(other, "blend=1", "blend_of=pictures") == own
    between = scores(other, "blend=0.5"), scores(other, "blend=0.5", "blend_of=pictures")
    assert between[0] not in (own, others, between[1])
    assert scores("evaluation.ensemble=true") != own
    assert pd.read_csv(first.parent / "scores.csv")["psnr_y_crop"].tolist() == own
    assert execute("evaluate", [f"run={first.parent}", "blend=0.5"]).code == 2


def test_values_that_nothing_can_be_scored_by_are_one_line(tiny: list[str], composed: Compose, tmp_path: Path) -> None:
    train.main(composed([*tiny, "loss=[mse]", "evaluation.split=null"]))
    folder = only_run(tmp_path / "runs")
    for word, said in (
        ("evaluation.split=validation", "evaluation.split=validation does not fit"),
        ("evaluation.pictures=-1", "evaluation.pictures=-1 must be 1 or more"),
        ("evaluation.batch=0", "evaluation.batch=0 must be 1 or more"),
    ):
        outcome = execute("evaluate", [f"run={folder}", *([] if "split" in word else ["evaluation.split=val"]), word])
        assert outcome.code == 2 and said in str(outcome.error)
    assert execute("evaluate", [f"run={folder}", "evaluation.split=val", "~metric.psnr"]).code == 0
    (other,) = (folder / "evaluations").iterdir()
    assert (other / "scores.csv").read_text().splitlines()[0] == "file,psnr_hole"


def test_model_files_and_blends_have_folders_of_their_own(pictures: Path, tmp_path: Path) -> None:
    one, two = (
        write_model(tmp_path / name / "m.safetensors", "completion", gain=gain)
        for name, gain in (("a", 1.0), ("b", 0.9))
    )
    words = ["data=image_folder", f"data.path={pictures}", "evaluation.pictures=1", "metric=[psnr]"]
    words += [f"paths.runs={tmp_path / 'runs'}", f"paths.cache={tmp_path / 'cache'}"]
    for more in ([], [f"other={two}", "blend=0.5"], [f"other={two}", "blend=0.1"]):
        assert execute("evaluate", [f"model={one}", *words, *more]).code == 0
    assert execute("evaluate", [f"model={two}", *words]).code == 0
    assert len(list((tmp_path / "runs").glob("m-*"))) == 4


def test_a_done_run_that_is_scored_otherwise_says_how(tiny: list[str], composed: Compose, tmp_path: Path) -> None:
    train.main(composed([*tiny, "loss=[mse]"]))
    folder = only_run(tmp_path / "runs")
    before = OmegaConf.load(folder / "config.yaml")
    train.main(composed([*tiny, "loss=[mse]", "evaluation.split=val", "validation.every=9"]))
    after = OmegaConf.load(folder / "config.yaml")
    assert (before.evaluation.split, after.evaluation.split) == ("test", "val")
    # How it was trained is as it was.
    assert after.validation == before.validation
    record = read_record(folder)
    assert record is not None and is_own(record, after) and altered(folder) == []
    # Where nothing is to be scored, scores stay.
    train.main(composed([*tiny, "loss=[mse]", "evaluation.split=null"]))
    now = read_record(folder)
    assert now is not None and now["metrics"] == record["metrics"]
    assert OmegaConf.load(folder / "config.yaml").evaluation.split == "val"


def test_pictures_of_an_earlier_evaluation_do_not_stay(tiny: list[str], composed: Compose, tmp_path: Path) -> None:
    train.main(composed([*tiny, "loss=[mse]"]))
    folder = only_run(tmp_path / "runs")
    stale = folder / "pictures" / "00_postprocessed.png"
    stale.write_bytes((folder / "pictures" / "00_output.png").read_bytes())
    train.main(composed([*tiny, "loss=[mse]", "evaluation.split=val"]))
    assert not stale.exists() and (folder / "pictures" / "00_output.png").exists()
