"""The page of a study while its runs go on: written in a process of its own, now and then."""

from __future__ import annotations

import time
from pathlib import Path

from henkan.files import sweep
from henkan.launching.launcher import Process, WarmProcesses
from henkan.saying import say

# Between two beginnings, in seconds: the page of a large study takes half a minute of a core that its runs could use.
EVERY = 60.0
# What the process prints; it stays where something went wrong.
LOG = "report.log"


class Refresher:
    """Writes the report of a study's folder again when something is new, but for the table of every score.

    What goes wrong with a page is said, and stops no run. Leaving the `with` ends what still writes.
    """

    def __init__(self, folder: Path, every: float = EVERY) -> None:
        self.folder, self.every = folder, every
        self._processes = WarmProcesses()
        self._running: Process | None = None
        self._since: float | None = None
        self._asked = False

    def __enter__(self) -> Refresher:
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.close()
        if self._running is not None:
            sweep(self.folder)
            (self.folder / LOG).unlink(missing_ok=True)

    def ask(self) -> None:
        """Say that something is new: the page is written as soon as it may be."""
        self._asked = True
        self.tick()

    def tick(self) -> None:
        """Begin to write the page, if it was asked for, nobody writes it now, and the last time is long enough ago."""
        if self._running is not None and self._running.poll() is not None:
            self._told(self._running.error)
            self._running = None
        long_ago = self._since is None or time.monotonic() - self._since >= self.every
        if self._asked and self._running is None and long_ago:
            self._asked, self._since = False, time.monotonic()
            self._running = self._processes.start(["report", "--page", str(self.folder)], log=self.folder / LOG)

    def _told(self, error: str | None) -> None:
        if error is None:
            (self.folder / LOG).unlink(missing_ok=True)
        else:
            say(f"the report was not written: {error} ({self.folder / LOG})")
