"""Processes forked from a warm server, with a server that is warmed with toys instead of torch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from henkan.cuda import Gpu
from henkan.launching import launcher

TOY = """
import __main__, json, multiprocessing, os, signal, subprocess, sys, time
import henkan.launching.launcher as launcher
from henkan.cuda import Gpu
from henkan.launching.execute import Outcome

def execute(verb, arguments):
    if verb == "value":
        print("printed"), print("complained", file=sys.stderr)
        return Outcome(0, value=float(arguments[0]))
    if verb == "fail":
        return Outcome(2, error="no such thing")
    if verb == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if verb == "facts":
        print(json.dumps({"argv": sys.argv, "main": sys.modules["__main__"].__spec__.name, "cwd": os.getcwd(),
                          "threads": os.environ["HENKAN_THREADS"], "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"),
                          "method": multiprocessing.get_start_method()}))
        return Outcome(0)
    if verb == "sleep":
        child = subprocess.Popen(["sleep", "60"])
        with open(arguments[0], "w") as file:
            json.dump([os.getpid(), child.pid], file)
        time.sleep(60)
    if verb == "train":
        print("GPUs:", os.environ.get("CUDA_VISIBLE_DEVICES"))
        if "seed=1" in arguments:
            return Outcome(2, error="seed 1 is unlucky")
        return Outcome(0, value=float(len(arguments)))

launcher.execute = execute
launcher.gpus = lambda: (Gpu("H100", (9, 0)),) * int(os.environ.get("TOY_GPUS", "0"))
launcher.WARM = "toy"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "toy.py").write_text(TOY)
    return tmp_path


def start(folder: Path, script: str) -> subprocess.Popen[str]:
    """Start a script that uses the launcher, in a process of its own: a process has one server for good."""
    (folder / "script.py").write_text(
        "import signal\n\nimport toy\nfrom henkan.launching.launcher import WarmProcesses\n" + script
    )
    return subprocess.Popen(
        [sys.executable, "script.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.environ["PYTHONPATH"]])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result(folder: Path, script: str) -> Any:
    process = start(folder, script)
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, err
    return json.loads(out.splitlines()[-1])


def gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def await_that(condition: Any, seconds: float = 15.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def pids(path: Path) -> list[int]:
    assert await_that(lambda: path.is_file() and path.read_text().endswith("]"))
    found: list[int] = json.loads(path.read_text())
    return found


KILLED = "killed by the system: signal 9 (SIGKILL, as when memory runs out)"


def test_values_errors_and_exit_codes(folder: Path) -> None:
    ended = result(
        folder,
        """
import json
from pathlib import Path
if __name__ == "__main__":
    with WarmProcesses(2) as processes:
        running = [processes.start(argv, Path("log", f"{argv[0]}.txt"))
                   for argv in (["value", "2.5"], ["fail"], ["killed"])]
        for process in running:
            process.wait()
        print(json.dumps([[p.poll(), p.value, p.error] for p in running]))
""",
    )
    assert ended == [[0, 2.5, None], [2, None, "no such thing"], [-9, None, KILLED]]
    assert sorted((folder / "log" / "value.txt").read_text().split()) == ["complained", "printed"]


def test_a_child_is_the_command_of_its_own_run(folder: Path) -> None:
    """DDP starts `sys.argv` again, by the name of the main module."""
    facts = result(
        folder,
        """
import os
if __name__ == "__main__":
    os.environ.pop("HENKAN_THREADS", None)
    with WarmProcesses(os.cpu_count()) as processes:
        processes.start(["facts", "a=1", "b=2"]).wait()
""",
    )
    assert facts["argv"] == ["henkan", "facts", "a=1", "b=2"]
    assert facts["main"] == "henkan.__main__"
    assert Path(facts["cwd"]).samefile(folder)
    assert facts["threads"] == "1"
    assert facts["method"] != "forkserver"


def test_terminate_ends_what_a_child_has_started(folder: Path) -> None:
    ended = result(
        folder,
        """
import json, os, time
if __name__ == "__main__":
    with WarmProcesses() as processes:
        process = processes.start(["sleep", "pids.json"])
        while not os.path.exists("pids.json"):
            time.sleep(0.05)
        time.sleep(0.2)
        began = time.monotonic()
        process.terminate()
        print(json.dumps([process.poll(), time.monotonic() - began]))
""",
    )
    assert ended[0] == -signal.SIGTERM
    assert ended[1] < 5
    assert await_that(lambda: all(map(gone, pids(folder / "pids.json"))))


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_orphans_however_the_parent_ends(folder: Path, ending: signal.Signals) -> None:
    parent = start(
        folder,
        """
if __name__ == "__main__":
    # A shell that starts the suite in the background has interrupts ignored, and that is inherited.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with WarmProcesses() as processes:
        processes.start(["sleep", "pids.json"]).wait()
""",
    )
    children = pids(folder / "pids.json")
    time.sleep(0.2)
    parent.send_signal(ending)
    parent.communicate(timeout=30)
    assert await_that(lambda: all(map(gone, children)))


SWEEP = """
import json, sys
from henkan.launching.execute import execute
from hydra.core.plugins import Plugins
if __name__ == "__main__":
    told = []
    [plugin] = [known for known in Plugins.instance().discover() if known.__name__ == "ForkLauncher"]
    launch = plugin.launch
    def watched(*arguments, **named):
        told.extend(launch(*arguments, **named))
        return told
    plugin.launch = watched
    outcome = execute("train", WORDS)
    print(json.dumps([outcome.code, outcome.error,
                      [[job.status.name, job._return_value if job.status.name == "COMPLETED" else None,
                        job.overrides, job.task_name] for job in told]]))
"""


def sweep(folder: Path, *words: str) -> tuple[int, str | None, list[Any]]:
    words = ("-m", "logger=none", f"paths.runs={folder}/runs", *words)
    code, error, jobs = result(folder, SWEEP.replace("WORDS", repr(list(words))))
    return code, error, jobs


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_sweep_goes_on_after_a_failure_and_says_so(folder: Path, jobs: int) -> None:
    code, error, told = sweep(folder, "seed=0,1,2", f"hydra.launcher.n_jobs={jobs}")
    assert code == 2
    assert error == "1 of 3 runs failed"
    assert [job[0] for job in told] == ["COMPLETED", "FAILED", "COMPLETED"]
    # The single run is told its own overrides, and nothing of the sweep.
    assert [job[1] for job in told] == [3.0, None, 3.0]
    assert told[2][2:] == [["logger=none", f"paths.runs={folder}/runs", "seed=2"], "train"]


def test_fail_fast_ends_a_sweep_at_its_first_failure(folder: Path) -> None:
    code, error, told = sweep(folder, "seed=1,2,3", "hydra.launcher.fail_fast=true")
    assert code == 2
    assert error == "1 of 3 runs failed, 2 not done"
    assert [job[0] for job in told] == ["FAILED"]


def test_a_sweep_without_failures_ends_well(folder: Path) -> None:
    assert sweep(folder, "seed=0,2")[0] == 0


def test_a_sweep_makes_the_folder_that_sweepers_write_into(folder: Path) -> None:
    """Hydra's Optuna sweeper leaves what it has found there."""
    sweep(folder, "seed=0", "hydra.sweep.dir=swept")
    assert (folder / "swept").is_dir()


def test_a_sweep_by_what_no_run_logs_is_refused_before_the_first(folder: Path) -> None:
    code, error, told = sweep(folder, "seed=0,2", "objective=val/psnrr")
    assert (code, told) == (2, [])
    assert error is not None
    assert error.startswith("no run logs val/psnrr (did you mean 'val/psnr'?)")


@pytest.mark.slow
def test_hydras_own_basic_launcher_sweeps_too(tiny: list[str], tmp_path: Path) -> None:
    """One run after the other, in the process of the sweep itself."""
    words = ["-m", "hydra/launcher=basic", "seed=0,1", *tiny]
    done = subprocess.run(
        [sys.executable, "-m", "henkan", "train", *words], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    records = [json.loads((tmp_path / line / "run.json").read_text()) for line in done.stdout.splitlines()]
    assert [record["status"] for record in records] == ["done", "done"]
    assert [record["overrides"][0] for record in records] == ["seed=0", "seed=1"]


def test_commands_leave_no_descriptors(folder: Path) -> None:
    before, after, codes = result(
        folder,
        """
import json, os, resource
if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
    with WarmProcesses(2) as processes:
        open_ones, codes = [], []
        for number in range(30):
            processes.start(["value", str(number)])
            codes += [process.poll() for process in processes.wait_any()]
            open_ones.append(len(os.listdir("/proc/self/fd")))
        while len(codes) < 30:
            codes += [process.poll() for process in processes.wait_any()]
    print(json.dumps([open_ones[1], open_ones[-1], codes]))
""",
    )
    assert codes == [0] * 30
    assert after <= before + 2, "one more may still run"


def test_gpus_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "gpus", lambda: (Gpu("H100", (9, 0)),) * 8)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    eight = launcher.visible_devices()
    assert eight == ["0", "1", "2", "3", "4", "5", "6", "7"]

    def shares(devices: list[str], at_once: int) -> list[str | None]:
        return [launcher.share_of(devices, slot, at_once).get("CUDA_VISIBLE_DEVICES") for slot in range(at_once)]

    assert shares(eight, 8) == eight
    assert shares(eight, 3) == ["0,1", "2,3", "4,5"]
    assert shares(eight, 1) == ["0,1,2,3,4,5,6,7"], "a run of several devices may have them all"
    assert shares(["0", "1"], 5) == ["0", "1", "0", "1", "0"]
    assert shares([], 2) == [None, None]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,GPU-7a")
    assert launcher.visible_devices() == ["3", "GPU-7a"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert launcher.visible_devices() == []


@pytest.mark.parametrize(
    ("words", "at_once"),
    [
        ([], 3),
        (["hydra.launcher.n_jobs=1"], 1),
        (["hydra.launcher.n_jobs=2"], 2),
        (["trainer.devices=3"], 1),
        (["trainer.devices=1,auto"], 1),
        (["trainer.accelerator=cpu"], 1),
    ],
)
def test_where_nobody_says_it_a_sweep_runs_one_a_gpu(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], at_once: int
) -> None:
    monkeypatch.setenv("TOY_GPUS", "3")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert sweep(folder, "seed=0,2,3,4", "hydra.sweep.dir=swept", *words)[0] == 0
    logs = [path.read_text().split() for path in (folder / "swept").glob("*.log")]
    # One at a time prints where the sweep prints.
    assert len(logs) == (4 if at_once > 1 else 0)
    assert all(gpus in (["GPUs:", "0"], ["GPUs:", "1"], ["GPUs:", "2"]) for gpus in logs)


def test_a_sweep_of_no_runs_at_once_is_one_line(folder: Path) -> None:
    words = ["-m", "seed=0,1", f"paths.runs={folder}", "hydra.launcher.n_jobs=0"]
    told = result(folder, f"""
import json
from henkan.launching.execute import execute
if __name__ == "__main__":
    outcome = execute("train", {words})
    print(json.dumps([outcome.code, outcome.error]))
""")  # fmt: skip
    assert told == [2, "hydra.launcher.n_jobs must be at least 1, not 0"]


def test_how_many_go_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    one, cpu = {"devices": 1, "accelerator": "auto"}, {"devices": 1, "accelerator": "cpu"}
    assert launcher.slots([one], 5) == 1
    monkeypatch.setattr(launcher, "gpus", lambda: (Gpu("H100", (9, 0)),) * 8)
    assert launcher.slots([one, {"devices": 1, "accelerator": "cuda"}], 30) == 8
    assert launcher.slots([one], 3) == 3
    assert launcher.slots([one, cpu], 30) == launcher.slots([one, {"devices": 2, "accelerator": "gpu"}], 30) == 1


def test_a_slot_has_its_gpu_and_its_cores_and_is_given_again(folder: Path) -> None:
    lines = result(
        folder,
        """
import json, os
from pathlib import Path
if __name__ == "__main__":
    os.environ["CUDA_VISIBLE_DEVICES"] = "5,3"
    os.environ.pop("HENKAN_THREADS", None)
    os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])
    with WarmProcesses(2) as processes:
        held = processes.start(["sleep", "pids.json"])
        for number in range(2):
            processes.start(["facts"], Path(f"{number}.txt")).wait()
        held.terminate()
        processes.start(["facts"], Path("2.txt")).wait()
    print(json.dumps([json.loads(Path(f"{number}.txt").read_text()) for number in range(3)]))
""",
    )
    assert [line["gpus"] for line in lines] == ["3", "3", "5"]
    assert {line["threads"] for line in lines} == {"1"}
