"""A search: what it tries, stops, goes on with and ends by; its runs are acted, in this process."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
from tiny_search import Course, Stage, write_search
from tiny_study import own

from henkan.config.resolved import Paths
from henkan.config.searches import Search, read_search
from henkan.config.studies import read_study
from henkan.errors import UserError
from henkan.launching.execute import execute
from henkan.report import searched
from henkan.runs.identity import digest
from henkan.runs.plan import Plan
from henkan.runs.record import read_record
from henkan.runs.run import write_config
from henkan.sweeps import optimizer, search
from henkan.sweeps.optimizer import PRUNERS, SAMPLERS, journal, make
from henkan.sweeps.search import aimed, prepare_search
from henkan.sweeps.search import planned as search_planned
from henkan.sweeps.trials import TrialJob

Begin = Callable[..., tuple[int, Stage, Path]]


def by_rate(words: dict[str, str]) -> Course:
    """Log what is best at a high rate, two thirds of it at first."""
    score = 20 + 1000 * float(words["optimizer.generator.lr"]) + 5 * ("adversarial" in words["loss"])
    return [{"val/psnr": score * 2 / 3, "val/psnr_hole": -score}, {"val/psnr": score, "val/psnr_hole": -score}]


PLANS: list[Plan] = []
UNDIRECTED = ["metric.psnr_hole.better=null"]


def planned(of: Search, words: Sequence[str], thoroughly: bool = False) -> Plan:
    """Plan as `henkan.sweeps.search.planned` does, from a plan of before: composing takes longest of all here."""
    PLANS[:] = PLANS or [search_planned(of, [])]
    (plan,) = PLANS
    (runs,) = (word.partition("=")[2] for word in of.given if word.startswith("paths.runs="))
    paths: Paths = {**plan.config["paths"], "runs": runs, "searches": f"{runs}/searches"}
    identity = digest([word for word in of.run(words) if not word.startswith(("paths.", "data.path", "swept="))])
    return replace(plan, config={**plan.config, "paths": paths}, identity=identity, prefixes={})


@pytest.fixture
def begin(tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Begin:
    """Return what runs a search of acted runs; it returns the exit code, what was started, and the search's folder."""
    monkeypatch.setattr(search, "POLL", 0.0)
    monkeypatch.setattr(search, "LOOK_EVERY", 0.0)

    def run(
        play: Callable[[dict[str, str]], Course] = by_rate, real: bool = False, **entries: Any
    ) -> tuple[int, Stage, Path]:
        stage = Stage(play)
        monkeypatch.setattr(search, "planned", search_planned if real else planned)
        monkeypatch.setattr(search, "WarmProcesses", stage)
        outcome = execute("search", [write_search(tmp_path, **entries), *own(tiny)])
        folders = sorted((tmp_path / "runs").glob("searches/*/trials.csv"), key=lambda path: path.stat().st_mtime_ns)
        return outcome.code, stage, folders[-1].parent if folders else tmp_path

    return run


def test_a_search_ends_by_a_study_of_the_winners(begin: Begin, capsys: pytest.CaptureFixture[str]) -> None:
    code, stage, folder = begin(real=True, trials=4, winners=2)
    assert (code, len(stage.started)) == (0, 4)
    for argv in stage.started:
        assert argv[0] == "train"
        assert [word for word in argv if word.startswith("evaluation.split")] == ["evaluation.split=null"]
        assert "seed=0" in argv
        # The weight has a value where there is what it weighs.
        assert any(word.startswith("weights.adversarial=") for word in argv) == ("loss=[mse,adversarial]" in argv)
    table = pd.read_csv(folder / "trials.csv")
    assert list(table["status"]) == ["done"] * 4
    assert {"mse", "gan"} == set(table["kind"]), "both are tried"
    assert (table["weights.adversarial"].notna() == (table["kind"] == "gan")).all()

    out = capsys.readouterr().out
    path = Path(out.strip().splitlines()[-1])
    assert "never looked at" in out
    assert f"henkan study {path.parent}" in out
    study = read_study(str(path.parent), [])
    best = table.sort_values("val/psnr", ascending=False)["trial"].head(2)
    assert list(study.variants) == ["recipe", *(f"trial_{number}" for number in best)]
    assert study.variants["recipe"] == []
    assert " ".join(study.variants[f"trial_{best.iloc[0]}"]) == table.set_index("trial").loc[best.iloc[0], "overrides"]
    assert (study.baseline, study.headline) == ("recipe", ["psnr"])
    assert 0 not in study.seeds and len(study.seeds) == 3
    assert not any("evaluation.split" in word for _, _, words in study.runs() for word in words)


def test_a_search_that_has_ended_is_only_told_and_one_of_more_trials_goes_on(begin: Begin) -> None:
    _, _, folder = begin(trials=2)
    code, stage, again = begin(trials=2, winners=1)
    assert (code, stage.started, again) == (0, [], folder)
    code, stage, again = begin(trials=3)
    assert (code, len(stage.started), again) == (0, 1, folder)


def test_one_that_is_behind_is_stopped_and_does_not_fail(begin: Begin, capsys: pytest.CaptureFixture[str]) -> None:
    scores = iter([20.0, 10.0, 30.0])

    def worse(words: dict[str, str]) -> Course:
        score = next(scores)
        return [{"val/psnr": score}, {"val/psnr": score + 1}, {"val/psnr": score + 2}]

    code, _, folder = begin(worse, trials=3, pruner={"name": "median", "n_startup_trials": 1})
    table = pd.read_csv(folder / "trials.csv")
    assert (code, list(table["status"])) == (0, ["done", "stopped", "done"])
    record = read_record(Path(table["folder"][1]))
    assert record is not None
    assert record["status"] == "stopped"
    assert record["error"] == "behind other trials at iteration 6, says median (val/psnr 10)"
    assert "trial 1: stopped: behind other trials" in capsys.readouterr().err
    study = optuna.load_study(study_name=folder.name, storage=journal(folder / "journal.log"))
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "PRUNED", "COMPLETE"]
    assert [trial.intermediate_values for trial in study.trials[:2]] == [{6: 20, 12: 21, 18: 22}, {6: 10}]


def test_hyperband_counts_iterations(tmp_path: Path, tiny: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "planned", planned)
    prepared = prepare_search(read_search(write_search(tmp_path, pruner="hyperband"), own(tiny)))
    pruner = prepared.trials.study.pruner
    assert isinstance(pruner, optuna.pruners.HyperbandPruner)
    assert (pruner._min_resource, pruner._max_resource) == (6, 18)


def test_several_objectives_have_a_front_and_no_pruner(begin: Begin, capsys: pytest.CaptureFixture[str]) -> None:
    scores = iter([(20.0, 20.0), (30.0, 10.0), (19.0, 19.0), (10.0, 30.0)])

    def play(words: dict[str, str]) -> Course:
        values = dict(zip(("val/psnr", "val/psnr_hole"), next(scores), strict=True))
        return [dict.fromkeys(values, 0.0), values]

    objectives = {"val/psnr": None, "val/psnr_hole": "maximize"}
    code, _, folder = begin(play, objectives=objectives, pruner="median", winners=2)
    printed = capsys.readouterr()
    assert "pruner has no effect" in printed.err
    assert "Pareto front" in printed.out
    table = pd.read_csv(folder / "trials.csv")
    assert (code, list(table["status"]), list(table["front"])) == (0, ["done"] * 4, [1, 1, 0, 1])
    study = read_study(printed.out.strip().splitlines()[-1], [])
    assert list(study.variants) == ["recipe", "trial_1", "trial_3"], "from one end of the front to the other"
    assert study.plane == {"x": "psnr", "y": "psnr_hole"}


def test_an_objective_may_be_a_number_to_come_near_to(begin: Begin, capsys: pytest.CaptureFixture[str]) -> None:
    scores = iter([-16.0, -3.0, 2.0, 9.0])
    code, _, folder = begin(
        lambda _: [{"val/psnr_hole": next(scores)}], real=True, objectives={"val/psnr_hole": 0}, overrides=UNDIRECTED
    )
    printed = capsys.readouterr().out
    assert (code, list(pd.read_csv(folder / "trials.csv")["val/psnr_hole"])) == (0, [-16.0, -3.0, 2.0, 9.0])
    assert "best by val/psnr_hole (near 0)" in printed
    study = read_study(printed.strip().splitlines()[-1], [])
    assert list(study.variants) == ["recipe", "trial_2", "trial_1", "trial_3"]
    found = searched.read_search(folder)
    assert list(found.scored["trial"]) == [2, 1, 3, 0]
    assert "Best by PSNR in the hole (nearer to 0 is better), in validation: trial 2 with 2." in found.sentence
    searched.write_search(folder)


def test_of_two_objectives_one_may_be_a_number_to_come_near_to(begin: Begin) -> None:
    scores = iter([(20.0, -5.0), (19.0, 1.0), (18.0, 6.0), (17.0, 0.5)])
    objectives = {"val/psnr": "maximize", "val/psnr_hole": 0.0}
    _, _, folder = begin(
        lambda _: [dict(zip(("val/psnr", "val/psnr_hole"), next(scores), strict=True))],
        real=True,
        objectives=objectives,
        overrides=UNDIRECTED,
    )
    assert list(pd.read_csv(folder / "trials.csv")["front"]) == [1, 1, 0, 1]


def test_a_failed_trial_is_told_and_the_others_go_on(begin: Begin, capsys: pytest.CaptureFixture[str]) -> None:
    courses = iter([["the loss is NaN"], [{"val/psnr": 20.0}], [{"val/psnr": float("nan")}], [{"val/l1": 1.0}]])
    code, _, folder = begin(lambda _: next(courses))
    assert code == 0
    table = pd.read_csv(folder / "trials.csv")
    assert list(table["status"]) == ["failed", "done", "failed", "failed"]
    assert table["error"][0] == "the loss is NaN"
    assert table["error"][2].startswith("val/psnr: its run is done and logged no number there")
    assert "trial 0 failed: the loss is NaN" in capsys.readouterr().out


def test_where_all_have_failed_there_are_no_winners(begin: Begin, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, folder = begin(lambda _: ["the loss is NaN"], trials=2)
    assert code == 1
    assert "there are no winners" in capsys.readouterr().err
    assert not list(folder.glob("*/study.yaml"))


def test_killed_and_started_again_it_goes_on_and_repeats_nothing(begin: Begin, tmp_path: Path) -> None:
    _, whole, folder = begin(trials=4)
    drawn = [argv[1:] for argv in whole.started]
    shutil.rmtree(tmp_path / "runs")
    count = iter(range(9))
    with pytest.raises(SystemExit):
        begin(lambda words: [SystemExit] if next(count) == 1 else by_rate(words), trials=4)
    with (folder / "journal.log").open("a") as file:
        # As it is when the process is killed while it writes.
        file.write('{"op_code":5,"wor')
    code, rest, again = begin(trials=4)
    assert (code, again) == (0, folder)
    # The second one is begun again as the same run; those after it are what they would have been.
    assert [argv[1:] for argv in rest.started] == drawn[1:]
    assert list(pd.read_csv(folder / "trials.csv")["status"]) == ["done"] * 4


def test_one_that_was_stopped_but_not_told_is_not_begun_again(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    def untold(job: TrialJob) -> str:
        raise SystemExit

    scores = iter([20.0, 10.0])
    with pytest.MonkeyPatch.context() as patch:
        real = TrialJob.tell
        patch.setattr(TrialJob, "tell", lambda job: untold(job) if job.asked else real(job))
        with pytest.raises(SystemExit):
            begin(
                lambda _: [{"val/psnr": next(scores)}] * 3, trials=2, pruner={"name": "median", "n_startup_trials": 1}
            )
    code, stage, folder = begin(trials=2, pruner={"name": "median", "n_startup_trials": 1})
    assert (code, stage.started) == (0, [])
    assert list(pd.read_csv(folder / "trials.csv")["status"]) == ["done", "stopped"]


def test_another_question_is_another_search(begin: Begin) -> None:
    folders = [begin(trials=1)[2], begin(trials=1, jobs=2, winners=1, sampler="random")[2]]
    assert folders[0] == folders[1]
    folders += [begin(trials=1, overrides=["batch_size=2"])[2], begin(trials=1, objectives=["psnr_hole"])[2]]
    assert len(set(folders)) == 3


def test_a_run_that_was_validated_otherwise_is_trained_again(
    begin: Begin, tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entries: dict[str, Any] = {"space": {"optimizer.generator.lr": [1e-3]}, "trials": 1, "real": True}

    def play(_: dict[str, str]) -> Course:
        return [{"val/psnr": 20.0, "val/psnr_hole": 20.0}]

    _, first, folder = begin(play, **entries)
    # A run that was not acted has its config beside it.
    base = prepare_search(read_search(str(tmp_path / "alpha"), own(tiny))).base
    write_config(Path(pd.read_csv(folder / "trials.csv")["folder"][0]), base.config)
    _, alike, _ = begin(play, **entries, objectives=["psnr", "psnr_hole"])
    assert (len(first.started), len(alike.started)) == (1, 0)
    _, other, _ = begin(play, **entries, overrides=["validation.pictures=2"])
    assert len(other.started) == 1
    assert "was validated otherwise, so it is trained again" in capsys.readouterr().err


def test_a_point_that_was_tried_is_not_trained_again(begin: Begin) -> None:
    code, stage, folder = begin(trials=3, space={"loss": [["mse"]], "optimizer.generator.lr": [1e-3]})
    assert (code, len(stage.started)) == (0, 1)
    table = pd.read_csv(folder / "trials.csv")
    assert list(table["status"]) == ["done"] * 3
    assert table["folder"].nunique() == 1
    (study,) = folder.glob("alpha_winners_*/study.yaml")
    assert len(read_study(str(study), []).variants) == 2


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (
            {"space": {"weights.adversrial": [0.1, 1.0]}},
            r"at weights.adversrial=0.1: there is no key .* mean 'weights.a",
        ),
        ({"space": {"batch_size": ["many"]}}, "batch_size=many: batch_size=many does not fit: it takes a whole number"),
        ({"space": {"generator": ["unet", "telea"]}}, "nothing is trained with generator=telea"),
        ({"objectives": ["psnrr"]}, r"no run logs val/psnrr \(did you mean 'val/psnr'\?\)"),
        ({"objectives": {"loss/generator": "minimize"}}, "no run logs loss/generator"),
        ({"pruner": "medain"}, r"pruner=medain: there is none of that name \(did you mean 'median'\?\)"),
        ({"sampler": {"name": "random", "seed": 3}}, "sampler.seed would draw one point for ever: say seed="),
        ({"sampler": {"name": "tpe", "n_starts": 1}}, "sampler: tpe has no setting 'n_starts'"),
        ({"storage": "nosql://me:se/cr@et@host/db"}, "storage=nosql://…@host/db cannot be opened"),
    ],
)
def test_what_cannot_be_searched_is_refused_at_once(
    begin: Begin, capsys: pytest.CaptureFixture[str], entries: dict[str, Any], message: str
) -> None:
    code, stage, _ = begin(real="space" in entries, **entries)
    error = capsys.readouterr().err
    assert (code, stage.started) == (2, [])
    assert re.search(message, error), error
    assert error.count("\n") == 1


def test_objectives_have_a_direction_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metric = {
        "psnr": {"_target_": "henkan.metrics.psnr.PSNR", "better": "higher"},
        "l1": {"_target_": "henkan.metrics.psnr.PSNR", "better": "lower"},
        "gradient": {"_target_": "henkan.metrics.psnr.PSNR"},
        "kid": {"_target_": "henkan.metrics.lite0.KIDLite0", "better": "lower"},
        "lpips": {"_target_": "absent_metric.Absent", "better": "lower"},
    }
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "absent_metric.py").write_text(
        "from henkan.errors import MissingWeights\n"
        "class Absent:\n"
        "    def __init__(self): raise MissingWeights('lpips.pth is missing: put it there')\n"
    )

    def of(**objectives: str | float | None) -> dict[str, Any]:
        named = {f"val/{name}": direction for name, direction in objectives.items()}
        return aimed(read_search(write_search(tmp_path, objectives=named), []), metric)

    assert of(psnr=None, l1=None) == {"val/psnr": "maximize", "val/l1": "minimize"}
    assert of(psnr="maximize", gradient="minimize") == {"val/psnr": "maximize", "val/gradient": "minimize"}
    assert of(gradient=0) == {"val/gradient": 0.0}
    refused: list[tuple[dict[str, str | float | None], str]] = [
        ({"psnr": "minimize"}, "objectives.val/psnr=minimize, and higher is better"),
        ({"psnr": 30}, "objectives.val/psnr=30.0, and higher is better"),
        ({"gradient": True}, "objectives.val/gradient=True must be maximize or minimize, a number"),
        ({"gradient": None}, "objectives.val/gradient needs a direction"),
        ({"kid": None}, "no run logs val/kid: validation takes no scores of a whole set"),
        ({"lpips": None}, "no run logs val/lpips: lpips.pth is missing"),
    ]
    for objectives, message in refused:
        with pytest.raises(UserError, match=message):
            of(**objectives)


def test_any_storage_will_do(begin: Begin, tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'trials.db'}"
    code, _, folder = begin(trials=2, storage=address)
    assert code == 0
    assert len(optuna.load_study(study_name=folder.name, storage=address).trials) == 2
    assert not (folder / "journal.log").exists()


def test_what_lies_elsewhere_is_left_to_those_who_have_it(begin: Begin, tmp_path: Path) -> None:
    """Machines that share nothing but the storage: what one has begun is not taken over by the other."""
    address = f"sqlite:///{tmp_path / 'trials.db'}"
    count = iter(range(9))
    with pytest.raises(SystemExit):
        begin(lambda words: [SystemExit] if next(count) == 1 else by_rate(words), trials=3, storage=address)
    shutil.move(tmp_path / "runs", tmp_path / "on_another_machine")
    code, stage, folder = begin(trials=3, storage=address)
    assert (code, len(stage.started)) == (1, 1), "the third; what is unfinished is told by the exit code"
    assert list(pd.read_csv(folder / "trials.csv")["status"]) == ["done", "running", "done"]


def test_samplers_and_pruners_go_by_name() -> None:
    for name in SAMPLERS:
        make("sampler", SAMPLERS, {"name": name}, seed=1)
    for name in PRUNERS:
        settings = {"percentile": {"percentile": 25.0}, "threshold": {"lower": 0.0}}.get(name, {})
        make("pruner", PRUNERS, {"name": name, **settings}, min_resource=1, max_resource=9)
    with pytest.raises(UserError, match="pruner=percentile: .*percentile"):
        make("pruner", PRUNERS, {"name": "percentile"})


def test_without_optuna_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert optimizer.__file__ is not None
    monkeypatch.setitem(sys.modules, "optuna", None)
    spec = importlib.util.spec_from_file_location("alone", optimizer.__file__)
    assert spec is not None and spec.loader is not None
    with pytest.raises(UserError, match=r"pip install 'henkan\[search\]'"):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def test_a_dry_run_says_what_would_be_tried(
    tmp_path: Path, tiny: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "planned", planned)
    assert execute("search", [write_search(tmp_path), *own(tiny), "--dry-run"]).code == 0
    said = capsys.readouterr().out
    assert "weights.adversarial: 0.001 to 0.1, by the logarithm, when kind is gan" in said
    assert "4 trials of 18 iterations as the recipe is, 0 ended" in said
    assert not list((tmp_path / "runs").glob("glcic*"))
