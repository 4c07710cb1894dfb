"""Upload offline runs to Weights & Biases, those that have ended and were not uploaded since, and dashboards.

Runs are named by their folders, a study's name or folder, a sweep's folder, a pattern of these, or the beginning of an
identity; without a name, all of paths.runs. A line for each. It is done through W&B's own `wandb sync`, with its key
(wandb login, or WANDB_API_KEY), its server (WANDB_BASE_URL) and its entity (WANDB_ENTITY). What could not be uploaded
stays as it is, and the same command goes on. A run whose folder was moved, or that another logger showed, is written
for W&B once more, from its curves, pictures and scores. Dashboards are those that henkan dashboard has written for the
studies.

  henkan sync outputs/runs/glcic-mse-seed0-0123456789
  henkan sync mse_vs_gan
  henkan sync 'outputs/runs/glcic-*' --dry-run
  henkan sync paths.runs=DIR
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from glob import glob
from pathlib import Path
from typing import cast

from omegaconf import OmegaConf

from henkan.archive.index import Archive
from henkan.archive.query import named
from henkan.config.resolved import Config
from henkan.config.trees import default_runs
from henkan.errors import UserError
from henkan.evaluation.shown import show_again
from henkan.files import Damaged
from henkan.report.dashboard import DASHBOARD, Dashboard, is_waiting, own_entity
from henkan.report.gathered import found
from henkan.runs.curves import read_rows
from henkan.runs.killed import attended, ending
from henkan.runs.record import Record, read_record
from henkan.runs.run import alone_in
from henkan.runs.trained import read_config
from henkan.training.loggers import WeightsAndBiases
from henkan.training.loggers.weights_and_biases import is_moved, is_uploaded, offline_files, unreachable
from henkan.training.recorder import Ended

OPTION = "paths.runs="
# So often W&B's client tries what the server does not take, instead of for hours: the same command goes on.
TRIES = "3"


def main(arguments: list[str]) -> int:
    dry = "--dry-run" in arguments
    place = next((word.removeprefix(OPTION) for word in arguments if word.startswith(OPTION)), None)
    words = [word for word in arguments if word != "--dry-run" and not word.startswith(OPTION)]
    if unknown := [word for word in words if word.startswith("-") or "=" in word]:
        raise UserError(f"henkan sync {unknown[0]}: it takes runs, a study, patterns, --dry-run and paths.runs=DIR")
    runs = Path(place) if place else default_runs()
    left, failed = [], 0
    for folder in named_by(words, runs):
        try:
            record = read_record(folder) or {}
        except Damaged as damage:
            print(f"{folder.name}: left out: {damage}")
            continue
        if (why := waits(folder, record)) is None:
            left.append(folder)
        else:
            print(f"{folder.name}: {why}")
    boards = dashboards(words, runs)
    if dry or not (left or boards):
        waiting = [f"{folder.name}: to be uploaded" for folder in left]
        waiting += [f"{folder.name}: its dashboard is to be uploaded" for folder in boards]
        print("\n".join(waiting) or "nothing is left to upload")
        return 0
    for number, folder in enumerate(left):
        if number == 0 or failed:
            check_server(len(left) - number + failed)
        error, address = upload(folder)
        failed += error is not None
        print(f"{folder.name}: {f'not uploaded: {error}' if error else f'uploaded {address}'.rstrip()}", flush=True)
    for number, folder in enumerate(boards):
        if number == 0:
            check_server(len(boards), "dashboard")
        print(f"{folder.name}: {upload_dashboard(folder)}", flush=True)
    if failed:
        check_server(failed)
        raise UserError(f"W&B: {failed} of {len(left)} runs were not uploaded; the same command tries them again")
    return 0


def dashboards(words: Sequence[str], runs: Path) -> list[Path]:
    """Return the folders of the studies that words name, without words of all, whose dashboard waits."""
    several = [Path(place) for word in words for place in sorted(glob(word)) or glob(f"{runs}/studies/{word}-*")]
    studies = several if words else sorted(runs.glob("studies/*"))
    return [folder for folder in dict.fromkeys(studies) if is_waiting(folder / DASHBOARD)]


def upload_dashboard(folder: Path) -> str:
    """Save the dashboard of a study's folder on the server; return what to say of it."""
    try:
        made = Dashboard.again(folder / DASHBOARD, os.environ.get("WANDB_ENTITY") or own_entity())
    except UserError as error:
        return f"its dashboard was left out: {error}"
    return f"dashboard uploaded {' '.join(made.save())}"


def named_by(words: Sequence[str], runs: Path) -> list[Path]:
    """Return the folders of the runs that words name, each once; without words, of all."""
    folders: list[Path] = []
    for word in words or [str(runs)]:
        several = found(word) or found(f"{runs}/studies/{word}-*")
        if several is None:
            archive = Archive(runs)
            several = [entry.folder for entry in named(archive, word)]
        folders += several
    return list(dict.fromkeys(Path(os.path.normpath(folder)) for folder in folders))


def waits(folder: Path, record: Record) -> str | None:
    """Return why a run is not to be uploaded now, None where it is."""
    if "identity" not in record:
        return "left out: it has no record"
    if attended(folder, record):
        return "left out: it is being trained; once more when it has ended"
    files = offline_files(folder)
    if files and all(map(is_uploaded, files)):
        return "uploaded already"
    if not files and any((folder / "wandb").glob("run-*")):
        return "it was online"
    return None


def check_server(waiting: int, what: str = "run") -> None:
    """Raise `UserError` where W&B cannot be reached."""
    if (reason := unreachable()) is not None:
        several = f"one {what} waits" if waiting == 1 else f"{waiting} {what}s wait"
        raise UserError(f"W&B: {reason}; {several}, and the same command uploads them")


def upload(folder: Path) -> tuple[str | None, str]:
    """Upload a run through W&B's own command; return what was wrong, and the address that W&B has given it."""
    # Two are there where a process was killed before it had removed the earlier one.
    if len(offline_files(folder)) != 1 or is_moved(folder):
        with alone_in(folder):
            write_again(folder)
    (file,) = offline_files(folder)
    limits = {f"WANDB__{name}_RETRY_MAX": TRIES for name in ("GRAPHQL", "FILE_STREAM", "FILE_TRANSFER")}
    environment = {**os.environ, **limits, "WANDB_DIR": str(folder.absolute()), "WANDB_MODE": "online"}
    # Names the process that W&B has started for this one.
    environment.pop("WANDB_SERVICE", None)
    command = [sys.executable, "-m", "wandb", "sync", str(file.parent.absolute())]
    ended = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    told = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in (ended.stdout + ended.stderr).splitlines()]
    addresses = [match[0] for line in told if (match := re.search(r"https?://\S+/runs/[\w-]+", line))]
    if is_uploaded(file):
        return None, addresses[-1] if addresses else ""
    lines = [line.removeprefix("wandb: ").removeprefix("ERROR ").strip() for line in told if "wandb:" in line]
    # The last line that says more than that it has begun.
    return next((line for line in reversed(lines) if line and "Syncing" not in line), "W&B does not say why"), ""


def write_again(folder: Path) -> None:
    """Write the offline run of a run anew, from what lies in its folder."""
    record = read_record(folder) or {}
    # Nothing of it is built, nor resolved: a stranger's may refer to what is in the environment here.
    config = cast(Config, OmegaConf.to_container(read_config(folder / "config.yaml"), resolve=False))
    project = str(config["logger"].get("project") or os.environ.get("WANDB_PROJECT") or "henkan")
    status = cast(Ended, ending(record)[0])
    show_again(WeightsAndBiases(project, "offline"), folder, record, config, read_rows(folder / "metrics.csv"), status)
