"""The plan of a study: what is shared, what is scored once."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console
from tiny_network import saved
from tiny_study import in_study, own

from henkan.config.studies import read_study
from henkan.cuda import Gpu
from henkan.errors import MissingWeights
from henkan.launching import launcher
from henkan.launching.launcher import WarmProcesses
from henkan.launching.worker import SINCE
from henkan.report.statistics import OVER_SEEDS, WITHOUT_SEEDS
from henkan.runs.locks import TURN, lock
from henkan.runs.record import as_record, read_record, write_record
from henkan.runs.sources import code, in_words
from henkan.sweeps.progress import tree, work
from henkan.sweeps.scheduler import at_once, run_jobs
from henkan.sweeps.study import done_by_other_code, plan_jobs, twins


def test_the_plan_shares_prefixes(study: Path, tiny: list[str]) -> None:
    jobs = plan_jobs(read_study(str(study), own(tiny)))
    assert [(job.configuration, job.seed) for job in jobs] == [
        (name, seed) for seed in (0, 1) for name in ("mse", "weak", "strong")
    ]
    names = [job.folder.name.rpartition("-")[0] for job in jobs[:3]]
    adversarial = "glcic-adversarial+mse-seed0-adversarial_"
    assert names == ["glcic-mse-seed0", f"{adversarial}0.01", f"{adversarial}0.1"]
    # A seed: 6 shared by all, 4 of the discriminator shared by two (its own phase does not know the weight), 3 x 8.
    assert sum(work(jobs).values()) == 2 * (6 + 4 + 3 * 8)
    drawn = tree(read_study(str(study), own(tiny)), jobs)
    assert len(drawn.children) == 2 + 2


def test_configurations_that_are_one_run_are_told(study: Path, tiny: list[str]) -> None:
    assert twins(plan_jobs(read_study(str(study), own(tiny)))) == []
    in_study(study, variants={"mse": ["loss=[mse]"], "same": ["loss=[mse]", "weights.adversarial=7"]}, seeds=[0])
    jobs = plan_jobs(read_study(str(study), own(tiny)))
    assert twins(jobs) == [["mse, seed 0", "same, seed 0"]]


def test_runs_that_other_code_has_trained_are_told_once(study: Path, tiny: list[str]) -> None:
    jobs = plan_jobs(read_study(str(study), own(tiny)))
    assert done_by_other_code(jobs) == {}
    for job in jobs[1:3]:
        then = dict.fromkeys(code(job.plan.parts), "another")
        write_record(
            job.folder,
            as_record(
                {"identity": job.plan.identity, "status": "done", "evaluation": job.plan.evaluation, "code": then}
            ),
        )
    ((names, folders),) = done_by_other_code([*jobs, *jobs]).items()
    assert folders == [job.folder.name for job in jobs[1:3]]
    assert in_words(names) == f"{', '.join(names[:3])} and {len(names) - 3} others"
    assert in_words(names[:4]) == ", ".join(names[:4])


def test_weights_are_sought_where_the_command_says(study: Path, tiny: list[str], tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    file = saved(tmp_path / "weights", 2)
    in_study(study, recipe="srresnet", variants={"mse": ["generator=pretrained", f"generator.weights={file.name}"]})
    words = [*(word for word in own(tiny) if not word.startswith("schedule.")), "degradation.scale=2", "metric=[psnr]"]
    with pytest.raises(MissingWeights, match=f"{file.name} is missing"):
        plan_jobs(read_study(str(study), words))
    plan_jobs(read_study(str(study), [*words, f"paths.weights={file.parent}"]))


def test_where_nobody_says_it_a_study_runs_one_a_gpu(
    study: Path, tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_study(study, jobs=None)
    read = read_study(str(study), own(tiny))
    jobs = plan_jobs(read)
    assert read.jobs is None
    assert at_once(jobs, read.jobs) == 1
    monkeypatch.setattr(launcher, "gpus", lambda: (Gpu("H100", (9, 0)),) * 4)
    assert at_once(jobs, read.jobs) == 4
    assert at_once(jobs, read_study(str(study), [*own(tiny), "jobs=1"]).jobs) == 1
    assert at_once(plan_jobs(read_study(str(study), [*own(tiny), "trainer.accelerator=cpu"])), None) == 1


@pytest.mark.usefixtures("white")
def test_what_trains_nothing_is_scored_once_for_all_seeds(
    study: Path, tiny: list[str], tmp_path: Path, processes: WarmProcesses
) -> None:
    in_study(study, variants={"mse": ["loss=[mse]"], "white": ["generator=white"]})
    jobs = plan_jobs(read_study(str(study), own(tiny)))
    assert [(job.configuration, job.seed) for job in jobs] == [("mse", 0), ("white", None), ("mse", 1)]
    assert sum(work(jobs).values()) == 2 * (6 + 8)
    console = Console(width=200, file=io.StringIO())
    console.print(tree(read_study(str(study), own(tiny)), jobs))
    assert isinstance(console.file, io.StringIO)
    assert "nothing to train: scored once, for every seed" in console.file.getvalue()
    assert "white (waiting) glcic-white_baseline-" in console.file.getvalue()

    log = tmp_path / "log.txt"
    assert processes.start(["study", str(study), *own(tiny)], log=log).wait(300) == 0, log.read_text()
    record = read_record(jobs[1].folder)
    assert record is not None
    assert (record["status"], record["iterations"]) == ("done", 0)
    assert set(record["metrics"]) == {"psnr", "psnr_hole"}
    page = Path(log.read_text().strip().splitlines()[-1])
    row = pd.read_csv(page.parent / "summary.csv").set_index(["configuration", "metric"]).loc[("white", "psnr_hole")]
    assert (row["n_seeds"], row["over"]) == (0, WITHOUT_SEEDS)
    assert (row["difference_n_seeds"], row["difference_over"]) == (2, OVER_SEEDS)
    assert "no seeds" in page.read_text()


def test_what_others_have_done_since_the_command_is_not_done_again(study: Path, tiny: list[str]) -> None:
    """What an engine's workers need of each other: one that failed is left alone, one that was killed goes on."""
    in_study(study, variants={"mse": ["loss=[mse]"]}, seeds=[0])
    (job,) = plan_jobs(read_study(str(study), own(tiny)))
    facts = as_record({"identity": job.plan.identity, "evaluation": job.plan.evaluation, "error": "no memory"})

    def recorded(**more: str) -> str:
        write_record(job.folder, as_record({**facts, **more}))
        job.error, job.interrupted = None, False
        assert job.failed_since() == (job.error is not None)
        return job.status

    before, after = "2026-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00"
    assert recorded(status="failed", ended=before) == "waiting"
    assert recorded(status="failed", ended=after) == "failed"
    assert job.error == "no memory"
    assert recorded(status="interrupted", ended=after) == "waiting"
    # The process that has started the workers tells how each run has ended.
    job.part()
    assert (job.status, job.error) == ("interrupted", "no memory")
    assert recorded(status="running") == "waiting"
    job.follow()
    assert job.status == "running"
    job.part()
    assert (job.status, job.interrupted) == ("interrupted", True)
    assert recorded(status="done", ended=before) == "done"
    job.plan.config["rerun"] = True
    assert recorded(status="done", ended=before) == "waiting"
    assert recorded(status="done", ended=after) == "done"


def test_a_worker_goes_when_all_that_is_left_is_in_other_hands(
    study: Path, tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_study(study, variants={"mse": ["loss=[mse]"]}, seeds=[0])
    (job,) = plan_jobs(read_study(str(study), own(tiny)))
    monkeypatch.setenv(SINCE, job.since)
    with lock(job.folder / TURN):
        run_jobs([job], 1, lambda: None, lambda: None)
    assert job.elsewhere
