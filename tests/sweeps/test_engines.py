"""Studies and searches by an engine's workers: submitit's on this machine, and a Ray of this machine alone."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from tiny_search import write_search
from tiny_study import done, in_study, own

from henkan.launching.launcher import WarmProcesses
from henkan.runs.record import read_record

pytestmark = pytest.mark.slow

ENGINES = {
    "submitit": ["engine=submitit", "engine.cluster=local", "engine.workers=2"],
    "ray": ["engine=ray", "engine.workers=2"],
}


@pytest.mark.parametrize("engine", ENGINES)
def test_workers_share_a_study_and_a_failure_is_told_once(
    study: Path, tiny: list[str], tmp_path: Path, processes: WarmProcesses, engine: str
) -> None:
    pytest.importorskip(engine)
    runs, log = tmp_path / "runs", tmp_path / "log.txt"
    gan = "loss=[mse,adversarial]"
    in_study(study, variants={"mse": ["loss=[mse]"], "broken": [gan, "discriminator.side=7"], "gan": [gan]}, jobs=1)
    words = ["study", str(study), *own(tiny), "seeds=[0]", *ENGINES[engine]]
    assert processes.start(words, log=log).wait(900) == 1, log.read_text()
    printed = log.read_text()
    assert len(done(runs)) == 2, printed
    assert printed.count("henkan: failed: broken, seed 0: ") == 1, printed
    assert "exit code" not in printed, printed
    page = Path(next(line for line in printed.splitlines() if line.endswith("report.html")))
    statuses = {
        run["configuration"]: run["status"] for run in json.loads((page.parent / "study.json").read_text())["runs"]
    }
    assert statuses == {"mse": "done", "broken": "failed", "gan": "done"}
    # The failure is told in the page, in the place where scores would be.
    assert "side" in page.read_text()
    # Each run was tried once, and by both workers together the prefix was trained once.
    logs = {path.parent.name: path.read_text() for path in runs.glob("*/log.txt")}
    assert len(logs) == 3
    for name, text in logs.items():
        ends = [line for line in text.splitlines() if line.startswith("henkan: ") and "side" in line]
        assert len(ends) == (1 if name not in done(runs) else 0), text
    starts = [(read_record(runs / name) or {}).get("prefix") for name in logs]
    assert sum(start is None for start in starts) == 1
    workers = page.parent / "workers"
    assert len([path for path in workers.iterdir() if path.suffix in (".out", ".txt")]) == 2


def test_workers_share_a_search(tiny: list[str], tmp_path: Path, processes: WarmProcesses) -> None:
    pytest.importorskip("submitit")
    log = tmp_path / "log.txt"
    words = ["search", write_search(tmp_path), *own(tiny), *ENGINES["submitit"]]
    assert processes.start(words, log=log).wait(900) == 0, log.read_text()
    assert "4 trials: 4 done" in log.read_text()
    (path,) = (tmp_path / "runs" / "searches").glob("*/trials.csv")
    trials = pd.read_csv(path)
    assert list(trials["trial"]) == [0, 1, 2, 3]
    assert trials["folder"].nunique() == 4
    # Both have tried some: each keeps what it says of its trials.
    said = [text.read_text() for text in (path.parent / "workers").glob("*.err")]
    assert len(said) == 2
    assert sum("trial " in text for text in said) == 2, said
