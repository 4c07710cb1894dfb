"""Fresh processes forked from a warm one: each run pays neither the imports again nor for what another one left behind.

A server (of `multiprocessing`) imports what `WARM` names once and forks a process for each command. A process leads a
process group of its own, so that what it starts in turn (data workers, the ranks of a distributed run) ends with it;
it ends itself when the one that asked for it is gone, however that came about.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import signal
import sys
import threading
import types
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import Any

from henkan.cores import threads
from henkan.cuda import gpus
from henkan.launching.execute import Outcome, Result, execute

# What the server imports before it forks.
WARM = ["henkan.launching.warm", "henkan.verbs.train", "henkan.launching.loaded"]
# What a process gets to end by itself before it is killed, in seconds: time for an iteration and a large checkpoint.
PATIENCE = 30.0
THREADS = "HENKAN_THREADS"
DEVICES = "CUDA_VISIBLE_DEVICES"
# The accelerators that are a GPU where CUDA shows one; see `henkan.devices.kind_of`.
ON_GPU = ("auto", "gpu", "cuda")


class Process:
    """One command in a process of its own, `argv` being what follows `henkan`."""

    def __init__(
        self, argv: Sequence[str], process: multiprocessing.process.BaseProcess, outcome: Connection, slot: int = 0
    ) -> None:
        assert process.pid is not None
        self.argv, self.pid, self.slot = list(argv), process.pid, slot
        self._process = process
        self._pipe = outcome
        self._code: int | None = None
        self._outcome: Outcome | None = None

    @property
    def sentinel(self) -> int:
        """What `multiprocessing.connection.wait` waits for, until `poll` or `wait` has told of the end."""
        return self._process.sentinel

    @property
    def value(self) -> Result | None:
        """What the command returned; None before its end, or where it failed."""
        return self._outcome.value if self._outcome is not None else None

    @property
    def error(self) -> str | None:
        """The line that says what went wrong; None before its end, or where nothing did."""
        return self._outcome.error if self._outcome is not None else None

    def poll(self) -> int | None:
        """Return the exit code (negative: the signal that ended it), or None while it runs."""
        return self.wait(0)

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for the end, at most `timeout` seconds; return as `poll` does."""
        if self._code is None:
            self._process.join(timeout)
            self._code = self._process.exitcode
            if self._code is not None:
                if self._code < 0:
                    self._end_group()
                self._outcome = self._read(self._code)
                # A sweep may have thousands of these, and a process a thousand descriptors.
                self._process.close()
        return self._code

    def ask(self) -> None:
        """Ask the process and what it started to end, as soon as it may."""
        if self.poll() is None:
            self._signal(signal.SIGTERM)

    def terminate(self) -> None:
        """End the process and what it started: politely, and for good after `PATIENCE` seconds."""
        if self.poll() is None:
            self._signal(signal.SIGTERM)
            self.wait(PATIENCE)
        self._signal(signal.SIGKILL)
        self.wait()

    def _read(self, code: int) -> Outcome:
        try:
            told: Outcome = self._pipe.recv()
        except EOFError:
            told = Outcome(code, error=killed_by(-code) if code < 0 else f"exit code {code}")
        self._pipe.close()
        return told

    def _end_group(self) -> None:
        """End what a killed process had started: data workers would hold its run's lock for seconds yet."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        for send in (os.killpg, os.kill):
            # The group is there once the process has made it, and while anybody in it lives.
            try:
                send(self.pid, number)
                return
            except ProcessLookupError:
                if self.poll() is not None:
                    return


def killed_by(number: int) -> str:
    """Return in words that a signal has ended a process; SIGKILL is what a system short of memory sends."""
    why = ", as when memory runs out" if number == signal.SIGKILL else ""
    return f"killed by the system: signal {number} ({signal.Signals(number).name}{why})"


class WarmProcesses:
    """Starts commands in forked processes, meant for `at_once` of them at a time; leaving the `with` ends them.

    The machine is shared out among them: its cores through the environment variable HENKAN_THREADS, unless it is set
    already, and its GPUs, or those of CUDA_VISIBLE_DEVICES, through that one. Where more run than there are GPUs, each
    GPU has several.
    """

    def __init__(self, at_once: int = 1) -> None:
        self.at_once = at_once
        self.threads = threads(at_once)
        self.devices = visible_devices()
        self._running: list[Process] = []
        self._awaited: list[Process] = []
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(WARM)

    def __enter__(self) -> WarmProcesses:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self, argv: Sequence[str], log: Path | None = None) -> Process:
        """Start `henkan <argv>`; what it prints goes to the end of the file `log` where one is given."""
        receiver, sender = self._context.Pipe(duplex=False)
        slot = self._free_slot()
        environment = {THREADS: str(self.threads), **os.environ, **share_of(self.devices, slot, self.at_once)}
        method = multiprocessing.get_start_method()
        process = self._context.Process(
            target=_become,
            args=(list(argv), log, environment, Path.cwd(), method, sender),
            name=f"henkan {argv[0]}",
        )
        process.start()
        sender.close()
        started = Process(argv, process, receiver, slot)
        self._running.append(started)
        self._awaited.append(started)
        return started

    def _free_slot(self) -> int:
        """Return the first of the slots that have the fewest processes."""
        self._running = [process for process in self._running if process.poll() is None]
        taken = [process.slot for process in self._running]
        return min(range(self.at_once), key=taken.count)

    def wait_any(self) -> list[Process]:
        """Wait until a process ends; return those not returned before."""
        if all(process.poll() is None for process in self._awaited):
            wait([process.sentinel for process in self._awaited])
        ended = [process for process in self._awaited if process.poll() is not None]
        self._awaited = [process for process in self._awaited if process not in ended]
        return ended

    def close(self) -> None:
        """End what still runs."""
        running = [process for process in self._running if process.poll() is None]
        for process in running:
            process._signal(signal.SIGTERM)
        for process in running:
            process.terminate()


def visible_devices() -> list[str]:
    """Return the GPUs of this process as CUDA_VISIBLE_DEVICES names them."""
    named = os.environ.get(DEVICES)
    if named is None:
        return [str(index) for index in range(len(gpus()))]
    return [name.strip() for name in named.split(",") if name.strip()]


def slots(trainers: Iterable[Mapping[str, Any]], runs: int) -> int:
    """Return how many runs go at once where nobody says it: as many as there are GPUs if each run is to have one.

    `trainers` are what the runs' configs say of it. No context is created on any GPU.
    """
    alone = all(each["devices"] == 1 and each["accelerator"] in ON_GPU for each in trainers)
    return max(1, min(len(gpus()), runs)) if alone else 1


def share_of(devices: Sequence[str], slot: int, slots: int) -> dict[str, str]:
    """Return the variable that leaves a slot its share of the GPUs: the same number for each, at least one."""
    if not devices:
        return {}
    share = max(1, len(devices) // slots)
    return {DEVICES: ",".join(devices[(slot * share + one) % len(devices)] for one in range(share))}


def _become(
    argv: list[str],
    log: Path | None,
    environment: dict[str, str],
    folder: Path,
    method: str,
    outcome: Connection,
) -> None:
    """Become the process that would have been started by `python -m henkan <argv>` in `folder`."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # The server's start method would become that of data workers.
    multiprocessing.set_start_method(method, force=True)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
    # What starts this process again (the ranks of a distributed run) looks at these two.
    main = types.ModuleType("__main__")
    main.__spec__ = importlib.util.find_spec("henkan.__main__")
    sys.modules["__main__"] = main
    sys.argv = ["henkan", *argv]
    told = execute(argv[0], argv[1:])
    outcome.send(told)
    outcome.close()
    sys.exit(told.code)


def _end_with_parent() -> None:
    """End this process group when the process that asked for it has gone, even by SIGKILL."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.killpg(0, signal.SIGTERM)
    threading.Event().wait(PATIENCE)
    os.killpg(0, signal.SIGKILL)
