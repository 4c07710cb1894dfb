"""Where a run shows itself while it trains. The truth about curves is `metrics.csv`, written whatever the logger is.

none    nothing beyond metrics.csv
csv     and the validation pictures, in the run folder's panels/
wandb   and all of it in Weights & Biases, offline unless told otherwise
"""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch
from torch import Tensor
from torchvision.utils import make_grid, save_image

from henkan.config.resolved import Config, Node
from henkan.errors import UserError
from henkan.ranks import say
from henkan.training.recorder import Row

if TYPE_CHECKING:
    import wandb

Status = Literal["done", "stopped", "interrupted", "failed"]
# How long an online run waits for the W&B server before it goes on offline, and at its end for the upload; seconds.
PATIENCE = 8.0
UPLOAD_PATIENCE = 60.0
# The file, beside what W&B writes, that holds the id of its run.
RUN_ID = "run_id"


class RunLogger(ABC):
    """Shows one run. Called on rank 0 only; `finish` may come without `start`, when a run fails early."""

    @abstractmethod
    def start(self, folder: Path, record: Mapping[str, Any], config: Config, history: Sequence[Row]) -> None:
        """Begin. `record` is that of `run.json` in `folder`; `history` holds the rows of what was trained before."""

    @abstractmethod
    def log(self, row: Row) -> None:
        """Show values at `row["iteration"]`."""

    @abstractmethod
    def images(self, name: str, panels: Sequence[Mapping[str, Tensor]], iteration: int) -> None:
        """Show pictures of one size: for each example a mapping of named (1, 3, H, W) tensors in [0, 1]."""

    @abstractmethod
    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Show a table; a cell that is a `Path` is the picture in that file."""

    @abstractmethod
    def finish(self, status: Status, summary: Mapping[str, float]) -> None:
        """End, with the final scores."""


class Silent(RunLogger):
    """Shows nothing."""

    def start(self, folder: Path, record: Mapping[str, Any], config: Config, history: Sequence[Row]) -> None:
        pass

    def log(self, row: Row) -> None:
        pass

    def images(self, name: str, panels: Sequence[Mapping[str, Tensor]], iteration: int) -> None:
        pass

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        pass

    def finish(self, status: Status, summary: Mapping[str, float]) -> None:
        pass


class Files(Silent):
    """Writes pictures to `panels/<name>_<iteration>.png` of the run folder: a line an example, a column a panel."""

    def start(self, folder: Path, record: Mapping[str, Any], config: Config, history: Sequence[Row]) -> None:
        self.folder = folder

    def images(self, name: str, panels: Sequence[Mapping[str, Tensor]], iteration: int) -> None:
        if panels:
            path = self.folder / "panels" / f"{name}_{iteration:07d}.png"
            path.parent.mkdir(exist_ok=True)
            pictures = [picture.reshape(picture.shape[-3:]).float().cpu() for row in panels for picture in row.values()]
            save_image(make_grid(pictures, nrow=len(panels[0]), padding=2, pad_value=1.0), path)
            self.show(name, path, iteration)

    def show(self, name: str, path: Path, iteration: int) -> None:
        """What else is done with a written picture."""


Mode = Literal["offline", "online", "disabled"]


class WeightsAndBiases(Files):
    """One W&B run with one continuous curve, however often it was interrupted.

    Offline, the run is written anew from the history at each start, and what an earlier start had written is removed.
    Online, the server's run of the same id is gone on with. Without a key or a network, online goes on offline.
    Its id is the run's own or, where an agent of a W&B sweep has started it, the agent's, which stays when the run is
    gone on with by hand (`wandb/run_id`); another agent's takes its place.
    `disabled`: there is no W&B run, only the files. Raises `UserError` for another mode.
    """

    def __init__(self, project: str, mode: Mode) -> None:
        if mode not in get_args(Mode):
            raise UserError(f"logger.mode={mode}: it is one of {', '.join(get_args(Mode))} (or WANDB_MODE is)")
        self.project, self.mode = project, mode
        self.run: wandb.Run | None = None

    def start(self, folder: Path, record: Mapping[str, Any], config: Config, history: Sequence[Row]) -> None:
        super().start(folder, record, config, history)
        if self.mode == "disabled":
            return
        earlier = known_id(self.folder)
        identity = agents_id() or earlier or f"{record['identity'][:16]}-{record['nonce']}"
        # W&B takes 128 characters.
        self.title = str(record.get("title", folder.name))[:128]
        self.run = self.open(identity, config)
        (self.folder / "wandb" / RUN_ID).write_text(f"{self.run.id}\n")
        if earlier not in (None, self.run.id):
            say(f"W&B: the agent's run {self.run.id} takes over all that its run {earlier} had of this one")
        describe_metrics(self.run, config["metric"])
        with staging_in(self.folder / "wandb" / "staging"):
            use_data(self.run, config["data"], record["manifest"])
        self.origin = {"identity": record["identity"], "manifest": record["manifest"]}
        # Iterations that the server already has are not sent again.
        known = int(dict(self.run.summary).get("iteration", -1)) if self.run.resumed else -1
        for row in history:
            if int(row["iteration"]) > known:
                self.run.log(dict(row))
        until = int(history[-1]["iteration"]) if history else 0
        self.known = known
        for path in sorted((self.folder / "panels").glob("*_*.png")):
            name, _, iteration = path.stem.rpartition("_")
            if int(iteration) <= until:
                self.show(name, path, int(iteration))
        # All that earlier starts wrote offline is in the history, whatever they were called.
        for written in (self.folder / "wandb").glob("offline-run-*"):
            if written.is_dir() and written != Path(self.run.dir).parent:
                shutil.rmtree(written)

    def open(self, identity: str, config: Config) -> wandb.Run:
        """Begin the W&B run, online if that is wanted and possible."""
        import wandb

        mode = self.mode
        if mode == "online" and (reason := unreachable()) is not None:
            say(f"W&B goes on offline: {reason}; later, `wandb sync {self.folder}/wandb/offline-run-*` uploads the run")
            mode = "offline"
        while True:
            settings = wandb.Settings(
                mode=mode,
                root_dir=str(self.folder),
                silent=True,
                console="off",
                disable_git=True,
                disable_code=True,
                disable_job_creation=True,
                save_code=False,
                # Of the machine: on a GPU its load and memory are worth seeing, on a laptop they are noise.
                x_disable_stats=not torch.cuda.is_available(),
                x_save_requirements=False,
                init_timeout=PATIENCE,
                finish_timeout=UPLOAD_PATIENCE,
            )
            try:
                return wandb.init(
                    project=self.project,
                    group=config.get("study"),
                    job_type="train",
                    name=self.title,
                    id=identity,
                    tags=tags(config),
                    config=dict(config),
                    resume="allow" if mode == "online" else None,
                    settings=settings,
                )
            except wandb.errors.Error as error:
                if mode == "offline":
                    raise
                say(f"W&B goes on offline: {' '.join(str(error).split())}")
                mode = "offline"

    def log(self, row: Row) -> None:
        if self.run is not None and int(row["iteration"]) > self.known:
            self.run.log(dict(row))

    def show(self, name: str, path: Path, iteration: int) -> None:
        import wandb

        if self.run is not None and iteration > self.known:
            self.run.log({"iteration": iteration, name: wandb.Image(str(path))})

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        import wandb

        if self.run is not None:
            data: list[Iterable[Any]] = [
                [wandb.Image(str(cell)) if isinstance(cell, Path) else cell for cell in row] for row in rows
            ]
            with staging_in(self.folder / "wandb" / "staging"):
                self.run.log({name: wandb.Table(columns=list(columns), data=data)})

    def finish(self, status: Status, summary: Mapping[str, float]) -> None:
        if self.run is not None:
            self.run.summary.update({f"test/{name}": value for name, value in summary.items()})
            weights = self.folder / "checkpoints" / "last.ckpt"
            if status == "done" and weights.is_file():
                with staging_in(self.folder / "wandb" / "staging"):
                    log_model(self.run, self.folder.name, weights, self.origin)
            if status == "interrupted":
                # With a code that is not 0: to be gone on with, and an agent of a sweep does so.
                self.run.mark_preempting()
            self.run.finish(exit_code=0 if status in ("done", "stopped") else 1)
            self.run = None


def agents_id() -> str | None:
    """Return the id of the W&B run that an agent of a sweep wants this one to be; None where there is no agent."""
    return os.environ.get("WANDB_RUN_ID") or None if os.environ.get("WANDB_SWEEP_ID") else None


def known_id(folder: Path) -> str | None:
    """Return the id of the W&B run that a run has been so far; None before its first start."""
    path = folder / "wandb" / RUN_ID
    found = path.read_text(encoding="utf-8", errors="replace").strip() if path.is_file() else ""
    # What else stands there has not been written here.
    return found if re.fullmatch(r"[\w-]{1,128}", found, re.ASCII) else None


@contextmanager
def staging_in(folder: Path) -> Iterator[None]:
    """Let W&B keep what it stages for upload in the run folder instead of the user's home."""
    before = os.environ.get("WANDB_DATA_DIR")
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["WANDB_DATA_DIR"] = str(folder.absolute())
    try:
        yield
    finally:
        if before is None:
            del os.environ["WANDB_DATA_DIR"]
        else:
            os.environ["WANDB_DATA_DIR"] = before


def use_data(run: wandb.Run, data: Node, manifest: str) -> None:
    """Say what a run is trained on, as an artifact: what the pictures are and the hash of their contents, not they."""
    import wandb

    source = str(data["_target_"]).split(".")[-2]
    artifact = wandb.Artifact(source, type="dataset", metadata={"manifest": manifest, **data})
    with artifact.new_file("manifest.json") as file:
        json.dump({"manifest": manifest}, file)
    # `use_artifact` does the same, but refuses to offline and waits for the upload online.
    run._log_artifact(artifact, is_user_created=True, use_after_commit=True)


def log_model(run: wandb.Run, name: str, weights: Path, origin: Mapping[str, str]) -> None:
    """Show a run's last checkpoint as an artifact. It is not copied: an offline run is uploaded from the run folder."""
    import wandb

    artifact = wandb.Artifact(re.sub(r"[^\w.-]", "-", name)[:128], type="model", metadata=dict(origin))
    artifact.add_file(str(weights), policy="immutable", skip_cache=True)
    run.log_artifact(artifact)


def describe_metrics(run: wandb.Run, metrics: Mapping[str, Node]) -> None:
    """Plot everything over the iteration, and summarize each score by its best value."""
    run.define_metric("iteration")
    run.define_metric("*", step_metric="iteration")
    for name, node in metrics.items():
        best: Any = {"higher": "max", "lower": "min"}.get(str(node.get("better")))
        if best is not None:
            run.define_metric(f"val/{name}", step_metric="iteration", summary=best)


def tags(config: Config) -> list[str]:
    """Return task, recipe and phase plan, as W&B takes them: 1 to 64 characters each."""
    plan = ">".join(config["schedule"])
    words = [config["task"]["_target_"].split(".")[-2], config.get("recipe"), plan]
    return [str(word)[:64] for word in words if word]


def unreachable() -> str | None:
    """Return why W&B's server cannot be used, or None; asks for nothing and waits `PATIENCE` at most."""
    import wandb

    if not wandb.api.api_key:
        return "there is no API key (wandb login, or WANDB_API_KEY)"
    address = wandb.Settings().base_url
    answered = threading.Event()

    def ask() -> None:
        try:
            urllib.request.urlopen(address, timeout=PATIENCE).close()
        except urllib.error.HTTPError:
            # Whatever it says, it answers.
            answered.set()
        except OSError:
            return
        answered.set()

    # In a thread, since looking up a name cannot be given a limit.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return None if answered.is_set() else f"{address} does not answer"
