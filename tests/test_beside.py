"""What stands beside the code: the job script, the citation, what the image is built from, whose pictures these are."""

from __future__ import annotations

import os
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
# SLURM's commands write down what they were called with; `srun` ends as a run would.
TOOL = "#!/bin/sh\necho $(basename $0) $@ >> {log}\nexit {code}\n"


@pytest.mark.parametrize(("code", "queued"), [(0, False), (1, False), (138, True)])
def test_a_job_is_queued_again_where_its_run_was_told_to_end(code: int, queued: bool, tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    for name, end in (("srun", code), ("scontrol", 0)):
        tool = tmp_path / name
        tool.write_text(TOOL.format(log=log, code=end))
        tool.chmod(0o755)
    given = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_JOB_ID": "4711", "SLURM_CPUS_PER_TASK": "3"}
    script = REPOSITORY / "docs" / "examples" / "train.sbatch"
    words = ["experiment=glcic", "loss=[mse,l1]"]
    assert subprocess.run(["bash", str(script), *words], cwd=tmp_path, env=given, check=False).returncode == code
    ran = "srun henkan train experiment=glcic loss=[mse,l1] trainer.workers=3"
    assert log.read_text().splitlines() == [ran, *(["scontrol requeue 4711"] if queued else [])]


def test_the_citation_is_of_this_version() -> None:
    said = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    assert (said["version"], said["license"]) == (PROJECT["version"], PROJECT["license"])
    assert {"cff-version", "message", "title", "authors"} <= said.keys()


def test_the_image_is_built_from_all_that_the_wheel_needs() -> None:
    kept = [line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    needed = {"src", "conf", "experiments", "pyproject.toml", PROJECT["readme"], *PROJECT["license-files"]}
    assert needed == set(kept)
    for name in kept:
        assert (REPOSITORY / name).exists()


def test_pictures_of_others_are_attributed() -> None:
    notice = (REPOSITORY / "NOTICE").read_text()
    assert "OpenMoji" in notice and "CC BY-SA 4.0" in notice
