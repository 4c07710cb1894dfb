"""What damage does: every file that is read back is emptied, cut, overwritten with zeros and flipped, and read again.

Each file of a run, of a shared prefix, of a study, of a search, of the cache, of folders that `henkan degrade` wrote,
the index of runs and an exported network are damaged in place, in turn: a bit at a time for the functions that read it
(seconds), and a few ways for the commands that do (minutes). What comes of it is counted: refused or named in one line,
harmless (what is read is the same as before, made anew where need be), silent (it is not, and nothing was said) or a
traceback.
The last two must be 0; the exit code says whether they are.

    uv run python benchmarks/faults.py
    uv run python benchmarks/faults.py --flips 2000 --no-commands
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import shutil
import signal
import sys
import tarfile
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import yaml
from damage import Tally, commonest, read_damaged
from rich.console import Console

from henkan.archive.index import INDEX, Archive
from henkan.config.searches import ASKED, TRIALS
from henkan.data import saliency_folder
from henkan.data.cache import recalled
from henkan.data.degraded import Degraded, archive_index, manifest_rows
from henkan.data.image_folder import ImageFolder
from henkan.data.labelled_folder import LabelledFolder
from henkan.data.openmoji import OpenMoji
from henkan.data.saliency_folder import SaliencyFolder
from henkan.data.statistics import measure
from henkan.data.survey import survey
from henkan.data.svg_folder import SvgFolder
from henkan.data.webdataset import index_of
from henkan.degradations.mask_files import FolderMasks
from henkan.launching.launcher import Process, WarmProcesses
from henkan.report.trials import read_trials
from henkan.report.write import write_report
from henkan.runs.curves import MEASURED, last_iteration, read_rows
from henkan.runs.record import SCORED, altered, read_record
from henkan.runs.trained import read_config
from henkan.training import checkpoint, model_file

AT_ONCE = 2
# A command that takes so many seconds hangs.
TOO_LONG = 120.0
DRAWING = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><path d="M1 {0}L9 {0}" stroke="black"/></svg>'
# What holds when, how fast and where.
UNTOLD = ("run.json", "config.yaml")
TIMED = ("metrics.csv", "evaluation.json")


def make_pictures(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    for split, count in (("train", 12), ("val", 2), ("test", 3)):
        (folder / split).mkdir(parents=True)
        for number in range(count):
            picture = np.full((40, 48, 3), rng.integers(0, 256, 3), np.uint8)
            for _ in range(4):
                center = tuple(rng.integers(0, 40, 2).tolist())
                cv2.circle(picture, center, int(rng.integers(3, 15)), rng.integers(0, 256, 3).tolist(), -1)
            cv2.imwrite(str(folder / split / f"{number}.png"), picture)
    return folder


def labelled(folder: Path) -> Path:
    """Return a folder of pictures with maps of their classes, and of masks, made if it is not there."""
    if not folder.exists():
        for number in range(4):
            files = (folder / kind / "train" / f"{number}.png" for kind in ("pictures", "labels"))
            for path in (*files, folder / "masks" / f"{number}.png"):
                path.parent.mkdir(parents=True, exist_ok=True)
                area = np.pad(np.full((4, 4), 255 if path.parent.name == "masks" else number % 3, np.uint8), 6)
                cv2.imwrite(str(path), area)
    return folder


def tarred(path: Path, folder: Path) -> Path:
    """Return a tar file of a folder, made if it is not there."""
    if not path.exists():
        with tarfile.open(path, "w") as archive:
            archive.add(folder, "pictures")
    return path


def settings(pictures: Path, root: Path) -> list[str]:
    """Return the overrides of a run that takes seconds, over three phases."""
    return [
        "experiment=glcic",
        "scale=smoke",
        "data=image_folder",
        f"data.path={pictures}",
        f"paths.cache={root / 'cache'}",
        "optimizer=adam",
        "logger=none",
        "metric=[psnr,psnr_hole]",
        "trainer.threads=1",
        "trainer.workers=0",
        "trainer.log_every=2",
        "schedule.reconstruction.iterations=6",
        "schedule.discriminator.iterations=4",
        "schedule.joint.iterations=8",
        "checkpoint.every=1",
        "validation.every=6",
        "evaluation.curve={setting: high, values: [12, 16]}",
    ]


class Middle:
    """Stands for U²-Net, whose weights need not be here: what is in the middle is the object."""

    digest = "0" * 64

    def __init__(self, weights: str) -> None:
        pass

    def __call__(self, picture: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        found = np.zeros(np.shape(picture)[:2])
        found[10:30, 10:30] = 1
        return found


def samples(folder: Path) -> Any:
    """Read everything in a folder of degraded samples."""
    manifest_rows.cache_clear()
    archive_index.cache_clear()
    data = Degraded(folder)
    names = [name for split in ("train", "val", "test") for name in data.names(split)]
    return data.manifest(), {name: [data.picture(name), data.companions(name), data.facts_of(name)] for name in names}


def read_functions(root: Path, processes: WarmProcesses, tally: Tally, flips: int, rng: np.random.Generator) -> None:
    """Damage what functions read, bit by bit."""

    def damaged(name: str, path: Path, read: Callable[[], Any], share: float = 1.0) -> None:
        read_damaged(name, path, read, tally, max(1, round(flips * share)), rng)

    path = root / "small.ckpt"
    state = {"generator.a": torch.randn(3, 5), "generator.b": torch.randn(7, dtype=torch.float64)}
    checkpoint.save({"state_dict": state, "iteration": 3, "curves": "iteration,phase\r\n1,a\r\n"}, path)
    # A small one, since its headers are most of it.
    damaged("a checkpoint", path, lambda: checkpoint.load(path), 5)

    folder = next((root / "runs").glob("glcic-*"))
    damaged("config.yaml, as YAML", folder / "config.yaml", lambda: said(folder, "config.yaml", read_config))
    damaged("run.json", folder / "run.json", lambda: said(folder, "", read_record), 0.5)
    for name in ("metrics.csv", *(name for name in SCORED if "*" not in name), "pictures/index.json"):
        damaged(name, folder / name, lambda name=name: said(folder, name, Path.read_bytes), 0.5)  # type: ignore[misc]
    damaged("metrics.csv, as rows", folder / "metrics.csv", lambda: said(folder, "metrics.csv", read_rows))

    model = root / "model.safetensors"
    assert run(processes, ["export", f"run={folder}", f"output={model}"], root / "export.txt") == 0
    # A small one, as of the checkpoint.
    tensors = {"a": torch.randn(3, 5), "b": torch.randn(7)}
    model_file.write(root / "small.safetensors", tensors, model_file.said(model))
    damaged("a model file", root / "small.safetensors", lambda: model_file.state(root / "small.safetensors"), 2)

    def archived() -> Any:
        archive = Archive(root / "runs")
        archive.read_settings(archive.entries)
        return [(entry.name, entry.status, entry.metrics, entry.settings) for entry in archive.entries]

    archive = Archive(root / "runs")
    archive.read_settings(archive.entries)
    archive.close()
    damaged("the index of runs", root / "runs" / INDEX, archived, 0.5)

    pictures, cache = root / "pictures", root / "own cache"
    drawings = root / "drawings" / "train"
    drawings.mkdir(parents=True)
    for number in range(1, 9):
        (drawings / f"{number}.svg").write_text(DRAWING.format(number))

    def raster() -> Any:
        data = OpenMoji(2, cache)
        return [np.array(data.picture(data.names("train")[number])) for number in range(40)]

    def strokes() -> Any:
        data = SvgFolder(drawings.parent, 32, cache=cache)
        return [data.picture(data.names("train")[number]) for number in range(8)]

    def reduced() -> Any:
        data = ImageFolder(pictures, cache, cache_side=20)
        data.prepare()
        return [np.array(data.picture(name)) for name in data.names("train")]

    def labels() -> Any:
        return LabelledFolder(labelled(root / "labelled"), cache).classes

    def masks() -> Any:
        found = FolderMasks(root / "labelled" / "masks", (0.5, 0.5, 0.5), cache)
        found.check()
        return found.manifest()

    def salient() -> Any:
        data = SaliencyFolder(pictures, cache=cache)
        data.prepare()
        return [data.companions(name) for name in data.names("train")]

    def readable() -> Any:
        """Whether what is scored was read before: no answer has it read again."""
        return all(recalled(path) in (True, None) for path in (root / "cache" / "readable").glob("*.json"))

    cached: dict[str, tuple[str, Callable[[], Any], float]] = {
        "contents": ("contents/*.json", lambda: ImageFolder(pictures, cache).manifest(), 1.0),
        "statistics": ("statistics/*.json", lambda: measure(ImageFolder(pictures, cache), ["deviation"], cache), 1.0),
        "strokes": ("strokes/*.npz", strokes, 0.5),
        # Drawing all of them anew takes seconds.
        "raster": ("pictures/*.npy", raster, 0.01),
        "its checksums": ("pictures/*.crc", raster, 0.01),
        "pictures made smaller": ("pictures/shelf-*.bin", reduced, 0.2),
        "their table": ("pictures/shelf-*.json", reduced, 0.2),
        "classes": ("classes/*.json", labels, 0.5),
        "masks": ("masks/*.json", masks, 0.5),
        "U²-Net's masks": ("saliency/*/*.npz", salient, 0.2),
        "tars": ("tars/*.json", lambda: index_of(tarred(root / "a.tar", pictures), cache, True), 0.5),
        "survey": ("survey/*.json", lambda: survey(ImageFolder(pictures, cache), cache, 0), 0.2),
        "readable": ("../cache/readable/*.json", readable, 0.5),
    }
    for name, (pattern, read, share) in cached.items():
        read()
        found = list(cache.glob(pattern))
        assert found, name
        for path in found:
            damaged(f"cache: {name}", path, read, share)

    for format in ("tar", "files"):
        output = root / format
        words = ["degrade", *settings(pictures, root)[2:5], "degradation=rectangle", "size=16", "count=6", "shard=4"]
        words = [*words, "workers=0", f"format={format}", f"output={output}"]
        assert run(processes, words, root / "degrade.txt") == 0, (root / "degrade.txt").read_text()
        read = partial(samples, output)
        for path in sorted(output.rglob("*")):
            if path.is_file() and path.suffix != ".lock" and path.name not in ("sheet.png", "manifest.jsonl"):
                kind = path.relative_to(output).as_posix().rpartition("/")[0] or path.name
                damaged(f"samples as {format}: {kind} {path.suffix}", path, read, 0.2)


def said(folder: Path, name: str, read: Callable[[Path], Any]) -> Any:
    """Read a file of a run as commands do, which name what was changed since."""
    if names := altered(folder):
        print(f"edited or damaged since: {names}", file=sys.stderr)
    return read(folder / name)


def run(processes: WarmProcesses, words: list[str], log: Path) -> int | None:
    log.unlink(missing_ok=True)
    return processes.start(words, log=log).wait()


def results(folder: Path) -> dict[str, bytes]:
    """Return what was found in a folder, file by file, without what a machine took for it."""
    return {
        path.relative_to(folder).as_posix(): untimed(path) if path.name in TIMED else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in (".csv", ".json", ".png", ".yaml") and path.name not in UNTOLD
    }


def untimed(path: Path) -> bytes:
    """Return curves without seconds and the like, scores without the identity of a checkpoint, which holds them too."""
    if path.name == "metrics.csv":
        rows = read_rows(path)
        return repr([{name: row[name] for name in row if not name.startswith(MEASURED)} for row in rows]).encode()
    facts = {name: value for name, value in json.loads(path.read_text()).items() if name != "identity"}
    return json.dumps(facts).encode()


def run_commands(root: Path, processes: WarmProcesses, tally: Tally, rng: np.random.Generator) -> None:
    """Damage a file, then give the command that reads it: the run must end as it would have, or say why not."""
    words, done = settings(root / "pictures", root), next((root / "runs").glob("glcic-*"))
    killed, name = stopped(root, processes, words), done.name
    files = ["run.json", "config.yaml", "metrics.csv", "checkpoints/last.ckpt"]
    scored = ["evaluation.json", "scores.csv", "set_scores.json", "pictures/index.json", "pictures/00_output.png"]
    boundaries = sorted((root / "runs" / "prefixes").glob("*/boundary.ckpt"), key=lambda path: path.stat().st_size)
    prefix = boundaries[-1].relative_to(done.parent).as_posix()
    train = ["train", *words, "paths.runs={place}"]
    evaluate = ["evaluate", f"run={{place}}/{name}", f"paths.cache={root / 'cache'}"]
    mask, picture = root / "mask.png", root / "pictures" / "test" / "0.png"
    cv2.imwrite(str(mask), np.pad(np.full((10, 10), 255, np.uint8), ((10, 20), (10, 28))))
    predict = ["predict", f"run={{place}}/{name}", f"input={picture}", f"mask={mask}", "output={place}/predicted"]
    trials = [
        *(Trial("train, done", done.parent, train, f"{name}/{file}") for file in (*files, *scored)),
        *(Trial("train, killed", killed.parent, train, f"{name}/{file}") for file in files),
        Trial("train, from a prefix", alone(root, done.parent, name), train, prefix),
        *(Trial("evaluate run=", done.parent, evaluate, f"{name}/{file}") for file in files if file != "metrics.csv"),
        *(Trial("predict run=", done.parent, predict, f"{name}/{file}") for file in files if file != "metrics.csv"),
    ]
    expected: dict[str, dict[str, bytes]] = {}
    for trial in trials:
        if trial.name not in expected:
            process = trial.start(processes, (trial.source / trial.file).read_bytes(), root / "place")
            assert process.wait(TOO_LONG) == 0, (root / "place" / "log.txt").read_text()
            expected[trial.name] = results(root / "place")
    todo = [(trial, fault) for trial in trials for fault in commonest((trial.source / trial.file).read_bytes(), rng)]
    for first in range(0, len(todo), AT_ONCE):
        going = [
            (trial, fault, trial.start(processes, fault[1], root / f"place {number}"))
            for number, (trial, fault) in enumerate(todo[first : first + AT_ONCE])
        ]
        for number, (trial, (what, _), process) in enumerate(going):
            code = process.wait(TOO_LONG)
            place = root / f"place {number}"
            told = (place / "log.txt").read_text(errors="replace")
            if "Traceback" in told or code not in (0, 1, 2):
                process.terminate()
                outcome = "traceback"
            elif code or Path(trial.file).name in told:
                outcome = "one line"
            else:
                outcome = "harmless" if results(place) == expected[trial.name] else "silent"
            tally.add(f"{trial.name}: {trial.file.partition('/')[2]}", outcome, f"{what}: {told[-300:]}")


@dataclass(frozen=True)
class Trial:
    """A command that reads a file of a folder of runs."""

    name: str
    source: Path
    command: list[str]
    file: str

    def start(self, processes: WarmProcesses, content: bytes, place: Path) -> Process:
        """Start the command in a copy of the folder in which the file has another content."""
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.source, place)
        (place / self.file).write_bytes(content)
        return processes.start([word.replace("{place}", str(place)) for word in self.command], log=place / "log.txt")


def read_reports(root: Path, tally: Tally, rng: np.random.Generator) -> None:
    """Damage what a report reads: the page must be the same, or the file be named."""
    study = next((root / "studies").glob("*/study.json")).parent

    def report() -> Any:
        write_report(study)
        return (study / "summary.csv").read_bytes(), (study / "scores.csv").read_bytes()

    folder = next((root / "study runs").glob("glcic-*"))
    names = (
        "run.json",
        "metrics.csv",
        "scores.csv",
        "set_scores.json",
        "pictures/index.json",
        "pictures/00_output.png",
    )
    for path in (study / "study.json", *(folder / name for name in names)):
        with redirect_stdout(io.StringIO()):
            read_damaged(f"report: {path.name}", path, report, tally, 3, rng)


def read_searches(root: Path, processes: WarmProcesses, tally: Tally, flips: int, rng: np.random.Generator) -> None:
    """Damage what a search has written, and read it as its report does."""
    (root / "tiny").mkdir()
    (root / "tiny" / "search.yaml").write_text(
        yaml.safe_dump(
            {
                "recipe": "glcic",
                "scale": "smoke",
                "overrides": settings(root / "pictures", root)[2:],
                "trials": 2,
                "space": {"weights.adversarial": {"low": 0.001, "high": 0.1, "log": True}},
                "objectives": ["val/psnr"],
            }
        )
    )
    words = ["search", str(root / "tiny"), f"paths.runs={root / 'search runs'}"]
    assert run(processes, words, root / "search.txt") == 0, (root / "search.txt").read_text()
    folder = next((root / "search runs").rglob(TRIALS)).parent
    for name in (TRIALS, ASKED):
        read_damaged(f"search: {name}", folder / name, partial(read_trials, folder), tally, flips, rng)


def stopped(root: Path, processes: WarmProcesses, words: list[str]) -> Path:
    """Return the folder of a run that was killed on its way."""
    runs = root / "killed"
    process = processes.start(["train", *words, f"paths.runs={runs}"], log=root / "killed.txt")
    while process.poll() is None:
        curves = list(runs.glob("*/metrics.csv"))
        if curves and last_iteration(curves[0]) >= 12:
            os.kill(process.pid, signal.SIGKILL)
        time.sleep(0.002)
    return next(runs.glob("glcic-*"))


def alone(root: Path, runs: Path, name: str) -> Path:
    """Return a folder with the shared prefixes, without the run."""
    folder = root / "prefixes"
    shutil.copytree(runs, folder, ignore=shutil.ignore_patterns(name))
    return folder


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--flips", type=int, default=400, help="bits to flip in a file that a function reads")
    parser.add_argument("--no-commands", action="store_true", help="leave out what runs whole commands")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    tally, rng = Tally(), np.random.default_rng(0)
    since = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, WarmProcesses(2) as processes:
        root = Path(folder)
        words = settings(make_pictures(root / "pictures"), root)
        assert run(processes, ["train", *words, f"paths.runs={root / 'runs'}"], root / "first.txt") == 0
        vars(saliency_folder)["Saliency"] = Middle
        read_functions(root, processes, tally, given.flips, rng)
        read_searches(root, processes, tally, given.flips, rng)
        if not given.no_commands:
            run_commands(root, processes, tally, rng)
            study = ["study", "mse_vs_gan", *words[1:], "seeds=[0]", f"paths.runs={root / 'study runs'}"]
            assert run(processes, [*study, f"paths.studies={root / 'studies'}"], root / "study.txt") == 0
            read_reports(root, tally, rng)
    Console(width=120).print(tally.table())
    print(f"{time.perf_counter() - since:.0f} s")
    print(*tally.examples, sep="\n")
    return 1 if tally.examples else 0


if __name__ == "__main__":
    sys.exit(main())
