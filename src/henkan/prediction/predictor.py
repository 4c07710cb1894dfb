"""What applying a network to a person's own pictures takes, task by task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from omegaconf import DictConfig
from PIL import Image
from torch import Tensor, nn

from henkan.data.drawings import Floats
from henkan.data.paper import line_width
from henkan.errors import UserError
from henkan.prediction import tiling
from henkan.prediction.pictures import FORMATS, beside, encoded
from henkan.ranks import say
from henkan.runs.lines import advice, recorded
from henkan.transform import Transform


class Predictor(ABC):
    """Applies a generator to pictures in files, for one task.

    `cfg` is what `henkan predict` was given (its own keys: mask, megapixels, …), `trained` the config of the run.
    """

    def __init__(self, network: nn.Module, transform: Transform, cfg: DictConfig, trained: DictConfig) -> None:
        self.network, self.transform, self.cfg, self.trained = network, transform, cfg, trained
        self.device = next((tensor.device for tensor in network.state_dict().values()), torch.device("cpu"))
        self.budget = int(cfg.megapixels * 1e6)
        self.ending = ending_of(cfg)
        self.lines = None if cfg.get("run") is None else recorded(Path(cfg.run))
        # The folder below which the pictures lie, where they are given as such.
        self.root: Path | None = None

    def expect(self, pictures: Sequence[Path]) -> list[Path]:
        """Say which other files belong to the pictures. Raises `UserError` where that cannot be."""
        return []

    def place(self, path: Path) -> Path:
        """Return in which folder below the given one a picture lies: its results and what belongs to it lie so too."""
        return path.parent.relative_to(self.root) if self.root is not None else Path()

    @property
    def context(self) -> int | None:
        """How many pixels around one the network sees; null: it sees the whole picture, or does not say."""
        return getattr(self.network, "context", None)

    @property
    def endings(self) -> tuple[str, ...]:
        """The endings of what is written for each picture."""
        return (self.ending,)

    @abstractmethod
    def __call__(self, path: Path, page: int = 0) -> Iterator[tuple[str, bytes]]:
        """Yield what is to be written for one picture, or a page of it: ending and content. Raises `UserError`."""

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

    def compare_lines(self, page: Floats, name: str) -> None:
        """Say so if the lines of a page (H, W) are narrower or wider than those that the network was trained on."""
        if (told := advice(line_width(page), self.lines, self.cfg.resize)) is not None:
            say(f"{name}: {told}")

    def output(self, source: Tensor) -> Tensor:
        """Return the picture that the network and the task make of a source."""
        found: Tensor = self.transform.generate(self.network, {"source": source})["output"]
        return found


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
