"""What a logger is, and the two that need nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor
from torchvision.utils import make_grid, save_image

from henkan.config.resolved import Config
from henkan.training.recorder import Ended, Row


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
    def finish(self, status: Ended, summary: Mapping[str, float]) -> None:
        """End, with the final scores."""

    def shown(self, folder: Path) -> str | None:
        """Return in words where a run that is done is shown already, "" where there is nothing to tell.

        None: it is not shown, so that it is to be started and finished once more.
        """
        return ""


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

    def finish(self, status: Ended, summary: Mapping[str, float]) -> None:
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
            # Of a set that is shown whole they have many sizes.
            height, width = (max(picture.shape[axis] for picture in pictures) for axis in (-2, -1))
            pictures = [
                F.pad(picture, (0, width - picture.shape[-1], 0, height - picture.shape[-2]), value=1.0)
                for picture in pictures
            ]
            save_image(make_grid(pictures, nrow=len(panels[0]), padding=2, pad_value=1.0), path)
            self.show(name, path, iteration)

    def show(self, name: str, path: Path, iteration: int) -> None:
        """What else is done with a written picture."""

    def written(self, history: Sequence[Row]) -> Iterator[tuple[str, Path, int]]:
        """Yield name, file and iteration of each picture that belongs to the history of a run that goes on."""
        until = int(history[-1]["iteration"]) if history else 0
        for path in sorted((self.folder / "panels").glob("*_*.png")):
            name, _, number = path.stem.rpartition("_")
            if number.isdecimal() and int(number) <= until:
                yield name, path, int(number)


def title_of(record: Mapping[str, Any], folder: Path) -> str:
    """Return what people call a run: its title, or where its record has none, its folder."""
    return str(record.get("title", folder.name))


def group_of(record: Mapping[str, Any], config: Config) -> str | None:
    """Return what a run is one of many of: the study, or the sweep."""
    return config.get("study") or record.get("sweep")


def kind_of(config: Config) -> str:
    """Return what a run is called among those of its group: its variant, or what the sweep varies."""
    return config.get("variant") or config.get("swept") or "train"


def tags(config: Config) -> list[str]:
    """Return task, recipe, phase plan and scale, as W&B takes them: 1 to 64 characters each."""
    plan = ">".join(config["schedule"])
    words = [config["task"]["_target_"].split(".")[-2], config.get("recipe"), plan, config.get("scale", {}).get("name")]
    return [str(word)[:64] for word in words if word]
