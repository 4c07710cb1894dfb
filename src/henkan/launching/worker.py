"""One `henkan` command as a job of an engine: what runs on the machine that the engine has found for it.

Nothing but the standard library is imported: an engine unpickles this before the command's own process begins.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

# When the command was given that a worker is part of (ISO 8601): what has failed since then, none of them tries again.
SINCE = "HENKAN_WORKER_SINCE"
# What an engine gives to a job, or a machine has of its own, and whoever submits the job cannot know.
OF_THE_JOB = ("CUDA_", "GPU_", "HIP_", "NVIDIA_", "RAY_", "ROCR_", "TMP")
# The frozen config of the process that submits it, which lies on its machine.
LEFT_BEHIND = "HENKAN_CONFIG"


class Worker:
    """Runs `henkan <argv>` in `folder` and returns its exit code; `environment` is put into the job's own.

    Asked to end, or told by submitit that its time is up, it asks the command, whose runs save and end; after the
    latter it is queued again and goes on. What the command prints goes to the end of the file `log` where one is given.
    """

    def __init__(self, argv: list[str], folder: str, environment: Mapping[str, str], log: str | None = None) -> None:
        self.argv, self.folder, self.log = argv, folder, log
        self.environment = {name: value for name, value in environment.items() if not name.startswith(OF_THE_JOB)}
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self) -> int:
        environment = {**os.environ, **self.environment}
        environment.pop(LEFT_BEHIND, None)
        before = {number: signal.signal(number, self._ask) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            with ExitStack() as stack:
                file = None
                if self.log is not None:
                    Path(self.log).parent.mkdir(parents=True, exist_ok=True)
                    file = stack.enter_context(open(self.log, "ab"))
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "henkan", *self.argv],
                    cwd=self.folder,
                    env=environment,
                    stdout=file,
                    stderr=file,
                    # A group of its own: what asks this process and its group to end reaches the command once.
                    process_group=0,
                )
            return self._process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _ask(self, number: int = signal.SIGTERM, frame: FrameType | None = None) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def checkpoint(self) -> Any:
        """End the command, and return what submitit is to queue again: the time of its job is up."""
        from submitit.helpers import DelayedSubmission

        self._ask()
        if self._process is not None:
            self._process.wait()
        return DelayedSubmission(Worker(self.argv, self.folder, self.environment, self.log))
