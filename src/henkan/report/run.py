"""One run of a study, as its folder tells it: scores, curves, pictures, each only if it is as the run wrote it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from henkan.files import Damaged, digest_of, read_json, read_text, unsealed
from henkan.runs.record import SCORED, TRAINED, Record

STATUSES = ("done", "running", "stopped", "interrupted", "failed", "waiting")
# What a user says beside the source.
GIVEN = ("hints", "strokes")
# What a report reads of a run whole; its pictures may be very many, and are looked at one by one as they are shown.
PICTURES = "pictures/"
NUMBERS = tuple(name for name in (*TRAINED, *SCORED) if not name.startswith(PICTURES))
PICTURE = re.compile(r"(\d+)_(source|hints|strokes|output|postprocessed|target)\.png")


@dataclass(frozen=True)
class Run:
    """One run of the study: its record, and what it has written so far; no seed where none matters."""

    configuration: str
    seed: int | None
    folder: Path
    status: str
    record: Record = field(repr=False)
    error: str = ""
    # Whether the record is as it was written, and of each picture that was asked for, whether it is.
    intact: bool = True
    seen: dict[str, bool] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def altered_numbers(self) -> list[str]:
        changed = [name for name in NUMBERS if not self.is_as_written(name)]
        return changed if self.intact else ["run.json", *changed]

    @property
    def altered(self) -> list[str]:
        """What was edited or damaged since the run wrote it; but for its record, none of that is shown.

        Of the pictures, those that were asked for by now.
        """
        return [*self.altered_numbers, *(name for name, intact in self.seen.items() if not intact)]

    def file(self, name: str) -> Path | None:
        """Return a file of the run, unless it was edited or damaged since."""
        if name.startswith(PICTURES):
            if name not in self.seen:
                self.seen[name] = self.is_as_written(name)
            return self.folder / name if self.seen[name] else None
        return None if name in self.altered_numbers else self.folder / name

    def is_as_written(self, name: str) -> bool:
        """Whether a file has the digest that the run's record says, if it says one."""
        then = (self.record.get("digests") or {}).get(name)
        path = self.folder / name
        return then is None or (path.is_file() and digest_of(path) == then)

    def picture(self, number: int, role: str) -> Path | None:
        """Return a test picture, unless it is not there, or was edited or damaged since."""
        name = self.pictures.get(number, {}).get(role)
        return None if name is None else self.file(f"{PICTURES}{name}")

    def picture_like(self, reference: Run, number: int, role: str) -> Path | None:
        """Return what it has of the test picture that another run calls `number`: by its name, where both have names.

        Runs that have kept other pictures, or were scored on other ones, number them otherwise.
        """
        ours, theirs = self.picture_names, reference.picture_names
        if self is not reference and ours and theirs:
            name = theirs[number] if number < len(theirs) else None
            if name not in ours:
                return None
            number = ours.index(name)
        return self.picture(number, role)

    def called(self, configuration: str) -> Run:
        """Return the run as one of a configuration by another name; what was read of it is not read again."""
        made = replace(self, configuration=configuration)
        read = {name for name, value in vars(type(self)).items() if isinstance(value, cached_property)}
        vars(made).update({name: value for name, value in vars(self).items() if name in read})
        return made

    @cached_property
    def scores(self) -> pd.DataFrame | None:
        """The test scores, one row a picture and one column a metric; None until the run is done."""
        if self.status != "done":
            return None
        table = read_table(self.file("scores.csv"))
        if table is None or "file" not in table:
            return None
        table["file"] = table["file"].astype(str)
        table = table.drop_duplicates("file").set_index("file")
        return pd.DataFrame({name: pd.to_numeric(table[name], errors="coerce") for name in table})

    @cached_property
    def areas(self) -> pd.DataFrame | None:
        """The means by the share of the picture that is missing: rows `area`, `pictures`, and the metrics."""
        return read_table(self.file("areas.csv")) if self.status == "done" else None

    @cached_property
    def along(self) -> pd.DataFrame | None:
        """The scores at several values of one setting of the degradation, the first column; see `evaluate.along`."""
        return read_table(self.file("curve.csv")) if self.status == "done" else None

    @cached_property
    def set_scores(self) -> dict[str, float]:
        """The set-level scores by metric, without those that could not be computed."""
        found = read_mapping(self.file("set_scores.json")) if self.status == "done" else {}
        return {key: float(value) for key, value in found.items() if isinstance(value, int | float)}

    @cached_property
    def absent_scores(self) -> dict[str, str]:
        """The metrics that could not run, and why."""
        found = read_mapping(self.file("absent_scores.json")) if self.status == "done" else {}
        return {key: str(why) for key, why in found.items()}

    @cached_property
    def curves(self) -> pd.DataFrame | None:
        """The training log in order of iteration: `iteration`, `phase` and the logged quantities."""
        table = read_table(self.file("metrics.csv"))
        if table is None or "iteration" not in table:
            return None
        columns = {
            name: table[name] if name == "phase" else pd.to_numeric(table[name], errors="coerce") for name in table
        }
        return pd.DataFrame(columns).dropna(subset=["iteration"]).sort_values("iteration", kind="stable")

    @cached_property
    def pictures(self) -> dict[int, dict[str, str]]:
        """The test pictures: number -> `source`, `output`, `target`, … -> file name; none until the run is done.

        Whether they are as the run wrote them is not known before one is asked for: see `picture`.
        """
        found: dict[int, dict[str, str]] = {}
        folder = self.folder / PICTURES
        if self.status == "done" and folder.is_dir():
            for name in sorted(os.listdir(folder)):
                if match := PICTURE.fullmatch(name):
                    found.setdefault(int(match[1]), {})[match[2]] = name
        return dict(sorted(found.items()))

    @cached_property
    def picture_names(self) -> list[str]:
        """The file names of the test pictures, in order of their numbers."""
        path = self.file("pictures/index.json")
        try:
            names: list[Any] = [] if path is None else read_json(path, "", list)
        except Damaged:
            return []
        return [str(name) for name in names]


def read_mapping(path: Path | None) -> dict[str, Any]:
    """Return a JSON mapping, without its seal; empty where the file is absent, damaged or half-written."""
    try:
        return {} if path is None else unsealed(read_json(path, "", dict))[0]
    except Damaged:
        return {}


def read_table(path: Path | None) -> pd.DataFrame | None:
    """Return a CSV file as far as its last complete line; None where there is no row yet, or no table any more."""
    try:
        text = "" if path is None else read_text(path, "")
        # A running run may be in the middle of a line: half a number would be read as a number.
        complete = text[: text.rfind("\n") + 1]
        # Some pictures are named by numbers, 0000012, and null is the value of a setting.
        table = pd.read_csv(StringIO(complete), dtype={"file": str}, keep_default_na=False, na_values=["", "nan"])
    except (Damaged, ValueError):
        return None
    return table if len(table) else None
