"""Another size for a person's own pictures by bidirectional similarity, or another place for what they show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig, ListConfig
from torch import Tensor

from henkan.baselines.bidirectional import Bidirectional
from henkan.data.drawings import Floats
from henkan.data.masks import check_mask, read_mask
from henkan.errors import UserError
from henkan.prediction.companions import masks_of
from henkan.prediction.pictures import read
from henkan.prediction.removal import grown


class Retargeting:
    """Asks a network for another size, by what a file says of importance; or moves an object that a mask marks.

    `cfg` has `importance`, a picture or a folder with one of each stem; `move`, [right, down] in pixels, `mask`, and
    `grow`, by how much more than the object is filled at its old place. Raises `UserError` where these do not belong
    together, or to the pictures.
    """

    def __init__(self, network: Bidirectional, cfg: DictConfig, pictures: Sequence[Path]) -> None:
        self.network, self.grow = network, cfg.grow
        self.move = None if cfg.move is None else move_of(cfg.move)
        if self.move is not None and cfg.importance is not None:
            raise UserError("importance is about another size, and move about an object: give one of them")
        if self.move is not None and network.size is not None:
            raise UserError("an object moves within a picture of its own size: leave out generator.size, or move")
        if self.move is None and network.size is None:
            raise UserError(
                "say which size pictures are to have, as in generator.size=[320,240], or what moves where, as in "
                "mask=object.png move=[40,0]"
            )
        if self.move is None and cfg.mask is not None:
            raise UserError(f"mask={cfg.mask} marks an object, and move=[right,down] says where it goes: give both")
        marked = None if cfg.mask is None else Path(str(cfg.mask))
        self.masks = {} if self.move is None else masks_of(pictures, marked)
        given = None if cfg.importance is None else Path(str(cfg.importance)).expanduser()
        self.importance = {} if given is None else {path: importance_path(path, given) for path in pictures}

    @property
    def companions(self) -> list[Path]:
        """The files that belong to the pictures."""
        return [*self.masks.values(), *self.importance.values()]

    def answer(self, picture: Floats, path: Path, device: torch.device) -> Floats:
        """Return what becomes of a picture (H, W, 3) in [0, 1]."""
        image = tensor_of(picture, device)
        with torch.inference_mode():
            if self.move is not None:
                mask = read_mask(self.masks[path])
                check_mask(mask, picture.shape[:2], str(path))
                held, hole = (tensor_of(flags[..., None], device) for flags in (mask > 0, grown(mask > 0, self.grow)))
                made = self.network.moved(image, held, self.move, hole)
            elif self.importance:
                counts = read_importance(self.importance[path])
                check_size(counts, picture.shape[:2], self.importance[path], path)
                made = self.network(image, tensor_of(counts[..., None], device))["raw"]
            else:
                made = self.network(image)["raw"]
        return np.asarray(made[0].permute(1, 2, 0).cpu().numpy(), np.float32)


def tensor_of(values: Floats | NDArray[np.bool_], device: torch.device) -> Tensor:
    """Return (1, C, H, W) of (H, W, C)."""
    return torch.from_numpy(values.astype(np.float32).transpose(2, 0, 1).copy())[None].to(device)


def move_of(given: object) -> tuple[int, int]:
    """Return by how many pixels an object goes right and down. Raises `UserError` for all else."""
    if not isinstance(given, ListConfig) or len(given) != 2 or not all(type(value) is int for value in given):
        raise UserError(f"move={given} is no way in pixels: give move=[right,down], as in move=[40,0] or move=[-25,10]")
    return given[0], given[1]


def importance_path(path: Path, given: Path) -> Path:
    """Return where a picture's importance is told: in the given file, or in that of its stem in the given folder."""
    own = given / f"{path.stem}.png" if given.is_dir() else given
    if not own.is_file():
        raise UserError(f"there is no {own}, which would say what is important in {path}")
    return own


def read_importance(path: Path) -> Floats:
    """Return what a grey picture says of importance, (H, W), from 0, black, to 1, white."""
    return np.asarray(np.asarray(read(path).convert("L"), np.float32) / 255, np.float32)


def check_size(counts: Floats, shape: tuple[int, ...], own: Path, path: Path) -> None:
    """Raise `UserError` if importance is told of a picture of another size."""
    if counts.shape != shape[:2]:
        one, other = (f"{width}x{height}" for height, width in (counts.shape, shape[:2]))
        raise UserError(f"{own} has {one} pixels and {path} {other}: make them equal")
