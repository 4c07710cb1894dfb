"""What lies beside a page: addresses that stay true when a folder is moved, and pictures brought where they must be.

A page of a study lies in RUNS/studies/NAME, and the runs in RUNS: they are sent, moved and served as one folder, so the
page names a run's picture where it is. A page elsewhere (`--into DIR`) is a folder by itself: pictures of runs outside
are brought into it, as hard links where the file system has them.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

# Where reports lie below the folder of the runs.
KINDS = ("studies", "sweeps", "searches")
BROUGHT = "pictures"


class Beside:
    """The surroundings of the page in one folder."""

    def __init__(self, page: Path) -> None:
        self.page = page.resolve()
        self.root = self.page.parents[1] if self.page.parent.name in KINDS else self.page
        self._brought: dict[Path, str] = {}
        self._wanted: set[Path] = set()

    def holds(self, folder: Path) -> bool:
        """Whether a run's folder goes where the page goes."""
        return folder.resolve().is_relative_to(self.root)

    def address(self, path: Path) -> str:
        """Return where something lies as the page's links say it."""
        return quote(Path(os.path.relpath(path.resolve(), self.page)).as_posix())

    def picture(self, path: Path) -> str:
        """Return the address of a run's picture, which is brought beside the page if it would stay behind."""
        run = path.parent.parent
        if self.holds(run):
            return self.address(path)
        name = self._brought.setdefault(run.resolve(), run.name)
        if [*self._brought.values()].count(name) > 1:
            name = self._brought[run.resolve()] = f"{run.name}-{len(self._brought)}"
        return self.address(self._bring(path, self.page / BROUGHT / name / path.name))

    def _bring(self, path: Path, here: Path) -> Path:
        self._wanted.add(here)
        if here.is_file() and same(path, here):
            return here
        here.parent.mkdir(parents=True, exist_ok=True)
        here.unlink(missing_ok=True)
        try:
            os.link(path, here)
        except OSError:
            # Another file system, or one without hard links.
            shutil.copy2(path, here)
        return here

    def tidy(self) -> None:
        """Remove pictures of earlier pages that this one does not show."""
        place = self.page / BROUGHT
        for old in set(place.glob("*/*.png")) - self._wanted if place.is_dir() else ():
            old.unlink(missing_ok=True)
            with suppress(OSError):
                old.parent.rmdir()


def same(one: Path, other: Path) -> bool:
    """Whether two files are one, or a copy that is as old."""
    ours, theirs = one.stat(), other.stat()
    return os.path.samestat(ours, theirs) or (ours.st_size, ours.st_mtime_ns) == (theirs.st_size, theirs.st_mtime_ns)
