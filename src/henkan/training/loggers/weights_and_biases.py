"""Weights & Biases: one run with one continuous curve, that any project can group by variant, point and study."""

from __future__ import annotations

import json
import netrc
import os
import re
import shlex
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args
from urllib.parse import urlsplit

import safetensors.torch
import torch

from henkan.config.resolved import Config, Node
from henkan.errors import UserError
from henkan.ranks import say
from henkan.training import checkpoint
from henkan.training.loggers.logger import Files, group_of, kind_of, tags, title_of
from henkan.training.recorder import Ended, Row

if TYPE_CHECKING:
    import wandb

# How long an online run waits for the W&B server before it goes on offline, and at its end for the upload; seconds.
PATIENCE = 8.0
UPLOAD_PATIENCE = 60.0
# Beside what W&B writes: the id of its run, and where the folder lay when paths of it were written there.
RUN_ID, PLACE = "run_id", "place"
Mode = Literal["offline", "online", "disabled"]


class WeightsAndBiases(Files):
    """One W&B run with one continuous curve, however often it was interrupted.

    Offline, the run is written anew from the history at each start, and what an earlier start had written is removed.
    Online, the server's run of the same id is gone on with. Without a key or a network, online goes on offline.
    Its id is the run's own or, where an agent of a W&B sweep has started it, the agent's, which stays when the run is
    gone on with by hand (`wandb/run_id`); another agent's takes its place. Its group is its study or sweep, its type
    the variant.
    `disabled`: there is no W&B run, only the files. Raises `UserError` for another mode.
    """

    def __init__(self, project: str, mode: Mode) -> None:
        if mode not in get_args(Mode):
            raise UserError(f"logger.mode={mode}: it is one of {', '.join(get_args(Mode))} (or WANDB_MODE is)")
        self.project, self.mode = project, mode
        self.run: wandb.Run | None = None
        # Of a run that is gone on with: its last values, and their iteration.
        self.last: dict[str, Any] = {}
        self.known = -1

    def start(self, folder: Path, record: Mapping[str, Any], config: Config, history: Sequence[Row]) -> None:
        super().start(folder, record, config, history)
        if self.mode == "disabled":
            return
        earlier = known_id(self.folder)
        identity = agents_id() or earlier or f"{record['identity'][:16]}-{record['nonce']}"
        self.run = self.open(identity, record, config)
        for name, content in ((RUN_ID, self.run.id), (PLACE, str(self.folder.absolute()))):
            (self.folder / "wandb" / name).write_text(f"{content}\n", encoding="utf-8")
        if earlier not in (None, self.run.id):
            say(f"W&B: the agent's run {self.run.id} takes over all that its run {earlier} had of this one")
        describe_metrics(self.run, config["metric"])
        with staging_in(self.folder / "wandb" / "staging"):
            use_data(self.run, config["data"], record["manifest"])
        self.origin = {"identity": record["identity"], "manifest": record["manifest"]}
        # Iterations that the server already has are not sent again.
        self.last = dict(self.run.summary) if self.run.resumed else {}
        self.known = int(self.last.get("iteration", -1))
        for row in history:
            self.send(row)
        for picture in self.written(history):
            self.show(*picture)
        # All that earlier starts wrote offline is in the history, whatever they were called.
        for written in (self.folder / "wandb").glob("offline-run-*"):
            if written.is_dir() and written != Path(self.run.dir).parent:
                shutil.rmtree(written)

    def open(self, identity: str, record: Mapping[str, Any], config: Config) -> wandb.Run:
        """Begin the W&B run, online if that is wanted and possible."""
        import wandb

        mode = self.mode
        if mode == "online" and (reason := unreachable()) is not None:
            say(f"W&B goes on offline: {reason}")
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
                    group=short(group_of(record, config)),
                    job_type=short(kind_of(config)),
                    name=short(title_of(record, self.folder)),
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
        if self.run is not None:
            self.send(row)

    def send(self, row: Row) -> None:
        """Send what the server lacks of a row: of its last iteration a kill may have kept back the validation."""
        assert self.run is not None
        iteration = int(row["iteration"])
        lacking = dict(row) if iteration > self.known else {}
        if iteration == self.known:
            lacking = {name: value for name, value in row.items() if self.last.get(name) != value}
        if lacking:
            self.run.log({"iteration": iteration, **lacking})

    def show(self, name: str, path: Path, iteration: int) -> None:
        import wandb

        if self.run is not None and iteration >= self.known:
            self.run.log({"iteration": iteration, name: wandb.Image(str(path))})

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        import wandb

        if self.run is not None:
            data: list[Iterable[Any]] = [
                [wandb.Image(str(cell)) if isinstance(cell, Path) else cell for cell in row] for row in rows
            ]
            with staging_in(self.folder / "wandb" / "staging"):
                self.run.log({name: wandb.Table(columns=list(columns), data=data)})

    def finish(self, status: Ended, summary: Mapping[str, float]) -> None:
        if self.run is None:
            return
        self.run.summary.update({f"test/{name}": value for name, value in summary.items()})
        if status == "done" and checkpoint.last(self.folder).is_file():
            with staging_in(self.folder / "wandb" / "staging"):
                log_model(self.run, self.folder, self.origin)
        if status == "interrupted":
            # With a code that is not 0: to be gone on with, and an agent of a sweep does so.
            self.run.mark_preempting()
        offline, files = self.run.offline, Path(self.run.dir).parent
        began = time.monotonic()
        self.run.finish(exit_code=0 if status in ("done", "stopped") else 1)
        self.run = None
        if offline:
            own = f"wandb sync {shlex.quote(str(files))}"
            say(f"W&B: offline; `{sync_command(self.folder)}` uploads it, as does `{own}`")
        elif time.monotonic() - began > UPLOAD_PATIENCE:
            # W&B says so only where it is not silent, and calls the run crashed.
            say(
                f"W&B: the upload was not over in time; `wandb sync --include-online {shlex.quote(str(files))}` ends it"
            )

    def shown(self, folder: Path) -> str | None:
        if self.mode == "disabled":
            return ""
        known, agents = known_id(folder), agents_id()
        if known is None or agents not in (None, known):
            return None
        files = offline_files(folder)
        if any(is_uploaded(file) for file in files):
            return f"W&B: its run {known} was uploaded"
        if files and self.mode == "offline":
            return f"W&B: its run {known} lies in {folder / 'wandb'}; `{sync_command(folder)}` uploads it"
        return f"W&B: it is the run {known}" if any((folder / "wandb").glob("run-*")) else None


def short(name: str | None) -> str | None:
    """Return a name as W&B takes it: of 128 characters at most."""
    return None if name is None else name[:128]


def sync_command(folder: Path) -> str:
    """Return the command that uploads an offline run, whatever was moved since."""
    return f"henkan sync {shlex.quote(str(folder))}"


def offline_files(folder: Path) -> list[Path]:
    """Return the files of W&B that hold the offline run of a run's folder: one, or none."""
    return sorted((folder / "wandb").glob("offline-run-*/*.wandb"))


def is_uploaded(file: Path) -> bool:
    """Whether W&B's own `sync` has uploaded a file."""
    return file.with_suffix(".wandb.synced").exists()


def is_moved(folder: Path) -> bool:
    """Whether a run's folder lies elsewhere than when its offline run was written, which holds paths of artifacts."""
    place = folder / "wandb" / PLACE
    written = place.read_text(encoding="utf-8", errors="replace").strip() if place.is_file() else ""
    return written != str(folder.absolute())


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


def log_model(run: wandb.Run, folder: Path, origin: Mapping[str, str]) -> None:
    """Show the generator that is scored (its average, where there is one) as an artifact, with the config to build it.

    Not the checkpoint, whose optimizers and discriminator are many times as large: `init=` takes the file as well.
    W&B copies nothing here: an offline run is uploaded from the run folder.
    """
    import wandb

    state = checkpoint.load(checkpoint.last(folder))
    weights = checkpoint.generator(state)
    if not weights:
        return
    path = (folder / "wandb" / "model" / "generator.safetensors").absolute()
    path.parent.mkdir(exist_ok=True)
    facts = {**origin, "iteration": str(state.get("iteration", ""))}
    # Tensors that share memory, as tied weights do, are none of that format.
    safetensors.torch.save_file({name: value.clone().contiguous() for name, value in weights.items()}, path, facts)
    artifact = wandb.Artifact(re.sub(r"[^\w.-]", "-", folder.name)[:128], type="model", metadata=facts)
    for file in (path, (folder / "config.yaml").absolute()):
        if file.is_file():
            artifact.add_file(str(file), policy="immutable", skip_cache=True)
    run.log_artifact(artifact)


def describe_metrics(run: wandb.Run, metrics: Mapping[str, Node]) -> None:
    """Plot everything over the iteration, and summarize each score by its best value."""
    run.define_metric("iteration")
    run.define_metric("*", step_metric="iteration")
    for name, node in metrics.items():
        best: Any = {"higher": "max", "lower": "min"}.get(str(node.get("better")))
        if best is not None:
            run.define_metric(f"val/{name}", step_metric="iteration", summary=best)


def unreachable() -> str | None:
    """Return why W&B's server cannot be used, or None; asks for nothing and waits `PATIENCE` at most."""
    import wandb

    settings = wandb.setup().settings
    address = settings.base_url
    if not (settings.api_key or settings.identity_token_file or has_password(address)):
        return "there is no API key (wandb login, or WANDB_API_KEY)"
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


def has_password(address: str) -> bool:
    """Whether there is a key for a server where `wandb login` keeps them, in the netrc file."""
    named = os.environ.get("NETRC")
    for path in [Path(named)] if named else [Path.home() / ".netrc", Path.home() / "_netrc"]:
        try:
            if netrc.netrc(path.expanduser()).authenticators(urlsplit(address).hostname or "") is not None:
                return True
        except (OSError, netrc.NetrcParseError):
            continue
    return False
