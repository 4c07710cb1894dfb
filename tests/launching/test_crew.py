"""Workers of an engine: what they are given, how they end."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from henkan.config.engines import Engine
from henkan.errors import UserError
from henkan.launching import worker
from henkan.launching.crew import hired, parameters
from henkan.launching.worker import SINCE, Worker

PROGRAM = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
print(sys.argv[1:], os.getcwd(), os.environ.get("HENKAN_WORKER_SINCE"), os.environ.get("HENKAN_CONFIG"),
      os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
time.sleep(float(sys.argv[1]))
sys.exit(3)
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Worker]:
    """Return what makes a worker of a program that sleeps, in place of henkan."""
    # A package of that name that comes first, and waits.
    (tmp_path / "henkan").mkdir()
    (tmp_path / "henkan" / "__init__.py").touch()
    (tmp_path / "henkan" / "__main__.py").write_text(PROGRAM)
    monkeypatch.setenv("HENKAN_CONFIG", "/frozen")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    given = {SINCE: "2026", "CUDA_VISIBLE_DEVICES": "0,1", "PYTHONPATH": str(tmp_path)}
    return lambda seconds: Worker([seconds], str(tmp_path), given, str(tmp_path / "logs" / "0.txt"))


def test_a_worker_runs_its_command_in_the_folder_with_what_the_job_has(
    program: Callable[[str], Worker], tmp_path: Path
) -> None:
    assert program("0")() == 3
    assert (tmp_path / "logs" / "0.txt").read_text().strip() == f"['0'] {tmp_path} 2026 None 7"


@pytest.mark.parametrize("ask", ["signal", "checkpoint"])
def test_a_worker_that_is_asked_to_end_lets_its_command_do_so(
    program: Callable[[str], Worker], tmp_path: Path, ask: str
) -> None:
    pytest.importorskip("submitit")
    one, log = program("60"), tmp_path / "logs" / "0.txt"
    before = signal.getsignal(signal.SIGTERM)

    def end() -> None:
        while not (log.is_file() and log.read_text()):
            time.sleep(0.01)
        if ask == "signal":
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            again = one.checkpoint().function
            assert isinstance(again, Worker)
            assert (again.argv, again.environment) == (one.argv, one.environment)

    thread = threading.Thread(target=end)
    thread.start()
    assert one() == 143
    thread.join()
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_worker_is_unpickled_without_the_stack() -> None:
    text = Path(worker.__file__).read_text()
    assert "import torch" not in text
    assert not [line for line in text.splitlines() if line.startswith(("from henkan", "import henkan"))]


def test_settings_are_given_to_slurm_in_its_words() -> None:
    said = {"partition": "gpu", "time": 90, "gpus": 2, "cpus": 8, "memory": 64, "setup": ["module load cuda"],
            "options": {"reservation": "course"}}  # fmt: skip
    assert parameters(said, local=False) == {
        "name": "henkan",
        "nodes": 1,
        "tasks_per_node": 1,
        "timeout_min": 90,
        "gpus_per_node": 2,
        "cpus_per_task": 8,
        "mem_gb": 64,
        "slurm_partition": "gpu",
        "slurm_setup": ["module load cuda"],
        "slurm_signal_delay_s": 120,
        "slurm_additional_parameters": {"reservation": "course"},
    }
    assert "slurm_partition" not in parameters(said, local=True)


def test_sbatch_takes_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against submitit itself: it refuses a parameter that it does not know, and writes the others into its script."""
    pytest.importorskip("submitit")
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, does in {"sbatch": f"cp $1 {tmp_path}/script; echo Submitted batch job 4711", "srun": "true",
                       "scancel": f"echo $@ >> {tmp_path}/canceled", "sacct": "true"}.items():  # fmt: skip
        (tools / name).write_text(f"#!/bin/sh\n{does}\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)
    said = {"partition": "gpu", "qos": "long", "account": "me", "constraint": "a100", "gpus": 1,
            "setup": ["module load cuda"], "options": {"reservation": "course"}}  # fmt: skip
    with hired(Engine("submitit", 2, said), tmp_path / "workers") as crew:
        crew.start(["study", "x"], 2, "2026", 1)
        assert crew.ended() == {}
    script = (tmp_path / "script").read_text()
    for line in ("partition=gpu", "qos=long", "account=me", "constraint=a100", "gpus-per-node=1", "array=0-1",
                 "reservation=course", "time=240", "signal=USR2@120", "job-name=henkan", "nodes=1"):  # fmt: skip
        assert f"#SBATCH --{line}" in script, script
    assert "module load cuda" in script.splitlines()
    # Left before they have begun, they are called off.
    assert (tmp_path / "canceled").read_text().split() == ["4711_0", "4711_1"]


SBATCH = """#!/bin/sh
for last; do :; done
for task in 0 1; do
  SLURM_JOB_ID=$((4711 + task)) SLURM_ARRAY_JOB_ID=4711 SLURM_ARRAY_TASK_ID=$task SLURM_NTASKS=1 SLURM_PROCID=0 \\
  SLURM_LOCALID=0 SLURM_NODEID=0 SLURM_JOB_NUM_NODES=1 sh $last >> $last.out 2>&1 &
done
echo Submitted batch job 4711
"""
SRUN = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do case $1 in --output|--error) shift;; esac; shift; done
exec "$@"
"""


@pytest.mark.slow
def test_jobs_of_slurm_run_and_tell_how_they_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SLURM, simulated: sbatch runs an array's script at once: both jobs start henkan, and its end is told."""
    pytest.importorskip("submitit")
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, content in {"sbatch": SBATCH, "srun": SRUN, "sacct": "#!/bin/sh\n"}.items():
        (tools / name).write_text(content)
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    with hired(Engine("submitit", 2, {"partition": "gpu"}), tmp_path / "workers") as crew:
        crew.start(["nothing"], 2, "2026", 1)
        since = time.monotonic()
        while len(crew.ended()) < 2 and time.monotonic() - since < 60:
            time.sleep(0.1)
        ended = crew.ended()
    assert list(ended) == ["job 4711_0", "job 4711_1"]
    for line in ended.values():
        assert line is not None
        assert line.startswith("exit code 2: ")
    # What srun would have put into the jobs' logs.
    (printed,) = (tmp_path / "workers").rglob("*.sh.out")
    assert printed.read_text().count("there is no verb 'nothing'") == 2


def test_without_slurm_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("submitit")
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(UserError, match=r"no sbatch here.*engine\.cluster=local"):
        hired(Engine("submitit"), tmp_path)


@pytest.mark.parametrize(("name", "extra"), [("submitit", "submitit"), ("ray", "ray")])
def test_an_absent_package_is_named(name: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(UserError, match=rf"pip install 'henkan\[{extra}\]'"):
        hired(Engine(name), tmp_path)
