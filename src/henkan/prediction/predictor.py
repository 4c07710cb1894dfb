"""What applying a network to a person's own pictures takes, task by task."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig
from PIL import Image
from torch import Tensor, nn

from henkan.data.drawings import Floats
from henkan.data.paper import line_width
from henkan.errors import UserError
from henkan.networks.modes import device_of
from henkan.prediction import tiling
from henkan.prediction.given import NOTHING, Given
from henkan.prediction.pictures import FORMATS, beside, encoded, profile, read
from henkan.ranks import say
from henkan.runs.lines import advice, recorded
from henkan.transform import Transform

# What a picture is called that no file has.
PICTURE = "the picture"
GREY = ("L", "LA")
# Pixels from which on Pillow opens no picture.
LARGEST = 178_956_970


class Predictor(ABC):
    """Applies a generator to a person's pictures, for one task: `made` in memory, called with a path to a file's.

    `cfg` is what `henkan predict` was given (its own keys: mask, megapixels, …), `trained` the config of the run.
    """

    takes: frozenset[str] = frozenset()
    """What of `Given` says something to this task."""

    profiled = True
    """Whether the colors of what is made mean what those of the picture meant: then its color profile is kept."""

    def __init__(self, network: nn.Module, transform: Transform, cfg: DictConfig, trained: DictConfig) -> None:
        self.network, self.transform, self.cfg, self.trained = network, transform, cfg, trained
        self.device = device_of(network)
        self.ending = ending_of(cfg)
        self.lines = None if cfg.get("run") is None else recorded(Path(cfg.run))
        # The folder below which the pictures lie, where they are given as such.
        self.root: Path | None = None

    @property
    def task(self) -> str:
        """The name of the task, as in `task=NAME`."""
        return type(self.transform.task).__module__.rpartition(".")[2]

    def check(self, given: Mapping[str, Any]) -> None:
        """Raise `UserError` for settings that cannot be, and for what is given, by its names, to no use."""
        if unused := sorted(given.keys() - self.takes):
            known = f"it takes {', '.join(sorted(self.takes))}" if self.takes else "it takes a picture alone"
            raise UserError(f"{unused[0]}: {type(self.network).__name__} does not take it ({self.task}): {known}")

    @abstractmethod
    def made(self, image: Image.Image, given: Given = NOTHING, name: str = PICTURE) -> Image.Image:
        """Return what becomes of a picture (L, LA, RGB or RGBA), whole. Raises `UserError`, which calls it `name`."""

    def expect(self, pictures: Sequence[Path]) -> list[Path]:
        """Say which other files belong to the pictures. Raises `UserError` where that cannot be."""
        self.check(self.asked())
        return []

    def asked(self) -> dict[str, Any]:
        """Return what was given on the command line beside pictures, as it was given."""
        return {field.name: value for field in fields(Given) if (value := self.cfg.get(field.name)) is not None}

    def beside(self, path: Path) -> Given:
        """Return what belongs to the picture in a file; `expect` has been asked before."""
        return NOTHING

    def place(self, path: Path) -> Path:
        """Return in which folder below the given one a picture lies: its results and what belongs to it lie so too."""
        return path.parent.relative_to(self.root) if self.root is not None else Path()

    @property
    def budget(self) -> int:
        """How many pixels are given to the network at once."""
        return int(self.cfg.megapixels * 1e6)

    @property
    def context(self) -> int | None:
        """How many pixels around one the network sees; null: it sees the whole picture, or does not say."""
        return getattr(self.network, "context", None)

    @property
    def endings(self) -> tuple[str, ...]:
        """The endings of what is written for each picture."""
        return (self.ending,)

    def __call__(self, path: Path, page: int = 0) -> Iterator[tuple[str, bytes]]:
        """Yield what is to be written for one picture, or a page of it: ending and content. Raises `UserError`."""
        image = read(path, page)
        yield from self.files(self.made(image, self.beside(path), str(path)), image)

    def files(self, made: Image.Image, source: Image.Image) -> Iterator[tuple[str, bytes]]:
        """Yield ending and content of every file of what was made."""
        # That of a grey picture says nothing about colors, nor the other way round.
        kept = self.profiled and (source.mode in GREY) == (made.mode in GREY)
        yield self.written(made, source, profile(source) if kept else None)

    def written(self, made: Image.Image, source: Image.Image, icc_profile: bytes | None = None) -> tuple[str, bytes]:
        """Return ending and content of the file of what was made, with what its source's said beside the pixels."""
        return self.ending, encoded(made, self.ending, beside(source), icc_profile, self.cfg.get("quality", 95))

    def in_tiles(self, picture: Floats, answer: Callable[[Tensor], Tensor]) -> Floats:
        """Return what `answer` makes of a picture (H, W, C), in tiles that fit the budget: (H, W, c) times the scale.

        It is given a tile (1, C, h, w), where the network is, and returns (1, c, h, w) times the task's scale.
        """

        def filled(box: tiling.Box) -> Floats:
            tile = torch.from_numpy(picture[box.slices].transpose(2, 0, 1).copy())[None].to(self.device)
            return np.asarray(answer(tile)[0].permute(1, 2, 0).cpu().numpy(), np.float32)

        height, width = picture.shape[:2]
        everywhere, multiple = np.ones((height, width), bool), getattr(self.network, "multiple", 1)
        tiles = tiling.split(everywhere, self.budget, self.context, multiple)
        with torch.inference_mode():
            return tiling.merge(tiles, filled, height, width, self.transform.task.scale)

    def given_side(self) -> int | None:
        """Return the shorter side that was asked for. Raises `UserError` for what is none."""
        side = self.cfg.get("side")
        if side is not None and (not isinstance(side, int) or isinstance(side, bool) or side < 1):
            raise UserError(f"side={side} must be a number of pixels, 1 or more")
        return side

    def compare_lines(self, page: Floats, name: str) -> None:
        """Say so if the lines of a page (H, W) are narrower or wider than those that the network was trained on."""
        if (told := advice(line_width(page), self.lines, self.cfg.resize)) is not None:
            say(f"{name}: {told}")

    def output(self, source: Tensor, **beside: Tensor) -> Tensor:
        """Return the picture that the network and the task make of a source, and of what a sample has beside it."""
        found: Tensor = self.transform.generate(self.network, {"source": source, **beside})["output"]
        return found


def check_size(width: int, height: int, setting: str, name: str) -> None:
    """Raise `UserError` for a picture that a setting has made larger than one that may be opened."""
    if width * height > LARGEST:
        raise UserError(
            f"{name} has {width}x{height} pixels by {setting}, more than {LARGEST / 1e6:.0f} million: lower it"
        )


def check_numbers(cfg: DictConfig) -> None:
    """Raise `UserError` for numbers that cannot be, and for what is none."""
    for key in ("resize", "megapixels"):
        if not (is_number(cfg[key]) and 0 < cfg[key] < math.inf):
            raise UserError(f"{key}={cfg[key]} must be above 0")
    for key in ("grow", "feather"):
        if not (is_number(cfg[key]) and cfg[key] >= 0):
            raise UserError(f"{key}={cfg[key]} must be 0 pixels or more")
    if not isinstance(cfg.invert, bool):
        raise UserError(f"invert={cfg.invert} must be true or false")
    if not (is_number(cfg.quality) and 1 <= cfg.quality <= 100):
        raise UserError(f"quality={cfg.quality} must be from 1 to 100")


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_file_name(output: Path) -> bool:
    """Whether results go to one file of this name, and not into a folder."""
    return output.suffix.lower() in (*FORMATS, ".svg") and not output.is_dir()


def ending_of(cfg: DictConfig) -> str:
    """Return the ending of pictures that are written: by `format`, by `output` where that is a file, or PNG's.

    Raises `UserError` for a format that is none of these, and where both are given and differ.
    """
    given = cfg.get("format")
    ending = None if given is None else f".{given}".lower()
    if ending is not None and ending not in FORMATS:
        raise UserError(f"format={given} must be {', '.join(name.lstrip('.') for name in FORMATS)}")
    file = Path(str(cfg.get("output") or ""))
    if not is_file_name(file) or file.suffix.lower() == ".svg":
        return ending or ".png"
    if ending is not None and FORMATS[ending] != FORMATS[file.suffix.lower()]:
        raise UserError(f"format={given} and output={file} are two formats: give one of them")
    return file.suffix.lower()
